/** How often something may happen to each of many: some at once, then one after the other. */
import type { Clock } from '../util/clock.ts';

export interface PaceOptions {
  readonly clock: Clock;
  /** So many at once, of a thing that had rest. */
  readonly burst: number;
  readonly spacingMs: number;
}

export class Pace {
  readonly #clock: Clock;
  readonly #spacingMs: number;
  /** What a thing that had rest has in hand. */
  readonly #restMs: number;
  /** When the next turn of a thing is; absent: it had rest. */
  readonly #next = new Map<string, number>();

  constructor({ clock, burst, spacingMs }: PaceOptions) {
    this.#clock = clock;
    this.#spacingMs = spacingMs;
    this.#restMs = (burst - 1) * spacingMs;
  }

  /** Milliseconds until the thing has a turn. */
  waitMs(name: string): number {
    const nowMs = this.#clock.nowMs();
    return Math.max(0, (this.#next.get(name) ?? nowMs) - nowMs);
  }

  /** The turn is taken. */
  take(name: string): void {
    const restedMs = this.#clock.nowMs() - this.#restMs;
    for (const [one, next] of this.#next) if (next <= restedMs) this.#next.delete(one);
    this.#next.set(name, (this.#next.get(name) ?? restedMs) + this.#spacingMs);
  }
}
