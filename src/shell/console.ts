/** Messages to the user by level, in targetcli's colours, and the log file of the shell. */
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Preferences } from '../objects/preferences.ts';
import type { Output } from './output.ts';
import { painter } from './style.ts';
import type { ColorName, Painter } from './style.ts';

export const LEVELS = ['critical', 'error', 'warning', 'info', 'verbose', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

const LEVEL_COLOR: Readonly<Record<Level, ColorName>> = {
  critical: 'red',
  error: 'red',
  warning: 'yellow',
  info: 'green',
  verbose: 'blue',
  debug: 'blue',
};
const LOG_BYTES_MAX = 1024 * 1024;

const rank = (level: Level) => LEVELS.indexOf(level);
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

export class Console {
  #output: Output;
  readonly #preferences: () => Preferences;
  readonly #now: () => Date;
  /** What an error is prefixed with in a script: `line 3: `. Such errors carry no colours. */
  errorPrefix: string | undefined;
  /** Nothing but what commands were asked to show; warnings and errors on stderr. */
  quiet = false;
  /** Messages go to stderr: stdout is for one JSON value. */
  aside = false;

  constructor(output: Output, preferences: () => Preferences, now: () => Date = () => new Date()) {
    this.#output = output;
    this.#preferences = preferences;
    this.#now = now;
  }

  get painter(): Painter {
    return painter(this.#output.color && this.#preferences().color_mode);
  }

  /** Width of the terminal; undefined when stdout is none. */
  get columns(): number | undefined {
    return this.#output.columns;
  }

  get tty(): boolean {
    return this.#output.tty;
  }

  /** What `run` writes, instead of writing it. */
  async capture(run: () => Promise<void>): Promise<string> {
    const before = this.#output;
    const { tty, color, columns } = before;
    let text = '';
    const keep = (more: string) => {
      text += more;
    };
    this.#output = { out: keep, err: keep, tty, color, columns };
    try {
      await run();
    } finally {
      this.#output = before;
    }
    return text;
  }

  /** What a command shows, in the default colour; a newline is added. */
  display(text: string): void {
    const { color_default: color } = this.#preferences();
    const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
    this.#output.out(`${this.painter.color(color, lines)}\n`);
  }

  /** One JSON value, for programs: no colours. */
  json(value: unknown): void {
    this.#output.out(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** What was asked for, in the dress of a message: targetcli's `info` and `status`. */
  tell(text: string): void {
    this.log('info', text);
    if (rank('info') > rank(this.#preferences().loglevel_console)) return;
    this.#output.out(`${this.#dress('info', text)}\n`);
  }

  /** That something was done as wanted: nobody who is quiet asked for it. */
  confirm(text: string): void {
    if (!this.quiet) this.display(text);
  }

  say(level: 'info' | 'warning' | 'verbose' | 'debug', text: string): void {
    this.log(level, text);
    if (rank(level) > rank(this.#preferences().loglevel_console)) return;
    if (this.quiet && level !== 'warning') return;
    const line = `${this.#dress(level, text)}\n`;
    if (this.quiet || this.aside) this.#output.err(line);
    else this.#output.out(line);
  }

  error(text: string): void {
    this.log('error', text);
    const shown =
      this.errorPrefix === undefined ? this.#dress('error', text) : this.errorPrefix + text;
    this.#output.err(`${shown}\n`);
  }

  #dress(level: Level, text: string): string {
    const { color_mode: colored } = this.#preferences();
    if (!colored) return `${capital(level)}: ${text}`;
    return this.painter.color(LEVEL_COLOR[level], text);
  }

  /** To the log file; a log that cannot be written never hinders a command. */
  log(level: Level, text: string): void {
    const { logfile, loglevel_file: limit } = this.#preferences();
    if (rank(level) > rank(limit)) return;
    try {
      mkdirSync(dirname(logfile), { recursive: true, mode: 0o700 });
      const size = statSync(logfile, { throwIfNoEntry: false })?.size ?? 0;
      if (size > LOG_BYTES_MAX) renameSync(logfile, `${logfile}.1`);
      const line = `[${level.toUpperCase()}] ${timestamp(this.#now())} ${text}\n`;
      appendFileSync(logfile, line, { mode: 0o600 });
    } catch {
      // A full disk or a read-only home must not stop the administrator.
    }
  }
}

function timestamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
