// The part of docs/PERFORMANCE.md that the bench writes: figures there are never typed by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../scripts/prepare.mjs';

const FILE = path.join(ROOT, 'docs/PERFORMANCE.md');
/** What stands around a part, with the command that writes it. */
export const MARKS = {
  bench: {
    begin: '<!-- bench: begin; written by `npm run bench -- --write-docs` -->',
    end: '<!-- bench: end -->',
  },
  profile: {
    begin: '<!-- profile: begin; written by `node bench/profile.mjs --write-docs` -->',
    end: '<!-- profile: end -->',
  },
};

/** `text` with what stands between a part's marks replaced. */
export function between(text, content, part) {
  const marks = MARKS[part];
  const begin = text.indexOf(marks.begin);
  const end = text.indexOf(marks.end);
  if (begin < 0 || end < begin) throw new Error(`${marks.begin} or ${marks.end} is missing`);
  return `${text.slice(0, begin + marks.begin.length)}\n\n${content}\n\n${text.slice(end)}`;
}

/** As `npm run check` wants it; without the formatter's package as it is. */
async function formatted(text) {
  try {
    const { format, resolveConfig } = await import('prettier');
    return await format(text, { ...(await resolveConfig(FILE)), parser: 'markdown' });
  } catch {
    return text;
  }
}

export async function writeDocument(content, part = 'bench') {
  const text = between(readFileSync(FILE, 'utf8'), content, part);
  writeFileSync(FILE, await formatted(text));
  return path.relative(ROOT, FILE);
}
