/**
 * What belongs to the user and not to the configuration: preferences, bookmarks, path history.
 * Plain JSON under LUNSMITH_HOME, written atomically. Each change is applied to what stands in the
 * file at that moment, so that shells open side by side do not undo each other.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { check, effective } from '../objects/attribute.ts';
import type { AttributeBag, AttributeValue } from '../objects/attribute.ts';
import { ConfigError } from '../objects/errors.ts';
import { PREFERENCES } from '../objects/preferences.ts';
import type { Preferences } from '../objects/preferences.ts';

interface Stored {
  readonly preferences: AttributeBag;
  readonly bookmarks: Readonly<Record<string, string>>;
  readonly pathHistory: readonly string[];
}
const NOTHING: Stored = { preferences: {}, bookmarks: {}, pathHistory: [] };
const PATH_HISTORY_MAX = 100;

/** LUNSMITH_HOME, or `~/.lunsmith`. */
export function defaultHome(env: NodeJS.ProcessEnv = process.env): string {
  const given = env['LUNSMITH_HOME'] ?? '';
  return given === '' ? join(homedir(), '.lunsmith') : given;
}

/** Replace a file as a whole: a reader sees the old text or the new, never a part. */
export function writeAtomically(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

export class PreferencesStore {
  readonly home: string;
  readonly #file: string;
  #stored: Stored;
  #warning: string | undefined;

  constructor(home: string) {
    this.home = home;
    this.#file = join(home, 'preferences.json');
    this.#stored = this.#read();
  }

  /** Why the preferences of earlier could not be used; once. */
  takeWarning(): string | undefined {
    const warning = this.#warning;
    this.#warning = undefined;
    return warning;
  }

  get preferences(): Preferences {
    const values = effective(PREFERENCES, this.#stored.preferences);
    return values.logfile === '' ? { ...values, logfile: join(this.home, 'log.txt') } : values;
  }

  setPreferences(values: AttributeBag): void {
    this.#update((now) => {
      const merged: Record<string, AttributeValue> = { ...now.preferences, ...values };
      return { ...now, preferences: merged };
    });
  }

  get bookmarks(): Readonly<Record<string, string>> {
    return this.#stored.bookmarks;
  }

  /** Without `path`: removes it. */
  setBookmark(name: string, path: string | undefined): void {
    this.#update((now) => {
      const bookmarks = Object.fromEntries(
        Object.entries(now.bookmarks).filter(([known]) => known !== name),
      );
      return { ...now, bookmarks: path === undefined ? bookmarks : { ...bookmarks, [name]: path } };
    });
  }

  get pathHistory(): readonly string[] {
    return this.#stored.pathHistory;
  }

  setPathHistory(paths: readonly string[]): void {
    this.#update((now) => ({ ...now, pathHistory: paths.slice(-PATH_HISTORY_MAX) }));
  }

  /** Make the folder, mode 0700. Throws ConfigError when that cannot be. */
  ensureHome(): void {
    try {
      mkdirSync(this.home, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new ConfigError(`Cannot make the folder ${this.home}: ${(error as Error).message}`);
    }
  }

  #update(change: (now: Stored) => Stored): void {
    this.ensureHome();
    this.#stored = change(this.#read());
    const { preferences, bookmarks, pathHistory } = this.#stored;
    const text = JSON.stringify({ version: 1, preferences, bookmarks, pathHistory }, null, 2);
    try {
      writeAtomically(this.#file, `${text}\n`);
    } catch (error) {
      throw new ConfigError(`Cannot write ${this.#file}: ${(error as Error).message}`);
    }
  }

  #read(): Stored {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch {
      return this.#stored ?? NOTHING;
    }
    try {
      return sanitize(JSON.parse(text));
    } catch {
      this.#warning = `${this.#file} is not readable as JSON: default preferences are used`;
      return NOTHING;
    }
  }
}

/** Keeps what is valid; a preference of another version or a damaged one gets its default. */
function sanitize(value: unknown): Stored {
  const record = asRecord(value);
  const preferences: Record<string, AttributeValue> = {};
  for (const [name, raw] of Object.entries(asRecord(record['preferences']))) {
    if (!Object.hasOwn(PREFERENCES, name)) continue;
    const checked = check(PREFERENCES[name as keyof Preferences], raw);
    if (checked.ok) preferences[name] = checked.value;
  }
  const bookmarks = Object.fromEntries(
    Object.entries(asRecord(record['bookmarks'])).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
  const history = record['pathHistory'];
  const pathHistory = Array.isArray(history)
    ? history.filter((path): path is string => typeof path === 'string').slice(-PATH_HISTORY_MAX)
    : [];
  return { preferences, bookmarks, pathHistory };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
