import { describe, expect, test } from 'vitest';
import { patched } from '../../../src/util/record_patch.ts';

describe('a patched record', () => {
  test('has what the patches set and lacks what they end, the last one counts', () => {
    const before = { a: 1, b: 2, c: 3 };
    const first = { set: { a: 4, d: 5 }, gone: ['b'] };
    const second = { set: { b: 6 }, gone: ['d'] };
    expect(patched(before, first, second)).toEqual({ a: 4, b: 6, c: 3 });
    expect(before).toEqual({ a: 1, b: 2, c: 3 });
  });

  test('is the same object when nothing changes', () => {
    const before = { a: 1 };
    expect(patched(before, { set: {}, gone: [] }, { set: {}, gone: [] })).toBe(before);
  });
});
