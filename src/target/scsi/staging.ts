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
const MAX_STAGING_BYTES = 256 * 1024 * 1024;
/** What the commands of one I_T nexus may hold of it. */
export const MAX_STAGING_BYTES_PER_NEXUS = 32 * 1024 * 1024;
/** Memory kept for reuse beyond what is in use. */
const IDLE_BYTES = 32 * 1024 * 1024;
const SMALLEST_CLASS = 4096;

/** A share of the budget; pooled. Uninitialised: whoever uses the memory fills it first. */
export class StagingBuffer {
  readonly whole: Buffer;
  /** As long as was asked for. */
  memory: Buffer;
  nexus: ItNexus | null = null;
  /** Bound, so that it can be given away as the callback of a last transfer. */
  readonly release: () => void;

  constructor(size: number, release: (buffer: StagingBuffer) => void) {
    this.whole = Buffer.allocUnsafeSlow(size);
    this.memory = this.whole;
    this.release = () => release(this);
  }
}

interface Waiter {
  readonly command: Command;
  readonly byteLength: number;
}

/** The least power of two that holds it. */
const classOf = (byteLength: number): number =>
  byteLength <= SMALLEST_CLASS ? SMALLEST_CLASS : 1 << (32 - Math.clz32(byteLength - 1));

export class Staging {
  #budget: number;
  #perNexus: number;
  #used = 0;
  #idleBytes = 0;
  /** By the number of leading zeros of the class. */
  readonly #idle: StagingBuffer[][] = Array.from({ length: 32 }, () => []);
  readonly #waiting: Waiter[] = [];
  readonly #release = (buffer: StagingBuffer): void => this.#takeBack(buffer);

  constructor(budget: number, perNexus: number) {
    this.#budget = budget;
    this.#perNexus = perNexus;
  }

  /** Before the first use: as many data threads share the memory. */
  divide(threads: number): void {
    this.#budget = Math.max(MAX_CHUNK_BYTES, Math.floor(this.#budget / threads));
    this.#perNexus = Math.min(this.#perNexus, this.#budget);
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** At most `MAX_CHUNK_BYTES`. Answers through `command.staged`, perhaps within the call. */
  request(command: Command, byteLength: number): void {
    const size = classOf(byteLength);
    if (this.#waiting.length === 0 && this.#fits(command.nexus, size)) {
      command.staged(this.#take(command.nexus, byteLength, size));
    } else {
      this.#waiting.push({ command, byteLength });
      this.#serve();
    }
  }

  /** True: the command waited, and does no more. */
  cancel(command: Command): boolean {
    const at = this.#waiting.findIndex((waiter) => waiter.command === command);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  #takeBack(buffer: StagingBuffer): void {
    const { nexus } = buffer;
    // The holder gave it back twice: our mistake, and memory would be shared by two commands.
    if (nexus === null) throw new Error('Staging buffer released twice');
    const size = buffer.whole.length;
    buffer.nexus = null;
    this.#used -= size;
    nexus.stagedBytes -= size;
    if (this.#idleBytes + size <= IDLE_BYTES) {
      this.#idleBytes += size;
      this.#idle[Math.clz32(size)]?.push(buffer);
    }
    if (this.#waiting.length > 0) this.#serve();
  }

  #fits(nexus: ItNexus, size: number): boolean {
    if (this.#used + size > this.#budget) return false;
    return nexus.stagedBytes + size <= this.#perNexus;
  }

  #take(nexus: ItNexus, byteLength: number, size: number): StagingBuffer {
    this.#used += size;
    nexus.stagedBytes += size;
    let buffer = this.#idle[Math.clz32(size)]?.pop();
    if (buffer === undefined) buffer = new StagingBuffer(size, this.#release);
    else this.#idleBytes -= size;
    buffer.nexus = nexus;
    buffer.memory = byteLength === size ? buffer.whole : buffer.whole.subarray(0, byteLength);
    return buffer;
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

export const STAGING = new Staging(MAX_STAGING_BYTES, MAX_STAGING_BYTES_PER_NEXUS);
