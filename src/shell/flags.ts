/** `--dry-run --from tgt`: options in the system shell's manner, as the parameters they mean. */
import { ConfigError } from '../objects/errors.ts';
import type { Parameter } from '../objects/node.ts';
import type { Word } from './grammar.ts';
import { withHint } from '../util/near.ts';

const FLAG = /^--([a-z][a-z0-9-]*)(?:=([\s\S]*))?$/;
/** Letters for parameters, wherever these are declared. */
const LETTERS: Readonly<Record<string, string>> = { '-f': '--file', '-y': '--yes' };

const keyword = (word: Word, name: string, value: string): Word => ({
  ...word,
  text: `${name}=${value}`,
  equals: name.length,
});

/** The words with each option as `name=value`; a flag alone is `name=true`. Throws ConfigError. */
export function withoutFlags(
  params: Readonly<Record<string, Parameter>>,
  words: readonly Word[],
): readonly Word[] {
  const flagOf = ({ text, quoted }: Word): RegExpExecArray | null => {
    const long = Object.hasOwn(LETTERS, text) ? LETTERS[text] : undefined;
    const known = long !== undefined && Object.hasOwn(params, long.slice(2));
    return quoted ? null : FLAG.exec(known ? long : text);
  };
  if (words.every((word) => flagOf(word) === null)) return words;
  const plain: Word[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as Word;
    const match = flagOf(word);
    if (match === null) {
      plain.push(word);
      continue;
    }
    const name = (match[1] ?? '').replaceAll('-', '_');
    const parameter = Object.hasOwn(params, name) ? params[name] : undefined;
    if (parameter === undefined) {
      const options = Object.keys(params).map((one) => `--${one.replaceAll('_', '-')}`);
      const typed = `--${match[1] ?? ''}`;
      throw new ConfigError(withHint(`Unknown option ${typed}`, typed, options));
    }
    const next = words[index + 1];
    if (match[2] !== undefined) plain.push(keyword(word, name, match[2]));
    else if (parameter.kind === 'bool') plain.push(keyword(word, name, 'true'));
    else if (next === undefined && !word.text.startsWith('--')) plain.push(word);
    else if (next === undefined) throw new ConfigError(`Option --${match[1]} needs a value`);
    else {
      plain.push(keyword(word, name, next.text));
      index += 1;
    }
  }
  return plain;
}
