import { describe, expect, test } from 'vitest';
import { optionsOf, parseArguments, ROLE_WORDS, USAGE } from '../../../src/bin/args.ts';

describe('roles beside shell and daemon', () => {
  test('service install takes --print and --root', () => {
    expect(parseArguments(['service', 'install'])).toEqual({
      role: 'service',
      print: false,
      root: '/',
    });
    expect(parseArguments(['service', 'install', '--print', '--root', '/x'])).toMatchObject({
      print: true,
      root: '/x',
    });
    expect(parseArguments(['service', 'install', '--root=/y'])).toMatchObject({ root: '/y' });
    expect(() => parseArguments(['service', 'install', '--root'])).toThrow('needs a value');
    expect(() => parseArguments(['service', 'remove'])).toThrow('one action: install');
    expect(() => parseArguments(['service', 'install', '-x'])).toThrow('Unknown option -x');
  });

  test('completion takes the name of a shell', () => {
    expect(parseArguments(['completion', 'zsh'])).toEqual({ role: 'completion', shell: 'zsh' });
    expect(() => parseArguments(['completion'])).toThrow('bash or zsh');
    expect(() => parseArguments(['completion', 'fish'])).toThrow('bash or zsh');
  });

  test('__complete takes what ends a word and the line', () => {
    expect(parseArguments(['__complete', ':=', 'lunsmith l'])).toEqual({
      role: 'complete',
      breaks: ':=',
      line: 'lunsmith l',
    });
  });

  test('usage names every role', () => {
    for (const word of ROLE_WORDS) expect(USAGE).toContain(`lunsmith ${word}`);
  });

  test('words of a command are no options', () => {
    expect(optionsOf(['--socket', '/s', 'import', '--dry-run']).rest).toEqual([
      'import',
      '--dry-run',
    ]);
  });
});
