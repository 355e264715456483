/** The syntax of tgt's targets.conf: directives, blocks in angle brackets, included files. */
import { dirname, isAbsolute, join } from 'node:path';
import type { Origin } from './draft.ts';
import type { SourceText, Surroundings } from './imported.ts';

export interface Directive {
  readonly name: string;
  readonly value: string;
  readonly from: Origin;
  /** Of a block. */
  readonly inside?: readonly Directive[];
}
export type Blocks =
  | { readonly ok: true; readonly directives: readonly Directive[] }
  | { readonly ok: false; readonly problem: string };

const MAX_INCLUDE_DEPTH = 8;
const MAX_FILES = 1000;

class Problem extends Error {}

interface Open {
  readonly name: string;
  readonly value: string;
  readonly from: Origin;
  readonly inside: Directive[];
}

class BlockReader {
  readonly #around: Surroundings;
  #files = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  read(source: SourceText, depth: number): Directive[] {
    this.#files += 1;
    if (depth > MAX_INCLUDE_DEPTH || this.#files > MAX_FILES) {
      throw new Problem(`${source.file}: too many files include each other`);
    }
    const top: Directive[] = [];
    const open: Open[] = [];
    for (const { text, line } of logicalLines(source.text)) {
      const from = { file: source.file, line };
      const list = open.at(-1)?.inside ?? top;
      const include = /^(?:<<)?include\s+"?(.+?)"?(?:>>)?$/i.exec(text)?.[1];
      if (include !== undefined) {
        for (const one of this.#included(include, source)) {
          for (const inner of this.read(one, depth + 1)) list.push(inner);
        }
      } else if (text.startsWith('</')) this.#close(text, from, open, top);
      else if (text.startsWith('<')) open.push(opened(text, from));
      else list.push(directive(text, from));
    }
    const unclosed = open.at(-1);
    if (unclosed !== undefined) {
      throw new Problem(
        `${source.file}:${unclosed.from.line}: <${unclosed.name} …> has no </${unclosed.name}>`,
      );
    }
    return top;
  }

  #included(pattern: string, source: SourceText): readonly SourceText[] {
    const path = isAbsolute(pattern) ? pattern : join(dirname(source.file), pattern);
    return this.#around.files(path);
  }

  #close(text: string, from: Origin, open: Open[], top: Directive[]): void {
    const name = /^<\/\s*([\w-]+)\s*>$/.exec(text)?.[1];
    const last = open.pop();
    if (last === undefined || name?.toLowerCase() !== last.name) {
      throw new Problem(`${from.file}:${from.line}: ${text.slice(0, 60)} closes nothing`);
    }
    (open.at(-1)?.inside ?? top).push(last);
  }
}

/** Lines without comments; one that ends in a backslash goes on in the next. */
function logicalLines(text: string): { readonly text: string; readonly line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let pending: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const bare = raw.replace(/^#.*|\s#.*/, '').trim();
    const start: { text: string; line: number } = pending ?? { text: '', line: index + 1 };
    const joined = `${start.text}${bare}`.trim();
    pending = undefined;
    if (joined.endsWith('\\')) pending = { text: `${joined.slice(0, -1)} `, line: start.line };
    else if (joined !== '') lines.push({ text: joined.replaceAll('\\#', '#'), line: start.line });
  }
  return lines;
}

const unquoted = (text: string): string => /^"(.*)"$/.exec(text.trim())?.[1] ?? text.trim();

function opened(text: string, from: Origin): Open {
  const match = /^<\s*([\w-]+)(?:\s+(.*?))?\s*>$/.exec(text);
  if (match === null) {
    throw new Problem(`${from.file}:${from.line}: ${text.slice(0, 60)} is no block`);
  }
  return {
    name: (match[1] ?? '').toLowerCase(),
    value: unquoted(match[2] ?? ''),
    from,
    inside: [],
  };
}

function directive(text: string, from: Origin): Directive {
  const match = /^([^\s=]+)(?:\s*=\s*|\s+|$)(.*)$/.exec(text);
  return { name: match?.[1] ?? text, value: unquoted(match?.[2] ?? ''), from };
}

export function readBlocks(source: SourceText, around: Surroundings): Blocks {
  try {
    return { ok: true, directives: new BlockReader(around).read(source, 0) };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}
