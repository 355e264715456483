/**
 * Whether an engine's thread still answers: one that hangs, in an endless loop or in a call of the
 * system that never returns, says nothing of it itself.
 */
import type { Clock, Timer } from '../../util/clock.ts';

export const PULSE_EVERY_MS = 5000;
/** Looks in a row without an answer: one alone may be due to this thread's own work. */
const SILENT_AFTER = 2;

export interface ThreadPulseOptions {
  readonly clock: Clock;
  /** Resolves with the thread's answer. */
  readonly ask: () => Promise<unknown>;
  readonly silent: (seconds: number) => void;
  readonly answersAgain: (seconds: number) => void;
}

export class ThreadPulse {
  readonly #options: ThreadPulseOptions;
  #timer: Timer | null = null;
  #looks = 0;
  #askedMs = 0;
  #waiting = false;

  constructor(options: ThreadPulseOptions) {
    this.#options = options;
    this.#later();
  }

  /** It has not answered for a while. */
  get isSilent(): boolean {
    return this.#waiting && this.#looks >= SILENT_AFTER;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #later(): void {
    this.#timer = this.#options.clock.after(PULSE_EVERY_MS, () => {
      this.#later();
      this.#look();
    });
  }

  #look(): void {
    const { clock, ask, silent } = this.#options;
    if (this.#waiting) {
      if (++this.#looks === SILENT_AFTER) silent(this.#seconds());
      return;
    }
    this.#waiting = true;
    this.#looks = 0;
    this.#askedMs = clock.nowMs();
    ask().then(
      () => this.#answered(),
      // It has ended, which is told otherwise.
      () => this.stop(),
    );
  }

  #answered(): void {
    this.#waiting = false;
    if (this.#looks >= SILENT_AFTER) this.#options.answersAgain(this.#seconds());
  }

  #seconds(): number {
    return Math.round((this.#options.clock.nowMs() - this.#askedMs) / 1000);
  }
}
