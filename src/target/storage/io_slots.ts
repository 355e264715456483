/**
 * Fair use of what there is a fixed number of: the process's one pool of blocking threads, the
 * places in a ring. A medium that hangs keeps those that it has, so no medium may take them all,
 * and the last ones go only to media that have none.
 */
import { availableParallelism } from 'node:os';

/** libuv's own default and limit of the variable that it reads when the pool first works. */
const DEFAULT_THREADS = 4;
const MAX_THREADS = 1024;
/** What one medium may have at once, of a number that is large enough. */
const MAX_PER_LANE = 32;

/** One blocking call; its callback must end with `over` of its lane. */
export interface Job {
  start(): void;
}

/** Threads of this process's pool. */
export function poolThreads(env: NodeJS.ProcessEnv = process.env): number {
  const wanted = Number.parseInt(env['UV_THREADPOOL_SIZE'] ?? '', 10);
  if (Number.isNaN(wanted)) return DEFAULT_THREADS;
  return Math.min(MAX_THREADS, Math.max(1, wanted));
}

/** What a daemon of its own should start with: enough for media that hang, and cheap when idle. */
export function wantedPoolThreads(): number {
  return Math.max(64, 2 * availableParallelism());
}

export class IoSlots {
  #perLane = 0;
  /** Slots that only lanes without any may take. */
  #reserve = 0;
  #free: number;
  /** Lanes with jobs that wait, the one to be served next first. */
  readonly #waiting: IoLane[] = [];

  constructor(total: number) {
    this.#free = total;
    this.#setShares();
  }

  /** Before the first use: as many data threads share the pool. */
  divide(threads: number): void {
    this.#free = Math.max(1, Math.floor(this.#free / threads));
    this.#setShares();
  }

  #setShares(): void {
    const total = this.#free;
    this.#reserve = Math.floor(total / 4);
    this.#perLane = Math.max(1, Math.min(MAX_PER_LANE, total - this.#reserve));
  }

  /** One for each medium. */
  lane(): IoLane {
    return new IoLane(this);
  }

  /** For `IoLane` only. */
  take(held: number): boolean {
    if (this.#free === 0 || held >= this.#perLane) return false;
    if (held > 0 && this.#free <= this.#reserve) return false;
    this.#free--;
    return true;
  }

  /** For `IoLane` only. */
  wait(lane: IoLane): void {
    this.#waiting.push(lane);
  }

  /** For `IoLane` only: one slot is free again; whoever waits longest and may have it, gets it. */
  giveBack(): void {
    this.#free++;
    for (let left = this.#waiting.length; left > 0 && this.#free > 0; left--) {
      const lane = this.#waiting.shift();
      if (lane === undefined) return;
      lane.startOne();
      if (lane.waits) this.#waiting.push(lane);
    }
  }
}

/** The jobs of one medium, in their order. */
export class IoLane {
  readonly #slots: IoSlots;
  readonly #jobs: Job[] = [];
  #held = 0;

  constructor(slots: IoSlots) {
    this.#slots = slots;
  }

  get waits(): boolean {
    return this.#jobs.length > 0;
  }

  /** Started now, or when its turn comes. */
  run(job: Job): void {
    if (this.#jobs.length === 0 && this.#slots.take(this.#held)) {
      this.#held++;
      job.start();
      return;
    }
    if (this.#jobs.push(job) === 1) this.#slots.wait(this);
  }

  /** The job's call has come back. */
  over(): void {
    this.#held--;
    this.#slots.giveBack();
  }

  /** For `IoSlots` only. */
  startOne(): void {
    if (this.#jobs.length === 0 || !this.#slots.take(this.#held)) return;
    this.#held++;
    this.#jobs.shift()?.start();
  }
}

export const IO_SLOTS = new IoSlots(poolThreads());
