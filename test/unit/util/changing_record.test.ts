import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChangingRecord } from '../../../src/util/changing_record.ts';
import { patched } from '../../../src/util/record_patch.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;

describe('a changing record', () => {
  test('leads its reader to what it holds, whatever happened between the looks', () => {
    const change = fc.oneof(
      fc.record({ set: fc.constantFrom(...NAMES), value: fc.integer() }),
      fc.record({ gone: fc.constantFrom(...NAMES) }),
      fc.record({ look: fc.integer({ min: 1, max: 3 }) }),
      fc.constant({ clear: true }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const record = new ChangingRecord<number>();
        const expected = new Map<string, number>();
        let known: Readonly<Record<string, number>> = {};
        for (const each of changes) {
          if ('value' in each) {
            record.set(each.set, each.value);
            expected.set(each.set, each.value);
          } else if ('gone' in each) {
            record.delete(each.gone);
            expected.delete(each.gone);
          } else if ('look' in each) {
            const patch = record.take(each.look);
            expect(Object.keys(patch.set).length + patch.gone.length).toBeLessThanOrEqual(
              each.look,
            );
            known = patched(known, patch);
          } else {
            record.clear();
            expected.clear();
          }
        }
        while (record.pending) known = patched(known, record.take(2));
        expect(known).toEqual(Object.fromEntries(expected));
        expect(record.whole()).toEqual(Object.fromEntries(expected));
      }),
    );
  });

  test('has nothing to give when nothing changed, and is then the same record', () => {
    const record = new ChangingRecord<number>();
    record.set('a', 1);
    const whole = record.whole();
    expect(record.take(9)).toEqual({ set: { a: 1 }, gone: [] });
    expect(record.pending).toBe(false);
    expect(record.take(9)).toEqual({ set: {}, gone: [] });
    record.delete('b');
    expect(record.pending).toBe(false);
    expect(record.whole()).toBe(whole);
  });
});
