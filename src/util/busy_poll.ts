/**
 * Looks for what comes next for a moment before the thread sleeps: waking a sleeping core costs
 * more than a command. It is done only while it pays: when looking mostly ends in vain, or other
 * programs want the core, it rests, the longer the more often that happens. A thread to which
 * nothing comes sleeps as ever.
 */
import { coresForThisProcess } from './cores.ts';
import { monotonicMs } from './clock.ts';
import { THREAD_SWITCHES } from './thread_switches.ts';

/** Longer than this, sleeping and waking costs less than looking. */
const MAX_BUSY_POLL_US = 1000;
/** What a client that waits for its answers lets pass, and a wake-up of a core takes. */
const AUTO_BUSY_POLL_US = 100;
/** A fast device answers within that; what is slower has time for a wake-up. */
const DEVICE_MS = 0.25;
/** With more reads under way others than the client's next command fill the time. */
const FEW_READS = 2;
/** Looks at connection and ring between two turns of the event loop, which sees everything. */
const LOOKS_PER_TURN = 4;
/** While looks find something, one connection is served for so long until the loop goes round. */
const TURN_MS = 0.2;
/** Chunks of input between two questions who has this core, */
const CHUNKS = 64;
/** and after how many of them another had it where the client runs here: it wakes by our answer. */
const MOSTLY = 0.5;
/** Longer between two looks, and somebody else had the core. */
const LOST_CORE_MS = 0.1;
/** Of the time, which others may so take before it rests. */
const MAY_LOSE = 0.2;
/** Commands at once that are worth a wake-up: looking would only cut them into smaller parts. */
const DEEP = 8;
/** After so many. */
const DEEP_REST_MS = 10;
/** While others had input as well, nobody is looked at but by the event loop. */
const SHARED_MS = 1;
/** The balance is drawn after so many spells of looking, */
const SPELLS = 32;
/** and so long, in which a hiccup of the machine is no loss of the core. */
const BALANCE_MS = 10;
/** Of the spells must have found something in time. */
const MUST_FIND = 0.75;
/** A single look costs a system call, and saves a turn of the event loop. */
const SINGLE_MUST_FIND = 0.25;
const FIRST_REST_MS = 10;
const LONGEST_REST_MS = 640;

/** Where what is waited for arrives. */
export interface Looker {
  /** True: something was there, and has been dealt with. */
  look(): boolean;
}

/** Reads that wait for a device. */
export interface AwaitedReads extends Looker {
  readonly underWay: number;
}

export interface BusyPollOptions {
  readonly nowMs?: () => number;
  /** Runs it once the event loop has looked for input without waiting. */
  readonly afterTurn?: (run: () => void) => void;
  readonly cores?: number;
  /** How often this thread has lost its core to another; null: unknown. */
  readonly lostCore?: (() => number) | null;
}

/** Whether looking for one kind of event pays. */
class Balance {
  readonly #mustFind: number;
  #spells = 0;
  #found = 0;
  #since = 0;
  #lostMs = 0;
  #restUntil = -Infinity;
  #restMs = FIRST_REST_MS;

  constructor(mustFind: number) {
    this.#mustFind = mustFind;
  }

  rests(now: number): boolean {
    return now < this.#restUntil;
  }

  restsUntil(time: number): void {
    this.#restUntil = Math.max(this.#restUntil, time);
  }

