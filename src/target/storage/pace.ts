/**
 * Whether a call that might block is made on the event loop: as long as such calls are quick. A
 * slow one closes the way for a while, the longer the more often it happens.
 */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** Quick calls after which earlier slow ones are forgotten. */
const FORGIVEN_AFTER = 64;

export class Pace {
  readonly #slowMs: number;
  readonly #nowMs: () => number;
  #began = 0;
  #closedUntil = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #quick = 0;

  constructor(slowMs: number, nowMs: () => number) {
    this.#slowMs = slowMs;
    this.#nowMs = nowMs;
  }

  /** True: the call may be made now, and `took` follows it. */
  begin(): boolean {
    this.#began = this.#nowMs();
    return this.#began >= this.#closedUntil;
  }

  took(): void {
    const now = this.#nowMs();
    if (now - this.#began <= this.#slowMs) {
      if (++this.#quick === FORGIVEN_AFTER) this.#pauseMs = FIRST_PAUSE_MS;
      return;
    }
    this.#quick = 0;
    this.#closedUntil = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }
}
