/**
 * How fast commands may begin: those of a logical unit, of an initiator, of a session. Time is the
 * only state: each command moves the moment at which the next is due, and one may begin when that
 * moment is no further ahead than the burst allows. So in any period there begin at most as many
 * as the rate gives in that period and the burst together, and one more; a command larger than the
 * burst may begin too, those after it wait the longer. One timer for all that wait.
 */
import type { Clock, Timer } from '../../util/clock.ts';
import { OwnDues, type Dues } from './dues.ts';

export interface Rates {
  /** Commands a second; 0: any number. */
  readonly max_iops: number;
  /** Bytes a second, both ways together; 0: any number. */
  readonly max_bandwidth: number;
  /** Milliseconds of both that may be used at once after a time of less use. */
  readonly burst_time: number;
}

/** Who has commands that wait for a limit. */
export interface Waiter {
  /** It is its turn: begins what it may, and waits again if that was not all. */
  advance(turn: RateLimit): void;
}

/** What is worth holding here for the limit, in time; the rest waits better with initiators. */
const AHEAD_MS = 20;
const SMALLEST_COMMAND = 512;

export const isLimited = ({ max_iops, max_bandwidth }: Rates): boolean =>
  max_iops > 0 || max_bandwidth > 0;

export class RateLimit {
  readonly #clock: Clock;
  #rates: Rates = { max_iops: 0, max_bandwidth: 0, burst_time: 0 };
  #msPerCommand = 0;
  #msPerByte = 0;
  readonly #dues: Dues;
  /** In the order of their turns. */
  readonly #waiting = new Set<Waiter>();
  #timer: Timer | null = null;
  #serving = false;

  /** `dues`: of a limit that other data threads enforce as well. */
  constructor(clock: Clock, dues: Dues = new OwnDues()) {
    this.#clock = clock;
    this.#dues = dues;
  }

  get rates(): Rates {
    return this.#rates;
  }

  get active(): boolean {
    return this.#msPerCommand > 0 || this.#msPerByte > 0;
  }

  /** Others wait: who comes now is to wait behind them. */
  get contended(): boolean {
    return this.#waiting.size > 0;
  }

  /** Holds at once, also for commands that wait already. */
  set(rates: Rates): void {
    const { max_iops, max_bandwidth, burst_time } = rates;
    const now = this.#rates;
    const same = max_iops === now.max_iops && max_bandwidth === now.max_bandwidth;
    if (same && burst_time === now.burst_time) return;
    this.#rates = { max_iops, max_bandwidth, burst_time };
    this.#msPerCommand = max_iops > 0 ? 1000 / max_iops : 0;
    this.#msPerByte = max_bandwidth > 0 ? 1000 / max_bandwidth : 0;
    // What was used under other limits is no debt under these.
    this.#dues.clear();
    this.#timer?.cancel();
    this.#timer = null;
    this.#serve();
  }

  /** 0: a command may begin; else milliseconds until it is worth asking again. */
  waitMs(): number {
    return Math.max(0, this.#debtMs(this.#clock.nowMs()));
  }

  /** A command begins. */
  take(bytes: number): void {
    const earliest = this.#clock.nowMs() - this.#rates.burst_time;
    this.#dues.advance(earliest, this.#msPerCommand, bytes * this.#msPerByte);
  }

  /**
   * How many more commands of `bytes` are worth having beside those that wait: none of them would
   * wait long. At least one where none waits.
   */
  room(waiting: number, waitingBytes: number, bytes: number): number {
    const ahead = AHEAD_MS - this.#debtMs(this.#clock.nowMs());
    let room = Infinity;
    if (this.#msPerCommand > 0) room = ahead / this.#msPerCommand - waiting;
    if (this.#msPerByte > 0) {
      const left = ahead / this.#msPerByte - waitingBytes;
      room = Math.min(room, left / Math.max(SMALLEST_COMMAND, bytes));
    }
    return Math.max(waiting === 0 ? 1 : 0, Math.floor(room) + 1);
  }

  /** `waiter` gets a turn when a command may begin, after those that wait already. */
  wait(waiter: Waiter): void {
    this.#waiting.add(waiter);
    this.#arm();
  }

  leave(waiter: Waiter): void {
    if (!this.#waiting.delete(waiter) || this.#waiting.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Milliseconds until a command may begin; negative: what is left of the burst. */
  #debtMs(nowMs: number): number {
    const least = -this.#rates.burst_time;
    const command = this.#msPerCommand > 0 ? this.#dues.commandMs - nowMs : least;
    const byte = this.#msPerByte > 0 ? this.#dues.byteMs - nowMs : least;
    return Math.max(command, byte, least);
  }

  #arm(): void {
    if (this.#serving || this.#timer !== null || this.#waiting.size === 0) return;
    this.#timer = this.#clock.after(Math.ceil(this.waitMs()), () => {
      this.#timer = null;
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      for (const waiter of this.#waiting) {
        if (this.waitMs() > 0) break;
        // Who waits again comes last, and is met again by this loop.
        this.#waiting.delete(waiter);
        waiter.advance(this);
      }
    } finally {
      this.#serving = false;
      this.#arm();
    }
  }
}
