/** Checks of request parameters: what comes over the socket is typed only after this. */
import { isAbsolute } from 'node:path';
import type { Method } from './protocol.ts';

type Check = (value: unknown) => string | undefined;
type Shape = Readonly<Record<string, { readonly check: Check; readonly optional?: true }>>;

/** Edits of one change: a restore of a whole document is one edit, so this is generous. */
const MAX_EDITS = 100_000;
const MAX_DEPTH = 32;
const MAX_PATH_BYTES = 4096;

const text: Check = (v) => (typeof v === 'string' ? undefined : 'not text');
const MAX_TEXT = 8192;
const shortText: Check = (v) =>
  typeof v === 'string' && v.length <= MAX_TEXT ? undefined : 'not a short text';
const flag: Check = (v) => (typeof v === 'boolean' ? undefined : 'not true or false');
const count: Check = (v) =>
  Number.isSafeInteger(v) && (v as number) >= 0 ? undefined : 'not a whole number';
const oneOf =
  (...words: readonly string[]): Check =>
  (v) =>
    words.includes(v as string) ? undefined : `not one of ${words.join(', ')}`;

const fileName: Check = (v) => {
  if (typeof v !== 'string' || v === '') return 'not a file name';
  if (!isAbsolute(v)) return 'not an absolute file name';
  if (v.includes('\0')) return 'a file name has no NUL';
  return Buffer.byteLength(v) > MAX_PATH_BYTES ? 'file name too long' : undefined;
};

const listOf =
  (check: Check, most: number): Check =>
  (v) => {
    if (!Array.isArray(v)) return 'not a list';
    if (v.length > most) return `more than ${most} entries`;
    for (const [i, entry] of v.entries()) {
      const wrong = check(entry);
      if (wrong !== undefined) return `[${i}]: ${wrong}`;
    }
    return undefined;
  };

const record =
  (shape: Shape): Check =>
  (v) => {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return 'not an object';
    for (const key of Object.keys(v)) {
      if (!Object.hasOwn(shape, key)) return `unknown parameter ${key.slice(0, 100)}`;
    }
    for (const [key, { check, optional }] of Object.entries(shape)) {
      const value = (v as Record<string, unknown>)[key];
      if (value === undefined && optional) continue;
      const wrong = check(value);
      if (wrong !== undefined) return `${key}: ${wrong}`;
    }
    return undefined;
  };

/** Plain data of bounded depth without `__proto__` as a key; what it means is checked later. */
function plainData(value: unknown, depth = 0): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_DEPTH) return 'nested too deeply';
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return '__proto__ is not a possible name';
    const wrong = plainData((value as Record<string, unknown>)[key], depth + 1);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

const NOTHING: Shape = {};
const EDIT = record({
  path: { check: listOf(text, MAX_DEPTH) },
  value: { check: plainData, optional: true },
});
const NEW_FILE = record({
  path: { check: fileName },
  size: { check: count },
  sparse: { check: flag },
});

const origin = record({
  user: { check: shortText },
  client: { check: shortText },
  command: { check: shortText },
});
const SOURCE: Shape = {
  file: { check: fileName, optional: true },
  backup: { check: count, optional: true },
  last: { check: flag, optional: true },
};
const BY: Shape = { by: { check: origin, optional: true } };
const STEPS_BACK: Shape = { count: { check: count }, ...BY };

const SHAPES: { readonly [M in Method]: Shape } = {
  hello: NOTHING,
  document: NOTHING,
  change: {
    revision: { check: count },
    edits: { check: listOf(EDIT, MAX_EDITS) },
    createFiles: { check: listOf(NEW_FILE, 20_000), optional: true },
    tolerant: { check: flag, optional: true },
    ...BY,
  },
  undo: STEPS_BACK,
  redo: STEPS_BACK,
  history: { limit: { check: count } },
  state: NOTHING,
  save: {
    file: { check: fileName, optional: true },
    maxBackups: { check: count, optional: true },
    force: { check: flag, optional: true },
    only: { check: listOf(count, MAX_EDITS), optional: true },
    storageObject: { check: shortText, optional: true },
  },
  rescan: { storageObject: { check: text } },
  kick: { sid: { check: count } },
  backups: NOTHING,
  preferences: NOTHING,
  restore: {
    ...SOURCE,
    clear: { check: flag },
    target: { check: shortText, optional: true },
    storageObject: { check: shortText, optional: true },
    dryRun: { check: flag, optional: true },
    ...BY,
  },
  compare: SOURCE,
  read: {
    text: { check: text },
    name: { check: shortText },
    prune: { check: flag },
    base: { check: plainData, optional: true },
  },
  render: {
    paths: { check: listOf(listOf(text, MAX_DEPTH), MAX_EDITS) },
    secrets: { check: flag },
    base: { check: plainData, optional: true },
  },
  runtime: { known: { check: count, optional: true } },
  probe: { path: { check: fileName } },
  addresses: NOTHING,
  list: {
    folder: { check: fileName },
    only: { check: oneOf('any', 'block') },
    prefix: { check: shortText, optional: true },
  },
  shutdown: NOTHING,
};

/** What is wrong with a request's parameters, or undefined. */
export function invalidParams(method: Method, params: object): string | undefined {
  return record(SHAPES[method])(params);
}