  ended(began: number, now: number, found: boolean, lostMs: number): void {
    if (this.#spells === 0) this.#since = began;
    if (found) this.#found++;
    this.#lostMs += lostMs;
    this.#spells++;
    const elapsed = now - this.#since;
    // Said at once: on a busy machine a balance of so many spells would take long.
    const lost = this.#lostMs > MAY_LOSE * Math.max(elapsed, BALANCE_MS);
    if (!lost && (this.#spells < SPELLS || elapsed < BALANCE_MS)) return;
    const pays = !lost && this.#found >= this.#mustFind * this.#spells;
    this.#spells = 0;
    this.#found = 0;
    this.#lostMs = 0;
    if (pays) {
      this.#restMs = FIRST_REST_MS;
      return;
    }
    this.#restUntil = now + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }
}

export class BusyPoll {
  /** Reads of this thread that wait for a device; null: none ever did. */
  reads: AwaitedReads | null = null;
  /** How often the event loop went round only to look. */
  turns = 0;
  readonly #nowMs: () => number;
  readonly #afterTurn: (run: () => void) => void;
  readonly #cores: number;
  #shared: Int32Array | null = null;
  #micros = 0;
  /** How long it looks for input; 0: never. */
  #forMs = 0;
  readonly #input = new Balance(MUST_FIND);
  readonly #device = new Balance(MUST_FIND);
  /** Input, while a device does not answer in time: the others' clients are not to pay for it. */
  readonly #beside = new Balance(MUST_FIND);
  /**
   * Input of a client that runs on this very core: woken by its answer, it goes first and has sent
   * the next command when this thread goes on, or it needs the core to do so. So one look tells.
   */
  readonly #single = new Balance(SINGLE_MUST_FIND);
  readonly #lostCore: (() => number) | null;
  #lostBefore = 0;
  #chunks = 0;
  #sharesCore: boolean;
  /** Of the spell under way, or null. */
  #balance: Balance | null = null;
  #began = 0;
  #until = 0;
  #lastLook = 0;
  #lostMs = 0;
  #scheduled = false;
  #looker: Looker | null = null;
  #sharedUntil = -Infinity;

  constructor(options: BusyPollOptions = {}) {
    this.#nowMs = options.nowMs ?? monotonicMs;
    this.#afterTurn = options.afterTurn ?? setImmediate;
    this.#cores = options.cores ?? coresForThisProcess();
    const known = THREAD_SWITCHES?.involuntary ?? null;
    this.#lostCore = options.lostCore === undefined ? known : options.lostCore;
    this.#sharesCore = this.#cores === 1;
  }

  /** Holds from the next input on, also when it is changed: memory that threads share. */
  set shared(micros: Int32Array) {
    this.#shared = micros;
  }

  /** 0: off. With one core it looks but once: whoever is to send the input needs that core. */
  set micros(micros: number) {
    this.#micros = micros;
    this.#forMs = Math.min(Math.max(0, micros), MAX_BUSY_POLL_US) / 1000;
    if (this.#forMs === 0) this.#balance = null;
  }

  /** So many commands came in one piece. */
  cameAtOnce(commands: number): void {
    if (commands <= DEEP || this.#forMs === 0) return;
    const until = this.#nowMs() + DEEP_REST_MS;
    this.#input.restsUntil(until);
    this.#single.restsUntil(until);
  }

  /** Input came, and was served; null: it can be looked for by the event loop only. */
  served(looker: Looker | null): void {
    const micros = this.#shared?.[0] ?? this.#micros;
    if (micros !== this.#micros) this.micros = micros;
    if (this.#forMs === 0) return;
    const now = this.#nowMs();
    if (looker !== this.#looker) {
      this.#looker = looker;
      this.#sharedUntil = now + SHARED_MS;
    }
    if (++this.#chunks >= CHUNKS) this.#askWhoseCore();
    this.#next(now);
  }

  /** A device has answered. */
  answered(): void {
    if (this.#forMs > 0) this.#next(this.#nowMs());
  }

  #askWhoseCore(): void {
    this.#chunks = 0;
    if (this.#lostCore === null || this.#cores === 1) return;
    const lost = this.#lostCore();
    this.#sharesCore = lost - this.#lostBefore >= MOSTLY * CHUNKS;
    this.#lostBefore = lost;
  }

  /** What was looked for has come, and is over: now the next. */
  #next(now: number): void {
    if (this.#balance !== null) this.#end(now, this.#once || now <= this.#until);
    const waiting = this.reads?.underWay ?? 0;
    if (waiting > FEW_READS) return;
    const balance = this.#balanceOf(waiting, now);
    if (balance.rests(now)) return;
    this.#balance = balance;
    this.#began = now;
    const forMs = balance === this.#device ? Math.max(DEVICE_MS, this.#forMs) : this.#forMs;
    this.#until = now + forMs;
    this.#lastLook = now;
    this.#lostMs = 0;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterTurn(this.#look);
  }

  #balanceOf(waiting: number, now: number): Balance {
    if (this.#sharesCore) return this.#single;
    if (waiting === 0) return this.#input;
    return this.#device.rests(now) ? this.#beside : this.#device;
  }

  /** Whether the spell under way is a single look. */
  get #once(): boolean {
    return this.#balance === this.#single;
  }

  #end(now: number, found: boolean): void {
    this.#balance?.ended(this.#began, now, found, this.#once ? 0 : this.#lostMs);
    this.#balance = null;
  }

  // Nobody is given way by sched_yield(2): whoever wakes on this core goes first anyway.
  readonly #look = (): void => {
    if (this.#balance !== null) this.turns++;
    let goesRound = 0;
    for (let looks = 0; looks < LOOKS_PER_TURN && this.#balance !== null; looks++) {
      const now = this.#nowMs();
      if (goesRound === 0) goesRound = now + TURN_MS;
      const sinceLast = now - this.#lastLook;
      if (sinceLast > LOST_CORE_MS) this.#lostMs += sinceLast;
      this.#lastLook = now;
      const once = this.#once;
      if (!once && now > this.#until) this.#end(now, false);
      // Either tells `served` or `answered`, which goes on from there.
      else if (this.reads !== null && this.reads.underWay > 0 && this.reads.look()) break;
      else if (now >= this.#sharedUntil && this.#looker?.look() === true) {
        if (now > goesRound) break;
        looks = -1;
      } else if (once) this.#end(now, false);
    }
    this.#scheduled = this.#balance !== null;
    if (this.#scheduled) this.#afterTurn(this.#look);
  };
}

/** Of the preference `busy_poll`. */
export function busyPollMicros(setting: string): number {
  if (setting === 'auto') return AUTO_BUSY_POLL_US;
  return setting === 'off' ? 0 : Number(setting);
}

/** Of this thread's event loop. */
export const BUSY_POLL = new BusyPoll();
