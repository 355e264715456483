/**
 * The attribute kit. An attribute is declared once, as a literal; its TypeScript type, shell help,
 * completion, validation, YAML form and JSON Schema are all computed from that literal. Command
 * parameters and RFC 7143 keys are attributes too.
 */
import { hasControlCharacter } from '../util/control_characters.ts';

interface Common<T> {
  readonly default: T;
  /** A sentence; what `get GROUP` prints under the value. */
  readonly help: string;
  /** The clause that fixes this attribute's meaning, as `RFC 7143 §13.13`. */
  readonly spec?: string;
  readonly readonly?: true;
  /** When the engine honours a new value. Absent: at once. */
  readonly applies?: 'now' | 'next-login' | 'next-start' | 'while-unexported';
  /** Why values outside the range are refused, when the range is narrower than LIO's. */
  readonly why?: string;
}
export interface UintAttribute extends Common<number> {
  readonly kind: 'uint';
  readonly min: number;
  readonly max: number;
  readonly multipleOf?: number;
  /** The only values possible, where they are not a range. */
  readonly oneOf?: readonly number[];
  /** What values are called, in lower case: the shell takes these words, too. */
  readonly names?: Readonly<Record<number, string>>;
  readonly unit?: 'bytes' | 'seconds' | 'blocks' | 'milliseconds';
}
/** Signed, for LIO's `-1 = follow the TPG`. */
export interface IntAttribute extends Common<number> {
  readonly kind: 'int';
  readonly min: number;
  readonly max: number;
}
export interface BoolAttribute extends Common<boolean> {
  readonly kind: 'bool';
  /** How the shell prints it: LIO attributes are 0/1, RFC 7143 keys Yes/No, preferences true/false,
   * discovery_auth True/False. All spellings are accepted everywhere. */
  readonly style: 'digit' | 'yesno' | 'truefalse' | 'TrueFalse';
  /** The only value that this engine serves; `why` says so to the user. */
  readonly only?: boolean;
}
export interface ChoiceAttribute extends Common<string> {
  readonly kind: 'choice';
  readonly values: readonly string[];
}
export interface TextAttribute extends Common<string> {
  readonly kind: 'text';
  readonly lengthMax: number;
  readonly pattern?: RegExp;
  /** What `pattern` asks for, in words. */
  readonly form?: string;
  readonly secret?: true;
}
export type Attribute =
  UintAttribute | IntAttribute | BoolAttribute | ChoiceAttribute | TextAttribute;
export type AttributeGroup = Readonly<Record<string, Attribute>>;
export type AttributeValue = number | boolean | string;
/** Sparse values of a group: what is absent has its default. */
export type AttributeBag = Readonly<Record<string, AttributeValue>>;

type ValueOf<A> = A extends { kind: 'uint' | 'int' }
  ? number
  : A extends { kind: 'bool' }
    ? boolean
    : A extends { kind: 'choice'; values: readonly (infer V)[] }
      ? V
      : string;
export type ValuesOf<G extends AttributeGroup> = { readonly [K in keyof G]: ValueOf<G[K]> };
export type SparseValuesOf<G extends AttributeGroup> = {
  readonly [K in keyof G]?: ValueOf<G[K]>;
};

export type Parsed = { ok: true; value: AttributeValue } | { ok: false; reason: string };
const fail = (reason: string): Parsed => ({ ok: false, reason });

/** Every value of the group, defaults filled in. */
export function effective<const G extends AttributeGroup>(
  group: G,
  sparse: SparseValuesOf<G>,
): ValuesOf<G> {
  const isDefault = Object.keys(sparse).length === 0;
  const known = isDefault ? DEFAULTS.get(group) : undefined;
  if (known !== undefined) return known as ValuesOf<G>;
  const values: Record<string, AttributeValue> = {};
  for (const [name, attribute] of Object.entries(group)) {
    values[name] = (sparse as AttributeBag)[name] ?? attribute.default;
  }
  if (isDefault) DEFAULTS.set(group, Object.freeze(values));
  return values as ValuesOf<G>;
}

/** Most objects have defaults only: one record for all of them. */
const DEFAULTS = new WeakMap<AttributeGroup, object>();

const BOOL_WORDS = {
  digit: ['0', '1'],
  yesno: ['No', 'Yes'],
  truefalse: ['false', 'true'],
  TrueFalse: ['False', 'True'],
} as const satisfies Record<BoolAttribute['style'], readonly [string, string]>;

/** Words the shell may offer after `name=`. */
export function wordsOf(a: Attribute): readonly string[] {
  switch (a.kind) {
    case 'bool':
      return BOOL_WORDS[a.style];
    case 'choice':
      return a.values;
    case 'uint':
      return a.oneOf?.map(String) ?? [];
    case 'int':
    case 'text':
      return [];
  }
}

