/**
 * A look at each storage object from time to time: whether the file behind it still has its name is
 * told by no operation. A few at a time, so that thousands of them cost others nothing.
 */
import type { Clock, Timer } from '../../util/clock.ts';

export const LOOK_EVERY_MS = 2000;
export const LOOKS_PER_ROUND = 64;

interface Looked {
  look(): void;
}

export class Looks {
  readonly #clock: Clock;
  readonly #all: () => Iterator<Looked>;
  #timer: Timer | null = null;
  /** Those at which this pass has still to look. */
  #left: Iterator<Looked> | null = null;

  constructor(clock: Clock, all: () => Iterator<Looked>) {
    this.#clock = clock;
    this.#all = all;
  }

  start(): void {
    this.#timer ??= this.#clock.after(LOOK_EVERY_MS, () => {
      this.#timer = null;
      this.start();
      this.#round();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#left = null;
  }

  #round(): void {
    const left = (this.#left ??= this.#all());
    for (let count = 0; count < LOOKS_PER_ROUND; count++) {
      const next = left.next();
      if (next.done === true) {
        this.#left = null;
        return;
      }
      next.value.look();
    }
  }
}
