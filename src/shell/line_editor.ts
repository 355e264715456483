/** What the prompt's keys do to a line, without a terminal: history, search, completion. */
import { commonPrefix } from './complete.ts';
import type { Candidate, Completion } from './complete.ts';

/** Up and Down: from the line being typed back through the history. */
export class HistoryWalk {
  readonly #lines: readonly string[];
  #at: number;
  #draft = '';

  constructor(lines: readonly string[]) {
    this.#lines = lines;
    this.#at = lines.length;
  }

  /** The line one step older, or undefined at the oldest. */
  older(typed: string): string | undefined {
    if (this.#at === 0) return undefined;
    if (this.#at === this.#lines.length) this.#draft = typed;
    this.#at -= 1;
    return this.#lines[this.#at];
  }

  newer(): string | undefined {
    if (this.#at >= this.#lines.length) return undefined;
    this.#at += 1;
    return this.#at === this.#lines.length ? this.#draft : this.#lines[this.#at];
  }
}

export interface Found {
  readonly line: string;
  readonly index: number;
}

/** Ctrl-R: the newest line before `before` that holds the words. */
export function searchHistory(
  lines: readonly string[],
  words: string,
  before: number,
): Found | undefined {
  if (words === '') return undefined;
  for (let index = Math.min(before, lines.length) - 1; index >= 0; index -= 1) {
    const line = lines[index];
    if (line?.includes(words) === true) return { line, index };
  }
  return undefined;
}

export interface Completed {
  readonly line: string;
  readonly cursor: number;
  /** Shown under the prompt when there is more than one. */
  readonly choices: readonly Candidate[];
}

/** The line after TAB: completed as far as all candidates agree. */
export function applyCompletion(line: string, cursor: number, completion: Completion): Completed {
  const { start, candidates } = completion;
  const [only] = candidates;
  if (only === undefined) return { line, cursor, choices: [] };
  const after = line.slice(cursor);
  const single = candidates.length === 1;
  const insertion = single
    ? wholeWord(only, after)
    : commonPrefix(candidates.map((one) => one.text));
  const before = line.slice(0, start) + insertion;
  return { line: before + after, cursor: before.length, choices: single ? [] : candidates };
}

/** A blank follows what is complete, unless one is there; nor does a quote close twice. */
function wholeWord({ text, final }: Candidate, after: string): string {
  if (!final || after.startsWith(' ')) return text;
  const closed = /["']$/.exec(text)?.[0];
  return closed !== undefined && after.startsWith(closed) ? text.slice(0, -1) : `${text} `;
}

/** What Ctrl-R has found so far. */
export interface Search {
  readonly query: string;
  readonly match: string;
  /** Of the match in the history. */
  readonly index: number;
  /** What was typed before Ctrl-R. */
  readonly draft: string;
}

export interface Key {
  readonly name: string;
  readonly ctrl: boolean;
}

export const isCtrl = (key: Key, name: string): boolean => key.ctrl && key.name === name;

const LEAVES_SEARCH = new Set(['left', 'right', 'up', 'down', 'home', 'end', 'tab']);

/**
 * The next state of a search after a key, `typed` being the words now: a search that goes on, or
 * the line to edit.
 */
export function searchAfterKey(
  search: Search,
  key: Key,
  typed: string,
  lines: readonly string[],
): Search | string {
  if (isCtrl(key, 'g') || key.name === 'escape') return search.draft;
  const again = isCtrl(key, 'r');
  if (LEAVES_SEARCH.has(key.name)) return search.match;
  if (key.ctrl && !again && typed === search.query) return search.match;
  const found = searchHistory(lines, typed, again ? search.index : lines.length);
  if (found !== undefined) {
    return { ...search, query: typed, match: found.line, index: found.index };
  }
  // Nothing older: the match stays. Other words that are nowhere: no match.
  return again ? search : { ...search, query: typed, match: '' };
}