/** The value as the shell prints it; secrets in clear (callers mask). */
export function format(a: Attribute, value: AttributeValue): string {
  return a.kind === 'bool' ? BOOL_WORDS[a.style][value === true ? 1 : 0] : String(value);
}

export function isSecret(a: Attribute): boolean {
  return a.kind === 'text' && a.secret === true;
}

/** `5..30 seconds`, `Yes|No`, `text of at most 255 characters`: for help and completion hints. */
export function syntaxOf(a: Attribute): string {
  switch (a.kind) {
    case 'uint':
      if (a.oneOf) return a.oneOf.join('|');
      return `${a.min}..${a.max}${a.unit ? ` ${a.unit}` : ''}`;
    case 'int':
      return `${a.min}..${a.max}`;
    case 'bool':
    case 'choice':
      return wordsOf(a).join('|');
    case 'text':
      return a.form ?? `text of at most ${a.lengthMax} characters`;
  }
}

const because = (a: Attribute, reason: string) =>
  a.why === undefined ? reason : `${reason}: ${a.why}`;

function checkNumber(a: UintAttribute | IntAttribute, v: unknown): Parsed {
  if (typeof v !== 'number' || !Number.isInteger(v)) return fail('not a whole number');
  if (v < a.min || v > a.max) {
    const range = a.min === a.max ? `only ${a.min} is possible` : `out of range ${a.min}..${a.max}`;
    return fail(because(a, range));
  }
  if (a.kind === 'uint' && a.oneOf !== undefined && !a.oneOf.includes(v)) {
    return fail(because(a, `not one of ${a.oneOf.join(', ')}`));
  }
  if (a.kind === 'uint' && a.multipleOf !== undefined && v % a.multipleOf !== 0) {
    return fail(`not a multiple of ${a.multipleOf}`);
  }
  return { ok: true, value: v };
}

function checkText(a: TextAttribute, v: unknown): Parsed {
  if (typeof v !== 'string') return fail('not text');
  if (v.length > a.lengthMax) return fail(`longer than ${a.lengthMax} characters`);
  if (hasControlCharacter(v)) return fail('control characters are not permitted');
  if (v !== '' && a.pattern && !a.pattern.test(v)) {
    return fail(`not ${a.form ?? `of the form ${a.pattern.source}`}`);
  }
  return { ok: true, value: v };
}

/** The only validator. `parse` (shell text) and YAML values both end here. */
export function check(a: Attribute, v: unknown): Parsed {
  switch (a.kind) {
    case 'uint':
    case 'int':
      return checkNumber(a, v);
    case 'bool':
      if (typeof v !== 'boolean') return fail('not true or false');
      if (a.only !== undefined && v !== a.only) {
        return fail(because(a, `only ${format(a, a.only)} is possible`));
      }
      return { ok: true, value: v };
    case 'choice':
      if (typeof v === 'string' && a.values.includes(v)) return { ok: true, value: v };
      return fail(because(a, `not one of ${a.values.join(', ')}`));
    case 'text':
      return checkText(a, v);
  }
}

/** What a value is called; undefined where values have no names. */
export function nameOf(a: Attribute, value: AttributeValue): string | undefined {
  return a.kind === 'uint' && typeof value === 'number' ? a.names?.[value] : undefined;
}

function valueNamed({ names = {} }: UintAttribute, text: string): number | undefined {
  const wanted = text.toLowerCase();
  const found = Object.entries(names).find(([, name]) => name === wanted);
  return found && Number(found[0]);
}

/** Shell text to value. A trailing dot after a number is forgiven: guides on the web print one. */
export function parse(a: Attribute, text: string): Parsed {
  switch (a.kind) {
    case 'uint':
    case 'int': {
      const word = /^-?\d+\.$/.test(text) ? text.slice(0, -1) : text;
      const named = a.kind === 'uint' ? valueNamed(a, text) : undefined;
      if (named !== undefined) return check(a, named);
      return /^(0x[0-9a-f]+|-?\d+)$/i.test(word) ? check(a, Number(word)) : fail('not a number');
    }
    case 'bool':
      if (/^(1\.?|yes|true|on|enable|enabled)$/i.test(text)) return check(a, true);
      if (/^(0\.?|no|false|off|disable|disabled)$/i.test(text)) return check(a, false);
      return fail(`not one of ${wordsOf(a).join(', ')}`);
    case 'choice':
      return check(a, a.values.find((word) => word.toLowerCase() === text.toLowerCase()) ?? text);
    case 'text':
      return check(a, text);
  }
}
