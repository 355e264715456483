/** What changed between two records of plain values: large ones cross between threads so. */
type Plain = Readonly<Record<string, unknown>>;

export interface RecordPatch<T> {
  readonly set: Readonly<Record<string, T>>;
  readonly gone: readonly string[];
}

/** Equal field by field, one level deep. */
function alike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => (a as Plain)[name] === (b as Plain)[name]);
}

/** Compared one level deep; at most `limit` values are set: what is left needs another patch. */
export function patchBetween<T>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  limit = Infinity,
): RecordPatch<T> {
  const set: Record<string, T> = {};
  if (before === after) return { set, gone: [] };
  let left = limit;
  // Names first: pairs of thousands of entries would be as many arrays.
  for (const key of Object.keys(after)) {
    const value = after[key] as T;
    if (Object.hasOwn(before, key) && alike(before[key], value)) continue;
    set[key] = value;
    if (--left === 0) break;
  }
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return { set, gone };
}

/** The record with the patch; itself when nothing changed. */
export function patched<T>(
  before: Readonly<Record<string, T>>,
  { set, gone }: RecordPatch<T>,
): Readonly<Record<string, T>> {
  if (gone.length === 0 && Object.keys(set).length === 0) return before;
  const after: Record<string, T> = { ...before, ...set };
  for (const key of gone) delete after[key];
  return after;
}
