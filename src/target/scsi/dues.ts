/**
 * The moments from which on the next command is due, of a limit of rate: by the number of commands
 * and by their bytes. Milliseconds of the thread's clock.
 */
export interface Dues {
  readonly commandMs: number;
  readonly byteMs: number;
  /** Both move on by that much, from `earliestMs` at least. */
  advance(earliestMs: number, byCommandMs: number, byByteMs: number): void;
  /** Nothing was used. */
  clear(): void;
}

/** Of a limit that one thread enforces. */
export class OwnDues implements Dues {
  commandMs = -Infinity;
  byteMs = -Infinity;

  advance(earliestMs: number, byCommandMs: number, byByteMs: number): void {
    this.commandMs = Math.max(this.commandMs, earliestMs) + byCommandMs;
    this.byteMs = Math.max(this.byteMs, earliestMs) + byByteMs;
  }

  clear(): void {
    this.commandMs = -Infinity;
    this.byteMs = -Infinity;
  }
}
