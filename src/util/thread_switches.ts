/** How often this thread has given up its core so far. */
import { KOFFI } from './koffi.ts';

export interface ThreadSwitches {
  /** To wait for something. */
  voluntary(): number;
  /** Because another thread was to run there. */
  involuntary(): number;
}

const RUSAGE_THREAD = 1;
/** struct rusage on 64-bit machines: 18 words, of which these are the last. */
const RUSAGE_WORDS = 18;
const RU_NVCSW = 16;
const RU_NIVCSW = 17;

function bind(): ThreadSwitches | null {
  if (KOFFI === null) return null;
  try {
    const getrusage = KOFFI.load('libc.so.6').func('int getrusage(int who, void *usage)');
    const usage = new BigInt64Array(RUSAGE_WORDS);
    const ask = (word: number): number => {
      getrusage(RUSAGE_THREAD, usage);
      return Number(usage[word]);
    };
    return { voluntary: () => ask(RU_NVCSW), involuntary: () => ask(RU_NIVCSW) };
  } catch {
    return null;
  }
}

/** Null: not to be had here. */
export const THREAD_SWITCHES: ThreadSwitches | null = bind();
