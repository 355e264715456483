import { describe, expect, test } from 'vitest';
import type { Parameter } from '../../../src/objects/node.ts';
import { withoutFlags } from '../../../src/shell/flags.ts';
import { parseLine, wordsOfArgv } from '../../../src/shell/grammar.ts';

const PARAMS: Readonly<Record<string, Parameter>> = {
  file: { kind: 'text', lengthMax: 99, default: '', help: 'A file.' },
  dry_run: { kind: 'bool', style: 'truefalse', default: false, help: 'A flag.' },
};
const texts = (...words: string[]) =>
  withoutFlags(PARAMS, wordsOfArgv(words)).map(({ text, equals }) => [text, equals]);

describe('options in the manner of the system shell', () => {
  test('a flag, a value behind a blank and one behind an equals sign become keywords', () => {
    expect(texts('x', '--dry-run')).toEqual([
      ['x', -1],
      ['dry_run=true', 7],
    ]);
    expect(texts('--file', 'a=b')).toEqual([['file=a=b', 4]]);
    expect(texts('--file=', '--dry-run=false')).toEqual([
      ['file=', 4],
      ['dry_run=false', 7],
    ]);
  });

  test('an unknown option and one without its value are refused', () => {
    expect(() => texts('--fil', 'x')).toThrow('did you mean --file?');
    expect(() => texts('--file')).toThrow('Option --file needs a value');
    expect(() => texts('--constructor')).toThrow('Unknown option --constructor');
  });

  test('a quoted word is no option, nor are dashes alone', () => {
    const words = parseLine('"--dry-run" -- -f');
    expect(withoutFlags(PARAMS, words)).toEqual(words);
  });
});
