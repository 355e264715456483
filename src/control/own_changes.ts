/** What one shell changed since the last save, told apart from what others changed. */
import type { Document } from '../objects/document.ts';
import { applyEdits, type Edit } from '../objects/edits.ts';
import { ConfigError } from '../objects/errors.ts';
import { validate } from '../objects/validate.ts';
import type { Commit } from './history.ts';

const keyOf = (path: readonly string[]) => path.join('\0');

/** Does an edit stand at, above or below one of the others? */
function editsCollide(mine: readonly Edit[], others: readonly Edit[]): boolean {
  const exact = new Set<string>();
  const above = new Set<string>();
  for (const { path } of others) {
    exact.add(keyOf(path));
    for (let length = 0; length < path.length; length++) above.add(keyOf(path.slice(0, length)));
  }
  return mine.some(({ path }) => {
    if (above.has(keyOf(path))) return true;
    for (let length = 0; length <= path.length; length++) {
      if (exact.has(keyOf(path.slice(0, length)))) return true;
    }
    return false;
  });
}

/**
 * The saved document with the commits of `only` and no others; undefined when they cannot be told
 * apart: both changed the same thing, or one needs what the other made.
 */
export function withOnly(
  saved: Document,
  unsaved: readonly Commit[],
  only: ReadonlySet<number>,
): Document | undefined {
  const edits = (own: boolean) =>
    unsaved.filter(({ revision }) => only.has(revision) === own).flatMap((commit) => commit.edits);
  const mine = edits(true);
  if (editsCollide(mine, edits(false))) return undefined;
  try {
    return validate(applyEdits(saved, mine)).document;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
