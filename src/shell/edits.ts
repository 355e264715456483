/** What changed between two documents, as the edits that the control protocol carries. */
import type { Edit } from '../control/protocol.ts';
import { setIn } from '../objects/document.ts';
import type { Document } from '../objects/document.ts';

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Documents share what they have in common, so unchanged parts cost one comparison. */
export function editsBetween(before: Document, after: Document): readonly Edit[] {
  const edits: Edit[] = [];
  compare(before, after, [], edits);
  return edits;
}

function compare(before: unknown, after: unknown, path: readonly string[], edits: Edit[]): void {
  if (Object.is(before, after)) return;
  if (!isPlain(before) || !isPlain(after)) {
    if (JSON.stringify(before) !== JSON.stringify(after)) edits.push({ path, value: after });
    return;
  }
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key) || after[key] === undefined)
      edits.push({ path: [...path, key] });
  }
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(before, key)) edits.push({ path: [...path, key], value });
    else compare(before[key], value, [...path, key], edits);
  }
}

export function applyEdits(document: Document, edits: readonly Edit[]): Document {
  return edits.reduce((now, edit) => setIn(now, edit.path, edit.value), document);
}
