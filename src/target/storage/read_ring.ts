/**
 * Reads that must wait for the device, by io_uring: no thread waits for them, and what one turn of
 * the event loop asks for goes to the kernel in one call. One ring for each thread of this process.
 */
import { isMainThread } from 'node:worker_threads';
import { BUSY_POLL, type AwaitedReads, type BusyPoll } from '../../util/busy_poll.ts';
import { IoSlots } from './io_slots.ts';
import { openRing, type Ring } from './ring_memory.ts';

/** Reads under way at once; a power of two. */
const RING_SIZE = 256;
/** Beyond that the copying outweighs a thread, and many parts of one read can fill the device. */
export const MAX_RING_READ_BYTES = 64 * 1024;

const OPCODE_READ = 22;
const EAGAIN = 11;
const TWO_TO_32 = 2 ** 32;

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
  #tail: number;
  #unsubmitted = 0;
  #underWay = 0;

  readonly #poll: BusyPoll;

  constructor(ring: Ring, poll = BUSY_POLL) {
    this.#ring = ring;
    this.#poll = poll;
    const { sqSize, sqTail, words } = ring.memory;
    this.#reads = Array.from({ length: sqSize }, () => null);
    this.#freeNumbers = Array.from({ length: sqSize }, (_, number) => number);
    this.#tail = words[sqTail] ?? 0;
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
    const { sqSize, entryBytes, entryWords, entryLongs } = this.#ring.memory;
    const entry = this.#tail & (sqSize - 1);
    const offset = read.byteOffset + read.moved;
    // struct io_uring_sqe; what is not set here is never set, and 0.
    const word = entry << 4;
    entryBytes[entry << 6] = OPCODE_READ;
    entryWords[word + 1] = read.fd;
    entryWords[word + 2] = offset | 0;
    entryWords[word + 3] = Math.floor(offset / TWO_TO_32);
    entryLongs[(entry << 3) + 2] = this.#ring.addressOf(read.buffer) + BigInt(read.moved);
    entryWords[word + 6] = read.buffer.length - read.moved;
    entryWords[word + 8] = number;
    this.#tail = (this.#tail + 1) | 0;
    if (this.#unsubmitted++ === 0) process.nextTick(this.#submit);
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
    const count = this.#unsubmitted;
    this.#unsubmitted = 0;
    if (count === 0) return;
    const { words, sqTail } = this.#ring.memory;
    // The entries are written before the kernel may look for them.
    Atomics.store(words, sqTail, this.#tail);
    const taken = Math.max(0, this.#ring.submit(count));
    if (taken < count) this.#takeBack(count - taken);
    this.#collect();
  };

  /** The kernel had no memory for them, or was interrupted: whoever asked has another way. */
  #takeBack(count: number): void {
    const { words, sqTail, sqSize, entryWords } = this.#ring.memory;
    this.#tail = (this.#tail - count) | 0;
    Atomics.store(words, sqTail, this.#tail);
    const numbers = Array.from({ length: count }, (_, at) => {
      const entry = (this.#tail + at) & (sqSize - 1);
      return entryWords[(entry << 4) + 8] ?? 0;
    });
    for (const number of numbers) this.#over(number, -EAGAIN);
  }

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

/** `LUNSMITH_IO_URING=0` in the environment: as if the system had none. */
function ofThisThread(): ReadRing | null {
  if (process.env['LUNSMITH_IO_URING'] === '0') return null;
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
