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
    ? only.text + (only.final && !after.startsWith(' ') ? ' ' : '')
    : commonPrefix(candidates.map((one) => one.text));
  const before = line.slice(0, start) + insertion;
  return { line: before + after, cursor: before.length, choices: single ? [] : candidates };
}
