/**
 * Reads of what the page cache has, many by one system call: as so many `preadv2` with RWF_NOWAIT,
 * they never wait and are over within the call, but the kernel is entered once.
 */
import { openRing, type Ring } from './ring_memory.ts';
import { MAX_RUN_PIECES } from './syscalls.ts';

/** Fewer cost as much in calls of their own. */
export const LEAST_NOW_READS = 4;
/** A power of two. */
const RING_SIZE = MAX_RUN_PIECES;

const OPCODE_READ = 22;
const RWF_NOWAIT = 8;
const EAGAIN = 11;
const TWO_TO_32 = 2 ** 32;

export class NowRing {
  readonly #ring: Ring;
  #tail: number;
  #count = 0;

  constructor(ring: Ring) {
    this.#ring = ring;
    const { words, sqTail } = ring.memory;
    this.#tail = words[sqTail] ?? 0;
  }

  /** At most `MAX_RUN_PIECES` before `make`. `number`: where its result goes. */
  add(fd: number, into: Buffer, byteOffset: number, number: number): void {
    const { sqSize, entryBytes, entryWords, entryLongs } = this.#ring.memory;
    const entry = this.#tail & (sqSize - 1);
    // struct io_uring_sqe; what is not set here is never set, and 0.
    const word = entry << 4;
    entryBytes[entry << 6] = OPCODE_READ;
    entryWords[word + 1] = fd;
    entryWords[word + 2] = byteOffset | 0;
    entryWords[word + 3] = Math.floor(byteOffset / TWO_TO_32);
    entryLongs[(entry << 3) + 2] = this.#ring.addressOf(into);
    entryWords[word + 6] = into.length;
    entryWords[word + 7] = RWF_NOWAIT;
    entryWords[word + 8] = number;
    this.#tail = (this.#tail + 1) | 0;
    this.#count++;
  }

  /**
   * Bytes read of each, 0 where there were none, or a negative error number; only of those that the
   * kernel took.
   */
  make(bytesRead: number[]): void {
    const count = this.#count;
    this.#count = 0;
    const { words, sqTail } = this.#ring.memory;
    // The entries are written before the kernel may look for them.
    Atomics.store(words, sqTail, this.#tail);
    const taken = Math.max(0, this.#ring.submit(count));
    if (taken < count) {
      this.#tail = (this.#tail - (count - taken)) | 0;
      Atomics.store(words, sqTail, this.#tail);
    }
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
    const ring = process.env['LUNSMITH_IO_URING'] === '0' ? null : openRing(RING_SIZE, false);
    shared = ring && new NowRing(ring);
  }
  return shared;
}
