// The part of docs/PERFORMANCE.md that the bench writes: figures there are never typed by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../scripts/prepare.mjs';

const FILE = path.join(ROOT, 'docs/PERFORMANCE.md');
export const BEGIN = '<!-- bench: begin; written by `npm run bench -- --write-docs` -->';
export const END = '<!-- bench: end -->';

/** `text` with what stands between the marks replaced. */
export function between(text, content) {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the marks ${BEGIN} and ${END} are missing`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${content}\n\n${text.slice(end)}`;
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

export async function writeDocument(content) {
  const text = between(readFileSync(FILE, 'utf8'), content);
  writeFileSync(FILE, await formatted(text));
  return path.relative(ROOT, FILE);
}
