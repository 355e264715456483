/** What the checks of a document share: where they are, what they found. */
import { check, type AttributeGroup } from './attribute.ts';
import type { DocumentPath } from './document.ts';
import { isRecord } from './equal.ts';
import { nearest } from '../util/near.ts';

export interface Issue {
  readonly path: DocumentPath;
  /** A sentence without the path: `size: not a whole number`. */
  readonly message: string;
}

type Plain = Readonly<Record<string, unknown>>;

/** A place in the document under check. Paths are made only when something is wrong. */
export class Place {
  readonly issues: Issue[];
  readonly parent: Place | undefined;
  readonly key: string;

  constructor(issues: Issue[], parent?: Place, key = '') {
    this.issues = issues;
    this.parent = parent;
    this.key = key;
  }

  at(key: string): Place {
    return new Place(this.issues, this, key);
  }

  path(): DocumentPath {
    return this.parent === undefined ? [] : [...this.parent.path(), this.key];
  }

  add(message: string): void {
    this.issues.push({ path: this.path(), message });
  }
}

/** What a field must be; `undefined` when it is right. */
export type FieldCheck = (value: unknown, place: Place) => void;

/** A record of exactly these fields, of which only `optional` may be absent. */
export function checkFields(
  place: Place,
  value: unknown,
  fields: Readonly<Record<string, FieldCheck>>,
  optional: readonly string[] = [],
): value is Plain {
  if (!isRecord(value)) {
    place.add(`${place.key || 'document'}: a map of ${Object.keys(fields).join(', ')} is expected`);
    return false;
  }
  for (const key of Object.keys(value)) {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (field === undefined) place.at(key).add(unknownKey(key, Object.keys(fields)));
    else field(value[key], place.at(key));
  }
  for (const key of Object.keys(fields)) {
    if (!Object.hasOwn(value, key) && !optional.includes(key)) place.add(`${key} is missing`);
  }
  return true;
}

function unknownKey(key: string, possible: readonly string[]): string {
  const meant = nearest(key, possible);
  const hint =
    meant === undefined ? `; possible: ${possible.join(', ')}` : `; did you mean ${meant}?`;
  return `unknown key ${JSON.stringify(key)}${hint}`;
}

/** A record whose keys are names: each with its own check. */
export function checkEntries(
  place: Place,
  value: unknown,
  entry: (key: string, value: unknown, place: Place) => void,
): void {
  if (!isRecord(value)) return place.add(`${place.key}: a map is expected`);
  for (const key of Object.keys(value)) {
    if (key === '__proto__') place.add('__proto__ is not a possible name');
    else entry(key, value[key], place.at(key));
  }
}

/** A sparse group: every value against its declaration. */
export function checkBag(place: Place, value: unknown, group: AttributeGroup): void {
  if (!isRecord(value)) return place.add(`${place.key}: a map of values is expected`);
  for (const key of Object.keys(value)) {
    const attribute = Object.hasOwn(group, key) ? group[key] : undefined;
    if (attribute === undefined) {
      place.at(key).add(unknownKey(key, Object.keys(group)));
    } else if (attribute.readonly === true) {
      place.at(key).add(`${key} is read-only: leave it out`);
    } else {
      const checked = check(attribute, value[key]);
      if (!checked.ok) place.at(key).add(`${key}: ${checked.reason}`);
    }
  }
}

export const isBoolean: FieldCheck = (value, place) => {
  if (typeof value !== 'boolean') place.add(`${place.key}: not true or false`);
};

export const isText: FieldCheck = (value, place) => {
  if (typeof value !== 'string') place.add(`${place.key}: not text`);
};

export const isBytes: FieldCheck = (value, place) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    place.add(`${place.key}: a whole number of bytes from 1 on is expected`);
  }
};

/** `0`, `7`, never `07`: the text of a number as a key. */
export function numberKey(key: string): number | undefined {
  return /^(0|[1-9]\d{0,8})$/.test(key) ? Number(key) : undefined;
}
