/** Bringing changes that were made on one document to another that has gone on meanwhile. */
import type { Document } from './document.ts';
import { applyEdits, editsBetween, type Edit } from './edits.ts';
import { sameValue } from './equal.ts';
import { describeIssue, validate } from './validate.ts';

export interface Collision {
  readonly path: readonly string[];
  /** Values at the path; undefined: removed. */
  readonly mine: unknown;
  readonly theirs: unknown;
}

export type Rebased =
  | { readonly document: Document; readonly collisions?: undefined }
  | {
      readonly document?: undefined;
      readonly collisions: readonly Collision[];
      /** No two values collide, but both together are not a valid configuration. */
      readonly problems: readonly string[];
    };

const keyOf = (path: readonly string[]) => path.join('\0');

/** Finds the edits at, above or below a place. */
class EditIndex {
  readonly #exact = new Map<string, Edit>();
  readonly #below = new Map<string, Edit>();

  constructor(edits: readonly Edit[]) {
    for (const edit of edits) {
      this.#exact.set(keyOf(edit.path), edit);
      for (let length = 0; length < edit.path.length; length++) {
        this.#below.set(keyOf(edit.path.slice(0, length)), edit);
      }
    }
  }

  touching(path: readonly string[]): Edit | undefined {
    for (let length = 0; length <= path.length; length++) {
      const found = this.#exact.get(keyOf(path.slice(0, length)));
      if (found !== undefined) return found;
    }
    return this.#below.get(keyOf(path));
  }
}

/** What was changed from `base` to `mine`, on top of `theirs`; or what keeps the two apart. */
export function rebase(base: Document, mine: Document, theirs: Document): Rebased {
  if (base === theirs) return { document: mine };
  const index = new EditIndex(editsBetween(base, theirs));
  const edits: Edit[] = [];
  const collisions: Collision[] = [];
  for (const edit of editsBetween(base, mine)) {
    const other = index.touching(edit.path);
    if (other === undefined) edits.push(edit);
    else if (keyOf(other.path) !== keyOf(edit.path) || !sameValue(other.value, edit.value)) {
      const path = other.path.length > edit.path.length ? other.path : edit.path;
      collisions.push({ path, mine: edit.value, theirs: other.value });
    }
  }
  if (collisions.length > 0) return { collisions, problems: [] };
  const document = applyEdits(theirs, edits);
  const { issues } = validate(document);
  return issues === undefined
    ? { document }
    : { collisions: [], problems: issues.map(describeIssue) };
}
