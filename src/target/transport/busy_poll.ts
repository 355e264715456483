/**
 * Looks for the next input for a moment before the thread sleeps: where client and target run on
 * different cores, waking a sleeping core costs more than the command. It is done only while it
 * pays: when the input mostly comes too late, or other programs want the core, it rests, the longer
 * the more often that happens. An idle thread sleeps as ever.
 */
import { availableParallelism } from 'node:os';
import { monotonicMs } from '../../util/clock.ts';

/** Longer than this, sleeping and waking costs less than looking. */
export const MAX_BUSY_POLL_US = 1000;
/** Looks after which the balance is drawn. */
const LOOKS = 32;
/** So many of them must have found input in time. */
const MUST_FIND = 24;
/** Losses of the core to others while those were made: more is a busy machine. */
const MAY_LOSE_CORE = 4;
const FIRST_REST_MS = 10;
const LONGEST_REST_MS = 1280;

export interface BusyPollOptions {
  readonly nowMs?: () => number;
  /** How often threads of this process lost their core to others so far. */
  readonly coreLosses?: () => number;
  /** Runs it once the event loop has looked for input without waiting. */
  readonly afterLook?: (run: () => void) => void;
  readonly cores?: number;
}

export class BusyPoll {
  readonly #nowMs: () => number;
  readonly #coreLosses: () => number;
  readonly #afterLook: (run: () => void) => void;
  readonly #cores: number;
  /** How long it looks; 0: never. */
  #forMs = 0;
  #until = 0;
  #looking = false;
  #looks = 0;
  #found = 0;
  #lossesBefore = 0;
  #restUntil = -Infinity;
  #restMs = FIRST_REST_MS;

  constructor(options: BusyPollOptions = {}) {
    this.#nowMs = options.nowMs ?? monotonicMs;
    this.#coreLosses =
      options.coreLosses ?? (() => process.resourceUsage().involuntaryContextSwitches);
    this.#afterLook = options.afterLook ?? setImmediate;
    this.#cores = options.cores ?? availableParallelism();
  }

  /** 0: off. With one core it stays off: whoever is to send the input needs that core. */
  set micros(micros: number) {
    const wanted = Math.min(Math.max(0, micros), MAX_BUSY_POLL_US) / 1000;
    this.#forMs = this.#cores > 1 ? wanted : 0;
    this.#lossesBefore = this.#coreLosses();
  }

  /** Input came, and was served. */
  served(): void {
    if (this.#forMs === 0) return;
    const now = this.#nowMs();
    if (this.#looking) {
      if (now <= this.#until) this.#found++;
      this.#looked(now);
    }
    if (now < this.#restUntil) return;
    this.#until = now + this.#forMs;
    if (this.#looking) return;
    this.#looking = true;
    this.#afterLook(this.#again);
  }

  readonly #again = (): void => {
    const now = this.#nowMs();
    if (now < this.#restUntil) this.#looking = false;
    if (!this.#looking) return;
    if (now <= this.#until) {
      this.#afterLook(this.#again);
      return;
    }
    this.#looking = false;
    this.#looked(now);
  };

  #looked(now: number): void {
    if (++this.#looks < LOOKS) return;
    const losses = this.#coreLosses();
    const pays = this.#found >= MUST_FIND && losses - this.#lossesBefore <= MAY_LOSE_CORE;
    this.#lossesBefore = losses;
    this.#looks = 0;
    this.#found = 0;
    if (pays) {
      this.#restMs = FIRST_REST_MS;
      return;
    }
    this.#restUntil = now + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }
}

/** Of this thread's event loop. */
export const BUSY_POLL = new BusyPoll();
