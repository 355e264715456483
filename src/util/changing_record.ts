/** Values by name that one reader follows: each look brings what changed since the one before. */
import type { RecordPatch } from './record_patch.ts';

export class ChangingRecord<T> {
  readonly #values = new Map<string, T>();
  /** Names set or gone since the reader took them. */
  readonly #changed = new Set<string>();
  /** All values, until the next change. */
  #whole: Readonly<Record<string, T>> | undefined;

  get(name: string): T | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: T): void {
    this.#values.set(name, value);
    this.#note(name);
  }

  delete(name: string): void {
    if (this.#values.delete(name)) this.#note(name);
  }

  clear(): void {
    for (const name of this.#values.keys()) this.#note(name);
    this.#values.clear();
  }

  #note(name: string): void {
    this.#changed.add(name);
    this.#whole = undefined;
  }

  /** Whether `take` has anything to give. */
  get pending(): boolean {
    return this.#changed.size > 0;
  }

  /** At most `limit` names that changed; the rest is for the next call. */
  take(limit: number): RecordPatch<T> {
    const set: Record<string, T> = {};
    const gone: string[] = [];
    let left = limit;
    for (const name of this.#changed) {
      if (left-- === 0) break;
      this.#changed.delete(name);
      const value = this.#values.get(name);
      if (value === undefined) gone.push(name);
      else set[name] = value;
    }
    return { set, gone };
  }

  /** The same record as long as nothing changed. */
  whole(): Readonly<Record<string, T>> {
    this.#whole ??= Object.fromEntries(this.#values);
    return this.#whole;
  }
}
