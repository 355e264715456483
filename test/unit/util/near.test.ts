import { describe, expect, test } from 'vitest';
import { nearest } from '../../../src/util/near.ts';

describe('nearest', () => {
  test.each([
    ['writeback', 'write_back'],
    ['write-back', 'write_back'],
    ['atributes', 'attributes'],
    ['PATH', 'path'],
  ])('%s is meant as %s', (word, meant) => {
    expect(nearest(word, ['size', 'path', 'write_back', 'attributes'])).toBe(meant);
  });

  test('a word far from all candidates is meant as none', () => {
    expect(nearest('colour', ['size', 'path', 'write_back'])).toBeUndefined();
  });

  test('long input is not compared', () => {
    expect(nearest('a'.repeat(65), ['a'.repeat(64)])).toBeUndefined();
  });
});
