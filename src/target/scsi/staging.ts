/**
 * Memory in which data waits between storage and initiator: one budget for all commands, so that
 * no number of peers can take more. A nexus that stops taking or giving data keeps what it holds,
 * therefore each may hold only a part, and those over theirs are passed by.
 */
import type { Command } from './command.ts';
import type { ItNexus } from './nexus.ts';

/** The largest piece that one command moves at a time. */
export const MAX_CHUNK_BYTES = 1024 * 1024;
/** All staging memory in use at once. */
export const STAGING_BUDGET_BYTES = 256 * 1024 * 1024;
/** What the commands of one I_T nexus may hold of it. */
export const STAGING_PER_NEXUS_BYTES = 32 * 1024 * 1024;
/** Memory kept for reuse beyond what is in use. */
const IDLE_BYTES = 32 * 1024 * 1024;
const SMALLEST_CLASS = 4096;

export interface StagingBuffer {
  /** Exactly as long as asked for. Uninitialised: whoever uses it fills it first. */
  readonly memory: Buffer;
  readonly whole: Buffer;
  readonly nexus: ItNexus;
}

interface Waiter {
  readonly command: Command;
  readonly byteLength: number;
}

const classOf = (byteLength: number): number =>
  Math.max(SMALLEST_CLASS, 2 ** Math.ceil(Math.log2(byteLength)));

export class Staging {
  readonly #budget: number;
  readonly #perNexus: number;
  #used = 0;
  #idleBytes = 0;
  readonly #idle = new Map<number, Buffer[]>();
  readonly #usedBy = new WeakMap<ItNexus, number>();
  readonly #waiting: Waiter[] = [];

  constructor(budget: number, perNexus: number) {
    this.#budget = budget;
    this.#perNexus = perNexus;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** Answers through `command.staged`, perhaps within the call. */
  request(command: Command, byteLength: number): void {
    const size = classOf(Math.min(byteLength, MAX_CHUNK_BYTES));
    if (this.#waiting.length === 0 && this.#fits(command.nexus, size)) {
      command.staged(this.#take(command.nexus, Math.min(byteLength, MAX_CHUNK_BYTES), size));
    } else {
      this.#waiting.push({ command, byteLength: Math.min(byteLength, MAX_CHUNK_BYTES) });
      this.#serve();
    }
  }

  /** True: the command waited, and does no more. */
  cancel(command: Command): boolean {
    const at = this.#waiting.findIndex((waiter) => waiter.command === command);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  release(buffer: StagingBuffer): void {
    const size = buffer.whole.length;
    this.#used -= size;
    this.#usedBy.set(buffer.nexus, (this.#usedBy.get(buffer.nexus) ?? 0) - size);
    if (this.#idleBytes + size <= IDLE_BYTES) {
      this.#idleBytes += size;
      const list = this.#idle.get(size);
      if (list === undefined) this.#idle.set(size, [buffer.whole]);
      else list.push(buffer.whole);
    }
    if (this.#waiting.length > 0) this.#serve();
  }

  #fits(nexus: ItNexus, size: number): boolean {
    if (this.#used + size > this.#budget) return false;
    return (this.#usedBy.get(nexus) ?? 0) + size <= this.#perNexus;
  }

  #take(nexus: ItNexus, byteLength: number, size: number): StagingBuffer {
    this.#used += size;
    this.#usedBy.set(nexus, (this.#usedBy.get(nexus) ?? 0) + size);
    let whole = this.#idle.get(size)?.pop();
    if (whole === undefined) whole = Buffer.allocUnsafeSlow(size);
    else this.#idleBytes -= size;
    return { memory: whole.subarray(0, byteLength), whole, nexus };
  }

  /** First come, first served; only those whose nexus is at its limit are passed by. */
  #serve(): void {
    let at = 0;
    while (at < this.#waiting.length) {
      const waiter = this.#waiting[at];
      if (waiter === undefined) return;
      const { command, byteLength } = waiter;
      const size = classOf(byteLength);
      if (this.#used + size > this.#budget) return;
      if (!this.#fits(command.nexus, size)) {
        at++;
        continue;
      }
      this.#waiting.splice(at, 1);
      command.staged(this.#take(command.nexus, byteLength, size));
      at = 0;
    }
  }
}

export const STAGING = new Staging(STAGING_BUDGET_BYTES, STAGING_PER_NEXUS_BYTES);
