/**
 * `lunsmith __complete BREAKS LINE`: what the completion scripts of bash and zsh ask. The same
 * completer answers as in the shell; a daemon is asked when one runs, and never started.
 */
import type { ControlClient } from '../control/protocol.ts';
import { complete } from '../shell/complete.ts';
import { parseLine, type Word } from '../shell/grammar.ts';
import type { Output } from '../shell/output.ts';
import { Shell } from '../shell/shell.ts';
import { OPTION_NAMES, optionsOf, ROLE_WORDS, type Options } from './args.ts';

export interface CompleteRequest {
  /** Characters that end a word for the asking shell; empty: none but blanks. */
  readonly breaks: string;
  /** Up to the cursor, the program's name first. */
  readonly line: string;
}
export interface Attachment {
  readonly client: ControlClient;
  readonly home: string;
}

interface Offer {
  readonly text: string;
  readonly final: boolean;
}
interface Offers {
  /** Column of the line from which the offers replace it. */
  readonly start: number;
  readonly offers: readonly Offer[];
}

const SILENT: Output = { out: () => {}, err: () => {}, color: false, tty: false, columns: 80 };
const NONE: Offers = { start: 0, offers: [] };
/** What follows the words that are no commands of the shell. */
const ROLE_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  daemon: ['--config', '--socket'],
  stop: ['--config', '--socket'],
  completion: ['bash', 'zsh'],
  service: ['install', '--print', '--root'],
  schema: [],
};

const fitting = (words: readonly string[], typed: string): Offer[] =>
  words.filter((word) => word.startsWith(typed)).map((text) => ({ text, final: true }));

/** The lines to print. Never rejects: there is nobody to read an error. */
export async function completions(
  { breaks, line }: CompleteRequest,
  attach: (options: Options) => Promise<Attachment>,
): Promise<readonly string[]> {
  try {
    const words = parseLine(line);
    const last = words.at(-1);
    const open = last !== undefined && last.end === line.length;
    const typed = open ? line.slice(last.start) : '';
    const wordStart = line.length - typed.length;
    const before = (open ? words.slice(0, -1) : words).slice(1);
    if (words.length === 0 || (open && words.length === 1)) return [];
    const { start, offers } = await offersFor(line, before, typed, attach);
    const kept = line.slice(wordStart, start);
    const cut = Math.max(-1, ...[...breaks].map((one) => typed.lastIndexOf(one))) + 1;
    const only = offers.length === 1;
    return offers.map(({ text, final }) => {
      // zsh adds the blank itself and takes it from the end for a mark of what is complete.
      const blank = final && (only || breaks === '') ? ' ' : '';
      return (kept + text).slice(cut) + blank;
    });
  } catch {
    return [];
  }
}

async function offersFor(
  line: string,
  before: readonly Word[],
  typed: string,
  attach: (options: Options) => Promise<Attachment>,
): Promise<Offers> {
  const { options, rest } = optionsOf(before.map(({ text }) => text));
  const first = before[before.length - rest.length];
  const wordStart = line.length - typed.length;
  if (first === undefined && typed.startsWith('-')) {
    return { start: wordStart, offers: fitting(OPTION_NAMES, typed) };
  }
  const role = first?.text ?? '';
  if (Object.hasOwn(ROLE_ARGUMENTS, role)) {
    const given = before.map(({ text }) => text);
    const left = (ROLE_ARGUMENTS[role] ?? []).filter((word) => !given.includes(word));
    const exclusive = role === 'completion' && rest.length > 1 ? [] : left;
    return { start: wordStart, offers: fitting(exclusive, typed) };
  }
  const column = first?.start ?? wordStart;
  const { client, home } = await attach(options);
  try {
    const shell = new Shell({ client, home, out: SILENT });
    const found = await complete(shell, line.slice(column));
    const roles = first === undefined ? fitting(ROLE_WORDS, typed) : [];
    const start = found.candidates.length === 0 ? wordStart : column + found.start;
    return { ...NONE, start, offers: [...found.candidates, ...roles] };
  } finally {
    client.close();
  }
}
