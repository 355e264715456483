/**
 * Whether a call that might block is made on the event loop: as long as such calls are quick. Slow
 * ones close the way for a while, the longer the more often it happens. One alone says nothing: the
 * thread may have lost its core in the midst of it. Two close together, or a very slow one, do; and
 * where the system tells whether the thread waited, the second counts only if it did.
 */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** Quick calls after which an earlier slow one counts as chance. */
const CLOSE_TOGETHER = 8;
/** Quick calls after which earlier pauses are forgotten. */
const FORGIVEN_AFTER = 64;
/** So many times slower than slow is no chance. */
const VERY_SLOW = 25;

export class Pace {
  readonly #slowMs: number;
  readonly #nowMs: () => number;
  #began = 0;
  #closedUntil = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  /** Since the last slow call. */
  #quick = CLOSE_TOGETHER;
  readonly #waits: (() => number) | null;
  #waitsBefore = 0;

  /** `waits`: how often this thread has waited so far. */
  constructor(slowMs: number, nowMs: () => number, waits: (() => number) | null = null) {
    this.#slowMs = slowMs;
    this.#nowMs = nowMs;
    this.#waits = waits;
  }

  /** The last slow call was a moment ago: another one would tell. */
  get #suspicious(): boolean {
    return this.#quick < CLOSE_TOGETHER;
  }

  /** True: the call may be made now, and `took` follows it. */
  begin(): boolean {
    this.#began = this.#nowMs();
    if (this.#suspicious && this.#waits !== null) this.#waitsBefore = this.#waits();
    return this.#began >= this.#closedUntil;
  }

  took(): void {
    const now = this.#nowMs();
    const tookMs = now - this.#began;
    if (tookMs <= this.#slowMs) {
      if (++this.#quick === FORGIVEN_AFTER) this.#pauseMs = FIRST_PAUSE_MS;
      return;
    }
    const chance = tookMs <= VERY_SLOW * this.#slowMs && !(this.#suspicious && this.#waited());
    this.#quick = 0;
    if (chance) return;
    this.#closedUntil = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #waited(): boolean {
    return this.#waits === null || this.#waits() !== this.#waitsBefore;
  }
}
