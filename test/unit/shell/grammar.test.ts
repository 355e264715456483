import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  continues,
  keywordOf,
  commandsOf,
  parseLine,
  SyntaxProblem,
  wordsOfArgv,
} from '../../../src/shell/grammar.ts';

const texts = (line: string) => parseLine(line).map((word) => word.text);
const keywords = (line: string) => parseLine(line).map((word) => keywordOf(word));

describe('words of a line', () => {
  test('blanks and TABs separate; nothing is in an empty line', () => {
    expect(texts('  /iscsi\tcreate   iqn.2003-01.org.x:sn.1 ')).toEqual([
      '/iscsi',
      'create',
      'iqn.2003-01.org.x:sn.1',
    ]);
    expect(texts('')).toEqual([]);
    expect(texts(' \t ')).toEqual([]);
  });

  test('each word knows its columns', () => {
    expect(parseLine('ls  "a b" x').map(({ start, end }) => [start, end])).toEqual([
      [0, 2],
      [4, 9],
      [10, 11],
    ]);
  });

  test('quotes keep blanks together, also within a value', () => {
    expect(texts(`create "my disk" 'it''s'`)).toEqual(['create', 'my disk', 'its']);
    expect(keywords('TargetAlias="My Target"')).toEqual([
      { name: 'TargetAlias', value: 'My Target' },
    ]);
  });

  test('a backslash protects blanks, quotes, # and =; before others it is itself', () => {
    expect(texts(String.raw`a\ b \"x \#y`)).toEqual(['a b', '"x', '#y']);
    expect(texts(String.raw`password=a\b`)).toEqual([String.raw`password=a\b`]);
    expect(keywords(String.raw`a\=b`)).toEqual([undefined]);
  });

  test('a comment starts only where a word could', () => {
    expect(texts('ls # all of it')).toEqual(['ls']);
    expect(texts('# nothing')).toEqual([]);
    expect(texts('create a#b')).toEqual(['create', 'a#b']);
  });

  test('an empty value is empty and swallows nothing', () => {
    expect(keywords('userid= password=foo')).toEqual([
      { name: 'userid', value: '' },
      { name: 'password', value: 'foo' },
    ]);
    expect(keywords('userid=""')).toEqual([{ name: 'userid', value: '' }]);
  });

  test('blanks around = are permitted', () => {
    expect(keywords('a = b c =d')).toEqual([
      { name: 'a', value: 'b' },
      { name: 'c', value: 'd' },
    ]);
    expect(keywords('a = b=c')).toEqual([
      { name: 'a', value: '' },
      { name: 'b', value: 'c' },
    ]);
  });

  test('a value may hold =, : and brackets; an IPv6 portal is one word', () => {
    expect(keywords('password=a=b:c')).toEqual([{ name: 'password', value: 'a=b:c' }]);
    expect(texts('cd portals/[::]:3260')).toEqual(['cd', 'portals/[::]:3260']);
  });

  test('a path with = in it is no keyword', () => {
    expect(keywords('/srv/a=b.img')).toEqual([undefined]);
  });
});

describe('what cannot be read', () => {
  test.each([
    ['create "abc', 7, 'This " has no closing "'],
    ["set auth a='", 11, "This ' has no closing '"],
    ['ls | grep x', 3, 'There are no pipes here: find TEXT searches the tree'],
    ['ls|grep x', 2, "lunsmith -c 'ls' | grep TEXT"],
    ['ls |grep x', 3, 'a name with | needs quotes'],
    ['/iscsi ls || pwd', 10, 'There are no pipes here'],
    ['ls && pwd', 3, '`&&` has no meaning here: commands are parted by ;'],
    ['ls&&pwd', 2, '`&&` has no meaning here'],
    ['ls &', 3, '`&` has no meaning here'],
    ['dump > /tmp/x', 5, 'There is no redirection here: saveconfig FILE and export FILE'],
    ['dump >/tmp/x', 5, 'There is no redirection here'],
    ['ls 2> x', 4, "lunsmith -c 'dump' > FILE"],
    ['cd < x >y', 7, 'There is no redirection here'],
    ['ls ;; pwd', 3, '`;;` has no meaning here'],
    ['ls \\', 3, 'The line ends in a backslash'],
    ['ls a\u0007b', 3, 'A control character is not possible here'],
  ])('%j is refused with a caret at column %i', (line, column, reason) => {
    const attempt = () => parseLine(line);
    expect(attempt).toThrow(SyntaxProblem);
    try {
      attempt();
    } catch (error) {
      const problem = error as SyntaxProblem;
      expect(problem.column).toBe(column);
      expect(problem.message).toContain(reason);
      expect(problem.message.split('\n').at(-1)).toBe(`  ${' '.repeat(column)}^`);
    }
  });

  test('the caret line does not show a secret', () => {
    expect(() => parseLine('set auth password="very secret')).toThrow(/password=\*+/);
    expect(() => parseLine('set auth password="very secret')).not.toThrow(/very/);
  });

  test('any text is read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => {
        try {
          for (const { start, end } of parseLine(line)) {
            expect(start).toBeLessThan(end);
            expect(end).toBeLessThanOrEqual(line.length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxProblem);
        }
      }),
    );
  });
});

test('what looks like an operator is text in quotes, in values and after cd', () => {
  for (const line of [
    'find "a|b"',
    'set auth password=a|b>c&&',
    'cd <',
    'cd >',
    'cd > ;ls',
    'a&b',
  ]) {
    expect(() => parseLine(line)).not.toThrow();
  }
});

describe('words of the system shell', () => {
  test('a value with blanks and quotes stays one value', () => {
    const words = wordsOfArgv(['set', 'parameter', 'TargetAlias=My "big" Target', 'a b']);
    expect(words.map((word) => word.text)).toEqual([
      'set',
      'parameter',
      'TargetAlias=My "big" Target',
      'a b',
    ]);
    expect(words.map((word) => keywordOf(word)?.value)).toEqual([
      undefined,
      undefined,
      'My "big" Target',
      undefined,
    ]);
  });
});

test('a line goes on after an odd number of backslashes', () => {
  expect(continues('set auth a=1 \\')).toBe(true);
  expect(continues('set auth a=1\\\\')).toBe(false);
  expect(continues('ls')).toBe(false);
});

describe('several commands in a line', () => {
  const texts = (line: string) =>
    commandsOf(parseLine(line), line).map((words) => words.map(({ text }) => text).join(' '));

  test.each([
    ['ls; pwd', ['ls', 'pwd']],
    ['ls ; pwd ;', ['ls', 'pwd']],
    ['; ls', ['ls']],
    ['ls ;pwd', ['ls', 'pwd']],
    [';ls; ;pwd;', ['ls', 'pwd']],
    ['set auth userid=a ; ls', ['set auth userid=a', 'ls']],
    ['set auth password=abc;', ['set auth password=abc;']],
    ['find "a;" ; ls \\;', ['find a;', 'ls ;']],
    ['ls # a; b', ['ls']],
    ['', []],
  ])('%j', (line, commands) => {
    expect(texts(line)).toEqual(commands);
  });

  test('a ; within a word is not guessed', () => {
    expect(() => texts('ls;pwd')).toThrow('Put a blank behind it, or quote the word');
    expect(() => texts('create /srv/a;b.img 1M')).toThrow(SyntaxProblem);
    expect(texts('create "/srv/a;b.img" 1M')).toEqual(['create /srv/a;b.img 1M']);
  });

  test('a value that may go on is not guessed', () => {
    expect(() => texts('set auth password=abc; ls')).toThrow('Put a blank before it, or quote it');
  });
});
