/** Positional and keyword words, matched with the declared parameters of a command. */
import { isSecret, parse, syntaxOf, wordsOf } from '../objects/attribute.ts';
import type { Attribute, AttributeValue } from '../objects/attribute.ts';
import { ConfigError } from '../objects/errors.ts';
import type { Arguments, Parameter } from '../objects/node.ts';
import { withoutFlags } from './flags.ts';
import { keywordOf } from './grammar.ts';
import type { Word } from './grammar.ts';
import { withHint } from '../util/near.ts';

export type Params = Readonly<Record<string, Parameter>>;

/** `Syntax error, 'maybe' is not true|false.`; what was typed for a secret is not repeated. */
export function syntaxError(attribute: Attribute, text: string, reason: string): string {
  const shown = isSecret(attribute) ? '********' : text;
  const words = wordsOf(attribute);
  if (attribute.kind === 'bool' && reason.startsWith('not one of')) {
    // LIO's order: 0|1, but true|false and Yes|No.
    const order = attribute.style === 'digit' ? words : [...words].reverse();
    return `Syntax error, '${shown}' is not ${order.join('|')}.`;
  }
  if (attribute.kind === 'choice' && /^not one of [^:]*$/.test(reason)) {
    return `Syntax error, '${shown}' is not ${words.join('|')}`;
  }
  const names = attribute.kind === 'uint' ? Object.values(attribute.names ?? {}) : [];
  if (reason === 'not a number' && names.length > 0) {
    const message = `Syntax error, '${shown}' is not ${syntaxOf(attribute)}, nor the name of one.`;
    return withHint(message, text, names);
  }
  if (reason === 'not a number') return `Syntax error, '${shown}' is not a NUMBER.`;
  const fits = /^(not|out of|longer) /.test(reason);
  return `Syntax error, '${shown}'${fits ? ` is ${reason}` : `: ${reason}`}`;
}

/** The canonical name of a parameter typed as a keyword, or undefined. */
export function parameterNamed(params: Params, typed: string): string | undefined {
  if (Object.hasOwn(params, typed)) return typed;
  for (const [name, parameter] of Object.entries(params)) {
    if (parameter.aliases?.includes(typed) === true) return name;
  }
  return undefined;
}

/** The parameters that may be given without their names, in order. */
export const positionalNames = (params: Params): readonly string[] =>
  Object.keys(params).filter((name) => params[name]?.keywordOnly !== true);

const quoteList = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

function checkCount(params: Params, given: number): void {
  const all = positionalNames(params).flatMap((name) => params[name] ?? []);
  if (given <= all.length) return;
  const fixed = all.every((parameter) => parameter.required === true);
  const expected = fixed ? `exactly ${all.length}` : `at most ${all.length}`;
  throw new ConfigError(`Got ${given} positionnal parameters, expected ${expected}.`);
}

interface Assigned {
  /** By canonical parameter name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Parameters whose value was given by its place alone. */
  readonly unnamed: ReadonlySet<string>;
}

function assign(params: Params, words: readonly Word[]): Assigned {
  const texts = new Map<string, string>();
  const positional: string[] = [];
  const unknown: string[] = [];
  for (const word of words) {
    const keyword = keywordOf(word);
    if (keyword === undefined) {
      positional.push(word.text);
      continue;
    }
    const name = parameterNamed(params, keyword.name);
    if (name === undefined) unknown.push(keyword.name);
    else if (texts.has(name)) throw new ConfigError(`Duplicate parameter ${name}.`);
    else texts.set(name, keyword.value);
  }
  const [first] = unknown;
  if (first !== undefined) {
    if (unknown.length > 1) {
      throw new ConfigError(`Unexpected keyword parameters ${quoteList(unknown)}.`);
    }
    const message = `Unexpected keyword parameter '${first}'.`;
    throw new ConfigError(withHint(message, first, Object.keys(params)));
  }
  checkCount(params, positional.length);
  const places = positionalNames(params);
  const free = places.filter((name) => !texts.has(name));
  if (positional.length > free.length) {
    const taken = places[positional.length - 1] ?? '';
    throw new ConfigError(`Duplicate parameter ${taken}.`);
  }
  const unnamed = new Set(free.slice(0, positional.length));
  positional.forEach((text, index) => texts.set(free[index] ?? '', text));
  return { texts, unnamed };
}

/** Values by canonical name; omitted optional ones absent. Throws ConfigError. */
export function bindArguments(params: Params, words: readonly Word[]): Arguments {
  const { texts, unnamed } = assign(params, withoutFlags(params, words));
  const missing = Object.entries(params)
    .filter(([name, parameter]) => parameter.required === true && (texts.get(name) ?? '') === '')
    .map(([name]) => name);
  if (missing.length === 1) throw new ConfigError(`Missing required parameter ${missing[0]}`);
  if (missing.length > 1) {
    throw new ConfigError(`Missing required parameters ${quoteList(missing)}`);
  }
  const values: Record<string, AttributeValue> = {};
  for (const [name, text] of texts) {
    const parameter = params[name];
    // An empty optional parameter is one not given: `wwn=`.
    if (parameter === undefined || text === '') continue;
    const parsed = parse(parameter, text);
    if (!parsed.ok) {
      const problem = syntaxError(parameter, text, parsed.reason);
      if (parameter.kind !== 'bool') throw new ConfigError(`${name}: ${problem}`);
      const which = unnamed.size > 1 && unnamed.has(name) ? ` (given for ${name})` : '';
      throw new ConfigError(problem + which);
    }
    values[name] = parsed.value;
  }
  return values;
}
