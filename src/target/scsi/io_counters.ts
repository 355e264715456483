/** What was asked of a logical unit, counted: a few additions per command, no allocation. */
import type { IoCounters } from '../../objects/engine_port.ts';

export class IoCounter {
  #commands = 0;
  #reads = 0;
  #writes = 0;
  #readBytes = 0;
  #writtenBytes = 0;
  #errors = 0;
  #busyMs = 0;
  #delayed = 0;

  /** That are over. */
  get commands(): number {
    return this.#commands;
  }

  /** A command is over, `failed` when its status is not GOOD, `elapsedMs` after it arrived. */
  command(elapsedMs: number, failed: boolean): void {
    this.#commands++;
    this.#busyMs += elapsedMs;
    if (failed) this.#errors++;
  }

  /** All data of a READ came from the medium. */
  read(bytes: number): void {
    this.#reads++;
    this.#readBytes += bytes;
  }

  /** All data of a WRITE went to the medium. */
  written(bytes: number): void {
    this.#writes++;
    this.#writtenBytes += bytes;
  }

  /** A command waits for the limit of the storage object. */
  delayed(): void {
    this.#delayed++;
  }

  /** `queued`: commands that have arrived and are not over. */
  snapshot(queued: number): IoCounters {
    return {
      commands: this.#commands,
      reads: this.#reads,
      writes: this.#writes,
      readBytes: this.#readBytes,
      writtenBytes: this.#writtenBytes,
      errors: this.#errors,
      busyMs: this.#busyMs,
      delayed: this.#delayed,
      queued,
    };
  }
}
