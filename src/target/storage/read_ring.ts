/**
 * Reads that must wait for the device, by io_uring: no thread waits for them, and what one turn of
 * the event loop asks for goes to the kernel in one call. One ring for each thread of this process.
 */
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { BUSY_POLL, type AwaitedReads, type BusyPoll } from '../../util/busy_poll.ts';
import { IoSlots } from './io_slots.ts';
import { openRing, type Ring } from './ring_memory.ts';
import { SubmissionQueue } from './submission_queue.ts';

/** Reads under way at once; a power of two. */
const RING_SIZE = 256;
/** Beyond that the copying outweighs a thread, and many parts of one read can fill the device. */
export const MAX_RING_READ_BYTES = 64 * 1024;

const { EAGAIN } = constants.errno;

export interface RingRead {
  readonly fd: number;
  /** Stays where it is, and in use by nobody else, until `ringDone`. */
  readonly buffer: Buffer;
  /** Bytes of it that are filled. */
  readonly moved: number;
  readonly byteOffset: number;
  /** Bytes read, 0 at the end of the file, or a negative error number. */
  ringDone(result: number): void;
}

export class ReadRing implements AwaitedReads {
  /** Shares of the ring, by the rule of the pool's threads. */
  readonly slots = new IoSlots(RING_SIZE);
  readonly #ring: Ring;
  /** By number; what the kernel writes to must not be collected meanwhile. */
  readonly #reads: (RingRead | null)[];
  readonly #freeNumbers: number[];
  readonly #queue: SubmissionQueue;
  readonly #poll: BusyPoll;
  #underWay = 0;

  constructor(ring: Ring, poll = BUSY_POLL) {
    this.#ring = ring;
    this.#poll = poll;
    this.#queue = new SubmissionQueue(ring, 0);
    const { sqSize } = ring.memory;
    this.#reads = Array.from({ length: sqSize }, () => null);
    this.#freeNumbers = Array.from({ length: sqSize }, (_, number) => number);
    ring.watch(() => this.look());
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** False: full. Answered later, never within the call. */
  read(read: RingRead): boolean {
    const number = this.#freeNumbers.pop();
    if (number === undefined) return false;
    this.#reads[number] = read;
    if (this.#underWay++ === 0) this.#ring.hold(true);
    const { fd, buffer, moved, byteOffset } = read;
    this.#queue.add(fd, buffer, moved, byteOffset + moved, number);
    if (this.#queue.waiting === 1) process.nextTick(this.#submit);
    return true;
  }

  /** Answers what the device has answered. */
  look(): boolean {
    if (!this.#collect()) return false;
    this.#poll.answered();
    return true;
  }

  /** Blocks until nothing is under way: after that the buffers may go. */
  drain(): void {
    this.#submit();
    while (this.#underWay > 0) {
      this.#ring.wait();
      this.#collect();
    }
  }

  readonly #submit = (): void => {
    if (this.#queue.waiting === 0) return;
    // The kernel had no memory for them, or was interrupted: whoever asked has another way.
    for (const number of this.#queue.submit()) this.#over(number, -EAGAIN);
    this.#collect();
  };

  #collect(): boolean {
    let some = false;
    const { words, cqHead, cqTail, cqSize, cqes } = this.#ring.memory;
    // Asked anew each time: those who are answered may submit and so collect themselves.
    for (;;) {
      const head = words[cqHead] ?? 0;
      if (head === Atomics.load(words, cqTail)) return some;
      const entry = cqes + ((head & (cqSize - 1)) << 2);
      const number = words[entry] ?? 0;
      const result = words[entry + 2] ?? 0;
      // The kernel may use the place again from here on.
      Atomics.store(words, cqHead, (head + 1) | 0);
      this.#over(number, result);
      some = true;
    }
  }

  #over(number: number, result: number): void {
    const read = this.#reads[number];
    this.#reads[number] = null;
    this.#freeNumbers.push(number);
    if (--this.#underWay === 0) this.#ring.hold(false);
    read?.ringDone(result);
  }
}

function ofThisThread(): ReadRing | null {
  const ring = openRing(RING_SIZE);
  if (ring === null) return null;
  const reads = new ReadRing(ring);
  // The memory of a thread that ends is given up: the kernel must be done with it.
  BUSY_POLL.reads = reads;
  if (!isMainThread) process.on('exit', () => reads.drain());
  return reads;
}

/** Undefined: not asked for yet. */
let shared: ReadRing | null | undefined;

/** Null: reads that wait go to the pool of threads. */
export function readRing(): ReadRing | null {
  if (shared === undefined) shared = ofThisThread();
  return shared;
}

/** For `info`. */
export const waitingReads = (): string => (readRing() === null ? 'threads' : 'io_uring');
