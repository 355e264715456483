/** What changed of a record of plain values: large ones cross between threads so. */
export interface RecordPatch<T> {
  readonly set: Readonly<Record<string, T>>;
  readonly gone: readonly string[];
}

/** The record with the patches, one after the other; itself when they change nothing. */
export function patched<T>(
  before: Readonly<Record<string, T>>,
  ...patches: readonly RecordPatch<T>[]
): Readonly<Record<string, T>> {
  const telling = patches.filter((each) => each.gone.length > 0 || hasEntries(each.set));
  if (telling.length === 0) return before;
  const after: Record<string, T> = { ...before };
  for (const { set, gone } of telling) {
    Object.assign(after, set);
    for (const key of gone) delete after[key];
  }
  return after;
}

function hasEntries(record: object): boolean {
  for (const _ in record) return true;
  return false;
}
