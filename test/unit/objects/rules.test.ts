import { describe, expect, test } from 'vitest';
import { sameValue } from '../../../src/objects/equal.ts';
import {
  lunNumberProblem,
  sizeProblem,
  storageNameProblem,
  wwnIdentity,
  wwnProblem,
} from '../../../src/objects/rules.ts';

describe('LUN numbers', () => {
  test.each([0, 255, 256, 16_383])('%d is possible', (lun) => {
    expect(lunNumberProblem(lun)).toBeUndefined();
  });
  test.each([-1, 0.5, NaN, 16_384, 65_535, 65_536])('%d is not', (lun) => {
    expect(lunNumberProblem(lun)).toMatch(/^LUN must be 0 to 16383/);
  });
});

describe('names of storage objects', () => {
  test.each(['disk1', 'my-disk_2.img', 'größe', 'constructor', '$x', 'a:b'])('%s', (name) => {
    expect(storageNameProblem(name)).toBeUndefined();
  });
  test.each(['', 'a b', 'a\tb', 'a\nb', 'a/b', '.', '..', '*', '@x', '__proto__', 'x'.repeat(256)])(
    '%j is refused',
    (name) => {
      expect(storageNameProblem(name)).toBeDefined();
    },
  );
});

describe('identity of a wwn', () => {
  test('is its first 25 hex digits, as in the NAA identifier', () => {
    const one = 'AAAAAAAA-bbbb-cccc-dddd-eeeeee111111';
    expect(wwnIdentity(one)).toBe('aaaaaaaabbbbccccddddeeeee');
    expect(wwnIdentity('aaaaaaaa-bbbb-cccc-dddd-eeeeee999999')).toBe(wwnIdentity(one));
    expect(wwnIdentity('aaaaaaaa-bbbb-cccc-dddd-0eeeee111111')).not.toBe(wwnIdentity(one));
  });
  test('of a text without hex digits is zeros', () => {
    expect(wwnIdentity('xyz')).toBe('0'.repeat(25));
  });
  test.each(['a b', 'ä', '\u0000', '', 'x'.repeat(255)])('%j is no wwn', (wwn) => {
    expect(wwnProblem(wwn)).toBeDefined();
  });
});

test('sizes fit the blocks, and a ramdisk the memory', () => {
  expect(sizeProblem('fileio', 512, 512)).toBeUndefined();
  expect(sizeProblem('fileio', 512, 4096)).toMatch(/too small/);
  expect(sizeProblem('fileio', 4608, 4096)).toMatch(/not a multiple/);
  expect(sizeProblem('fileio', 2 ** 41, 512)).toBeUndefined();
  expect(sizeProblem('ramdisk', 2 ** 40, 512)).toBeUndefined();
  expect(sizeProblem('ramdisk', 2 ** 40 + 512, 512)).toMatch(/too large/);
  expect(sizeProblem('fileio', 2 ** 53, 512)).toMatch(/too large/);
});

test('equality is by value, whatever the order of keys', () => {
  expect(sameValue({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 })).toBe(true);
  expect(sameValue({ a: undefined }, {})).toBe(false);
  expect(sameValue({ a: 1 }, { b: 1 })).toBe(false);
  expect(sameValue([1, 2], [1])).toBe(false);
  expect(sameValue([], {})).toBe(false);
  expect(sameValue({ toString: 1 }, { valueOf: 1 })).toBe(false);
  expect(sameValue(null, {})).toBe(false);
});
