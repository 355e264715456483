/** Moments of a limit of rate that several data threads enforce together, in shared memory. */
import type { Dues } from '../../scsi/dues.ts';
import type { Clock } from '../../../util/clock.ts';

const COMMAND = 0;
const BYTE = 1;
/** Of the shared memory: two moments in microseconds of the time that all threads have. */
export const DUES_BYTES = 16;
const NEVER_USED = -(2n ** 62n);

/** Milliseconds since the machine started: each thread's `performance.now` begins when it began. */
const commonMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export class SharedDues implements Dues {
  #moments: BigInt64Array;
  readonly #aheadMs: number;

  /** Without memory it is this thread's own until `adopt`. */
  constructor(clock: Clock, memory = new SharedArrayBuffer(DUES_BYTES), offset = 0) {
    this.#moments = new BigInt64Array(memory, offset, 2);
    this.#aheadMs = commonMs() - clock.nowMs();
  }

  adopt(memory: SharedArrayBuffer): void {
    this.#moments = new BigInt64Array(memory, 0, 2);
  }

  get commandMs(): number {
    return this.#at(COMMAND);
  }

  get byteMs(): number {
    return this.#at(BYTE);
  }

  advance(earliestMs: number, byCommandMs: number, byByteMs: number): void {
    const earliest = BigInt(Math.round((earliestMs + this.#aheadMs) * 1000));
    this.#move(COMMAND, earliest, BigInt(Math.round(byCommandMs * 1000)));
    this.#move(BYTE, earliest, BigInt(Math.round(byByteMs * 1000)));
  }

  clear(): void {
    Atomics.store(this.#moments, COMMAND, NEVER_USED);
    Atomics.store(this.#moments, BYTE, NEVER_USED);
  }

  #at(index: number): number {
    return Number(Atomics.load(this.#moments, index)) / 1000 - this.#aheadMs;
  }

  #move(index: number, earliest: bigint, by: bigint): void {
    for (;;) {
      const now = Atomics.load(this.#moments, index);
      const next = (now > earliest ? now : earliest) + by;
      if (Atomics.compareExchange(this.#moments, index, now, next) === now) return;
    }
  }
}
