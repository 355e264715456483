/** Edits: how one document becomes another, as the control protocol carries it. */
import type { Document, DocumentPath } from './document.ts';
import { ConfigError } from './errors.ts';
import { isRecord, sameValue } from './equal.ts';

/** A value at a path, or its removal when `value` is absent. */
export interface Edit {
  readonly path: DocumentPath;
  readonly value?: unknown;
}

function collect(now: unknown, wanted: unknown, path: readonly string[], edits: Edit[]): void {
  if (now === wanted) return;
  if (!isRecord(now) || !isRecord(wanted)) {
    if (!sameValue(now, wanted)) edits.push({ path, value: wanted });
    return;
  }
  for (const key of Object.keys(now)) {
    if (!Object.hasOwn(wanted, key)) edits.push({ path: [...path, key] });
  }
  for (const key of Object.keys(wanted)) {
    if (Object.hasOwn(now, key)) {
      if (now[key] !== wanted[key]) collect(now[key], wanted[key], [...path, key], edits);
    } else edits.push({ path: [...path, key], value: wanted[key] });
  }
}

/** The smallest edits, value by value; what both documents share by reference costs nothing. */
export function editsBetween(now: Document, wanted: Document): readonly Edit[] {
  const edits: Edit[] = [];
  collect(now, wanted, [], edits);
  return edits;
}

/** Edits that do the same, without those that a later one in the same place or above overrides. */
export function withoutOverridden(edits: readonly Edit[]): readonly Edit[] {
  const later = new Set<string>();
  const kept: Edit[] = [];
  for (const edit of edits.toReversed()) {
    const { path } = edit;
    if (path.some((_, i) => later.has(path.slice(0, i + 1).join('\0')))) continue;
    later.add(path.join('\0'));
    kept.push(edit);
  }
  return kept.reverse();
}

type Plain = Record<string, unknown>;

function pathOfEdit(edit: unknown): readonly string[] {
  if (!isRecord(edit)) throw new ConfigError('An edit is an object with a path');
  const { path } = edit;
  if (!Array.isArray(path) || !path.every((key): key is string => typeof key === 'string')) {
    throw new ConfigError('The path of an edit is a list of texts');
  }
  if (path.includes('__proto__')) throw new ConfigError('__proto__ is not a possible name');
  return path;
}

/** A copy that may be written to; those in `ours` are such copies already. */
function writable(value: unknown, ours: WeakSet<object>, path: readonly string[]): Plain {
  if (!isRecord(value)) {
    throw new ConfigError(`No such place in the configuration: ${path.join('/')}`);
  }
  if (ours.has(value)) return value;
  const copy = { ...value };
  ours.add(copy);
  return copy;
}

function applyOne(document: unknown, edit: Edit, ours: WeakSet<object>): unknown {
  const path = pathOfEdit(edit);
  const last = path.at(-1);
  if (last === undefined) return edit.value;
  const root = writable(document, ours, []);
  let place = root;
  for (const [i, key] of path.slice(0, -1).entries()) {
    const next = Object.hasOwn(place, key) ? place[key] : undefined;
    const copy = writable(next, ours, path.slice(0, i + 1));
    place[key] = copy;
    place = copy;
  }
  if (edit.value === undefined) delete place[last];
  else place[last] = edit.value;
  return root;
}

/**
 * The document with the edits applied in order, sharing what they do not touch. The result has not
 * been validated: its shape is as good as the edits' values.
 */
export function applyEdits(document: Document, edits: readonly Edit[]): Document {
  if (!(edits instanceof Array)) throw new ConfigError('Edits are a list');
  const ours = new WeakSet<object>();
  let wanted: unknown = document;
  for (const edit of edits) wanted = applyOne(wanted, edit, ours);
  return wanted as Document;
}
