/**
 * How fast the commands of a logical unit may begin. Time is the only state: each command moves the
 * moment at which the next is due, and one may begin when that moment is no further away than the
 * burst. A command larger than the burst may begin too; those after it wait the longer.
 */

/** What may be used at once after a time of less use. */
const BURST_MS = 100;

export interface Rates {
  /** Commands a second; 0: any number. */
  readonly max_iops: number;
  /** Bytes a second, both ways together; 0: any number. */
  readonly max_bandwidth: number;
}

export class RateLimit {
  readonly #nowMs: () => number;
  #msPerCommand = 0;
  #msPerByte = 0;
  #commandDueMs = -Infinity;
  #byteDueMs = -Infinity;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get active(): boolean {
    return this.#msPerCommand > 0 || this.#msPerByte > 0;
  }

  /** Holds at once, also for commands that wait already. */
  set(rates: Rates): void {
    this.#msPerCommand = rates.max_iops > 0 ? 1000 / rates.max_iops : 0;
    this.#msPerByte = rates.max_bandwidth > 0 ? 1000 / rates.max_bandwidth : 0;
    // What was used under other limits is no debt under these.
    this.#commandDueMs = -Infinity;
    this.#byteDueMs = -Infinity;
  }

  /** 0: it may begin, and counts; else milliseconds until it is worth asking again. */
  admit(bytes: number): number {
    const now = this.#nowMs();
    const commandDue = Math.max(this.#commandDueMs, now - BURST_MS);
    const byteDue = Math.max(this.#byteDueMs, now - BURST_MS);
    const wait = Math.max(
      this.#msPerCommand > 0 ? commandDue - now : 0,
      this.#msPerByte > 0 ? byteDue - now : 0,
    );
    if (wait > 0) return wait;
    this.#commandDueMs = commandDue + this.#msPerCommand;
    this.#byteDueMs = byteDue + bytes * this.#msPerByte;
    return 0;
  }
}
