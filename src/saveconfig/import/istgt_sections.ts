/** The syntax of istgt.conf and auth.conf: sections of keys with values that may be quoted. */
import type { Origin } from './draft.ts';
import type { SourceText } from './imported.ts';

export interface KeyLine {
  readonly key: string;
  readonly values: readonly string[];
  readonly from: Origin;
}
export interface Section {
  /** `LogicalUnit`, `Global`. */
  readonly kind: string;
  /** `1` of `[LogicalUnit1]`; empty where there is no number. */
  readonly number: string;
  readonly from: Origin;
  readonly lines: readonly KeyLine[];
}
export type Sections =
  | { readonly ok: true; readonly sections: readonly Section[] }
  | { readonly ok: false; readonly problem: string };

interface Joined {
  readonly text: string;
  readonly line: number;
}

/** A line that ends in a backslash goes on in the next; `#` starts a comment only at its head. */
function joinedLines(text: string): readonly Joined[] {
  const lines: Joined[] = [];
  let pending: Joined | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const bare = raw.trim();
    if (pending === undefined && (bare === '' || bare.startsWith('#'))) continue;
    const text = `${pending?.text ?? ''}${bare}`;
    const line = pending?.line ?? index + 1;
    pending = undefined;
    if (text.endsWith('\\')) pending = { text: `${text.slice(0, -1)} `, line };
    else lines.push({ text, line });
  }
  if (pending !== undefined) lines.push(pending);
  return lines;
}

function wordsOf(text: string): readonly string[] | undefined {
  const words: string[] = [];
  const word = /\s*(?:"([^"]*)"|([^\s"]+))/y;
  const bare = text.trim();
  while (word.lastIndex < bare.length) {
    const match = word.exec(bare);
    if (match === null) return undefined;
    words.push(match[1] ?? match[2] ?? '');
  }
  return words;
}

export function readSections({ file, text }: SourceText): Sections {
  const sections: { kind: string; number: string; from: Origin; lines: KeyLine[] }[] = [];
  for (const { text: joined, line } of joinedLines(text)) {
    const from = { file, line };
    if (joined.startsWith('[')) {
      const match = /^\[([A-Za-z_]+)(\d*)\]$/.exec(joined);
      if (match === null) return { ok: false, problem: `${file}:${line}: not a section` };
      sections.push({ kind: match[1] ?? '', number: match[2] ?? '', from, lines: [] });
      continue;
    }
    const words = wordsOf(joined);
    const section = sections.at(-1);
    if (words === undefined) {
      return { ok: false, problem: `${file}:${line}: a quotation mark is not closed` };
    }
    if (section === undefined) {
      return { ok: false, problem: `${file}:${line}: a line stands before the first [section]` };
    }
    const [key = '', ...values] = words;
    section.lines.push({ key, values, from });
  }
  return { ok: true, sections };
}
