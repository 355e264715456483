/**
 * Reads of what the page cache has, many by one system call: as so many `preadv2` with RWF_NOWAIT,
 * they never wait and are over within the call, but the kernel is entered once.
 */
import { constants } from 'node:os';
import { openRing, type Ring } from './ring_memory.ts';
import { SubmissionQueue } from './submission_queue.ts';
import { MAX_RUN_PIECES, RWF_NOWAIT } from './syscalls.ts';

/** Fewer cost as much in calls of their own. */
export const LEAST_NOW_READS = 4;
/** A power of two. */
const RING_SIZE = MAX_RUN_PIECES;

const { EAGAIN } = constants.errno;

export class NowRing {
  readonly #ring: Ring;
  readonly #queue: SubmissionQueue;

  constructor(ring: Ring) {
    this.#ring = ring;
    this.#queue = new SubmissionQueue(ring, RWF_NOWAIT);
  }

  /** At most `MAX_RUN_PIECES` before `make`. `number`: where its result goes. */
  add(fd: number, into: Buffer, byteOffset: number, number: number): void {
    this.#queue.add(fd, into, 0, byteOffset, number);
  }

  /**
   * Bytes read of each, 0 where there were none, or a negative error number; only of those that the
   * kernel took.
   */
  make(bytesRead: number[]): void {
    const count = this.#queue.waiting;
    const taken = count - this.#queue.submit().length;
    let left = taken - this.#collect(bytesRead);
    // They are over already. Were they not, the memory would still be the kernel's.
    while (left > 0) {
      this.#ring.wait();
      left -= this.#collect(bytesRead);
    }
  }

  #collect(bytesRead: number[]): number {
    const { words, cqHead, cqTail, cqSize, cqes } = this.#ring.memory;
    const first = words[cqHead] ?? 0;
    const tail = Atomics.load(words, cqTail);
    let head = first;
    for (; head !== tail; head = (head + 1) | 0) {
      const entry = cqes + ((head & (cqSize - 1)) << 2);
      const result = words[entry + 2] ?? 0;
      bytesRead[words[entry] ?? 0] = result === -EAGAIN ? 0 : result;
    }
    Atomics.store(words, cqHead, head);
    return (tail - first) | 0;
  }
}

/** Undefined: not asked for yet. */
let shared: NowRing | null | undefined;

/** Of this thread. Null: each read is a call of its own. */
export function nowRing(): NowRing | null {
  if (shared === undefined) {
    const ring = openRing(RING_SIZE, false);
    shared = ring && new NowRing(ring);
  }
  return shared;
}
