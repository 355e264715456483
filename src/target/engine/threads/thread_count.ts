/** How many data threads run: what was wanted, as far as it can be had. */
import { availableParallelism } from 'node:os';
import { THREAD_CALLS } from '../../storage/thread_calls.ts';

const MOST_AUTOMATIC = 8;

export interface ThreadCount {
  readonly threads: number;
  /** Why there are fewer than were asked for. */
  readonly reason?: string;
}

export interface Machine {
  readonly cores: number;
  /** Connections can be handed from one thread to another. */
  readonly canHandOver: boolean;
}

const thisMachine = (): Machine => ({
  cores: availableParallelism(),
  canHandOver: THREAD_CALLS !== null,
});

/**
 * `wanted`: the preference `data_threads`. Automatic is half the cores: the kernel's network and
 * storage need the others.
 */
export function threadCount(wanted: string, machine = thisMachine()): ThreadCount {
  const { cores, canHandOver } = machine;
  const automatic = Math.max(1, Math.min(MOST_AUTOMATIC, Math.floor(cores / 2)));
  const threads = wanted === 'auto' ? automatic : Number(wanted);
  if (threads === 1 || canHandOver) return { threads };
  return { threads: 1, reason: 'more need the optional package koffi, on Linux' };
}
