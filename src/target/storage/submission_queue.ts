/** Reads written down for the kernel in a ring's memory (struct io_uring_sqe), and handed over. */
import type { Ring } from './ring_memory.ts';

const OPCODE_READ = 22;
const TWO_TO_32 = 2 ** 32;
const NONE: readonly number[] = [];

export class SubmissionQueue {
  readonly #ring: Ring;
  readonly #flags: number;
  #tail: number;
  #waiting = 0;

  /** `flags`: of each read, as preadv2(2) has them. */
  constructor(ring: Ring, flags: number) {
    const { words, sqTail } = ring.memory;
    this.#ring = ring;
    this.#flags = flags;
    this.#tail = words[sqTail] ?? 0;
  }

  /** Added, and not handed over yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * There must be room for it. It goes on at `byteOffset` where `moved` bytes of `into` are filled;
   * `number` comes back with its result.
   */
  add(fd: number, into: Buffer, moved: number, byteOffset: number, number: number): void {
    const { sqSize, entryBytes, entryWords, entryLongs } = this.#ring.memory;
    const entry = this.#tail & (sqSize - 1);
    const address = this.#ring.addressOf(into);
    // What is not set here is never set, and 0.
    const word = entry << 4;
    entryBytes[entry << 6] = OPCODE_READ;
    entryWords[word + 1] = fd;
    entryWords[word + 2] = byteOffset | 0;
    entryWords[word + 3] = Math.floor(byteOffset / TWO_TO_32);
    entryLongs[(entry << 3) + 2] = moved === 0 ? address : address + BigInt(moved);
    entryWords[word + 6] = into.length - moved;
    entryWords[word + 7] = this.#flags;
    entryWords[word + 8] = number;
    this.#tail = (this.#tail + 1) | 0;
    this.#waiting++;
  }

  /** Hands all over; the numbers of those that the kernel did not take. */
  submit(): readonly number[] {
    const count = this.#waiting;
    this.#waiting = 0;
    const { words, sqTail, sqSize, entryWords } = this.#ring.memory;
    // The entries are written before the kernel may look for them.
    Atomics.store(words, sqTail, this.#tail);
    const left = count - Math.max(0, this.#ring.submit(count));
    if (left === 0) return NONE;
    this.#tail = (this.#tail - left) | 0;
    Atomics.store(words, sqTail, this.#tail);
    return Array.from({ length: left }, (_, at) => {
      const entry = (this.#tail + at) & (sqSize - 1);
      return entryWords[(entry << 4) + 8] ?? 0;
    });
  }
}
