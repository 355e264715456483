/** Positional and keyword words, matched with the declared parameters of a command. */
import { isSecret, parse, syntaxOf } from '../objects/attribute.ts';
import type { Attribute, AttributeValue } from '../objects/attribute.ts';
import { ConfigError } from '../objects/errors.ts';
import type { Arguments, Parameter } from '../objects/node.ts';
import { keywordOf } from './grammar.ts';
import type { Word } from './grammar.ts';
import { didYouMean } from './hints.ts';

export type Params = Readonly<Record<string, Parameter>>;

/** `'maybe' is not true|false.`, `'99' is out of range 5..30`; secrets are not repeated. */
export function syntaxError(attribute: Attribute, text: string, reason: string): string {
  const shown = isSecret(attribute) ? '********' : text;
  if (attribute.kind === 'bool' && reason.startsWith('not one of')) {
    return `Syntax error, '${shown}' is not ${syntaxOf(attribute)}.`;
  }
  if (attribute.kind === 'choice')
    return `Syntax error, '${shown}' is ${orForm(attribute, reason)}`;
  if (reason === 'not a number') return `Syntax error, '${shown}' is not a NUMBER.`;
  return `Syntax error, '${shown}' is ${reason}`;
}
function orForm(attribute: Attribute, reason: string): string {
  return /^not one of [^:]*$/.test(reason) ? `not ${syntaxOf(attribute)}` : reason;
}

/** The canonical name of a parameter typed as a keyword, or undefined. */
export function parameterNamed(params: Params, typed: string): string | undefined {
  if (Object.hasOwn(params, typed)) return typed;
  for (const [name, parameter] of Object.entries(params)) {
    if (parameter.aliases?.includes(typed) === true) return name;
  }
  return undefined;
}

const quoteList = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

function checkCount(params: Params, given: number): void {
  const all = Object.values(params);
  if (given <= all.length) return;
  const fixed = all.every((parameter) => parameter.required === true);
  const expected = fixed ? `exactly ${all.length}` : `at most ${all.length}`;
  throw new ConfigError(`Got ${given} positionnal parameters, expected ${expected}.`);
}

/** The texts by canonical parameter name. */
function assign(params: Params, words: readonly Word[]): Map<string, string> {
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
    const hint = unknown.length === 1 ? didYouMean(first, Object.keys(params)) : '';
    const plural = unknown.length === 1 ? '' : 's';
    throw new ConfigError(`Unexpected keyword parameter${plural} ${quoteList(unknown)}.${hint}`);
  }
  checkCount(params, positional.length);
  const free = Object.keys(params).filter((name) => !texts.has(name));
  if (positional.length > free.length) {
    const taken = Object.keys(params)[positional.length - 1] ?? '';
    throw new ConfigError(`Duplicate parameter ${taken}.`);
  }
  positional.forEach((text, index) => texts.set(free[index] ?? '', text));
  return texts;
}

/** Values by canonical name; omitted optional ones absent. Throws ConfigError. */
export function bindArguments(params: Params, words: readonly Word[]): Arguments {
  const texts = assign(params, words);
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
      throw new ConfigError(parameter.kind === 'bool' ? problem : `${name}: ${problem}`);
    }
    values[name] = parsed.value;
  }
  return values;
}
