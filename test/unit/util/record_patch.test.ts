import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { patchBetween, patched } from '../../../src/util/record_patch.ts';

const records = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.record({ ok: fc.boolean(), size: fc.integer({ min: 0, max: 2 }) }),
);

describe('a patch between records', () => {
  test('leads from one to the other, whatever they are', () => {
    fc.assert(
      fc.property(records, records, (a, b) => {
        expect(patched(a, patchBetween(a, b))).toEqual(b);
      }),
    );
  });

  test('of equal values is empty, and the record stays the same object', () => {
    const a = { x: { ok: true, size: 1 } };
    const patch = patchBetween(a, { x: { size: 1, ok: true } });
    expect(patch).toEqual({ set: {}, gone: [] });
    expect(patched(a, patch)).toBe(a);
  });
});
