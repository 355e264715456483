/** Lines of earlier: kept across sessions in LUNSMITH_HOME/history, without secrets. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from './preferences_store.ts';
import type { PreferencesStore } from './preferences_store.ts';
import { withoutSecrets } from './secrets.ts';

const LINES_MAX = 1000;

export class History {
  readonly #file: string;
  readonly #store: PreferencesStore;
  /** Oldest first. */
  #lines: string[];

  constructor(store: PreferencesStore) {
    this.#store = store;
    this.#file = join(store.home, 'history');
    this.#lines = this.#read();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  add(line: string): void {
    const text = withoutSecrets(line.trim());
    if (text === '' || text === this.#lines.at(-1)) return;
    this.#lines = [...this.#lines, text].slice(-LINES_MAX);
    try {
      this.#store.ensureHome();
      // Another shell may have added lines meanwhile: ours goes after them.
      const stored = [...this.#read(), text].slice(-LINES_MAX);
      writeAtomically(this.#file, `${stored.join('\n')}\n`);
    } catch {
      // Without a home there is a history of this session only.
    }
  }

  #read(): string[] {
    try {
      const lines = readFileSync(this.#file, 'utf8').split('\n');
      return lines.filter((line) => line !== '').slice(-LINES_MAX);
    } catch {
      return [];
    }
  }
}
