import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn } from '../../../src/objects/document.ts';
import {
  applyEdits,
  editsBetween,
  withoutOverridden,
  type Edit,
} from '../../../src/objects/edits.ts';
import { ConfigError } from '../../../src/objects/errors.ts';
import { documents } from '../../fixtures/arbitrary_documents.ts';
import { FULL_DOCUMENT, TARGET_NAME } from '../../fixtures/documents.ts';

const tpgAt = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1'];
const hostile = (edits: unknown) => () => applyEdits(FULL_DOCUMENT, edits as readonly Edit[]);

describe('edits', () => {
  test('applied, they turn one document into the other, also after a trip as JSON', () => {
    fc.assert(
      fc.property(documents, documents, (now, wanted) => {
        const edits = JSON.parse(JSON.stringify(editsBetween(now, wanted))) as readonly Edit[];
        expect(applyEdits(now, edits)).toEqual(wanted);
      }),
    );
  });

  test('of edits one after the other, those that later ones make up for can be left out', () => {
    fc.assert(
      fc.property(documents, documents, documents, (a, b, c) => {
        const edits = [[a, b] as const, [b, a] as const, [a, b] as const, [b, c] as const];
        const all = edits.flatMap(([now, wanted]) => editsBetween(now, wanted));
        const fewer = withoutOverridden(all);
        expect(applyEdits(a, fewer)).toEqual(c);
        expect(new Set(fewer.map(({ path }) => path.join('/'))).size).toBe(fewer.length);
      }),
    );
  });

  test('one changed value is one edit', () => {
    const wanted = setIn(FULL_DOCUMENT, [...tpgAt, 'attributes', 'login_timeout'], 30);
    expect(editsBetween(FULL_DOCUMENT, wanted)).toEqual([
      { path: [...tpgAt, 'attributes', 'login_timeout'], value: 30 },
    ]);
  });

  test('a removal is an edit without a value', () => {
    const wanted = setIn(FULL_DOCUMENT, [...tpgAt, 'luns', '5'], undefined);
    expect(editsBetween(FULL_DOCUMENT, wanted)).toEqual([{ path: [...tpgAt, 'luns', '5'] }]);
  });

  test('equal documents need none', () => {
    expect(editsBetween(FULL_DOCUMENT, structuredClone(FULL_DOCUMENT))).toEqual([]);
  });

  test('what they do not touch stays shared, and the old document stays as it was', () => {
    const before = structuredClone(FULL_DOCUMENT);
    const after = applyEdits(FULL_DOCUMENT, [{ path: [...tpgAt, 'enabled'], value: false }]);
    expect(after.backstores).toBe(FULL_DOCUMENT.backstores);
    expect(FULL_DOCUMENT).toEqual(before);
  });

  test('two edits of one collection both hold', () => {
    const at = ['backstores', 'ramdisk'];
    const after = applyEdits(EMPTY_DOCUMENT, [
      { path: [...at, 'a'], value: 1 },
      { path: [...at, 'b'], value: 2 },
    ]);
    expect(after.backstores.ramdisk).toEqual({ a: 1, b: 2 });
    expect(EMPTY_DOCUMENT.backstores.ramdisk).toEqual({});
  });

  test.each([
    ['__proto__ as the last key', [{ path: ['__proto__'], value: { polluted: true } }]],
    ['__proto__ on the way', [{ path: ['backstores', '__proto__', 'polluted'], value: true }]],
    ['an inherited place', [{ path: ['constructor', 'prototype', 'polluted'], value: true }]],
    ['a place that does not exist', [{ path: ['backstores', 'tape', 'x'], value: 1 }]],
    ['a value as a place', [{ path: [...tpgAt, 'enabled', 'x'], value: 1 }]],
    ['a path that is no list', [{ path: 'backstores', value: 1 }]],
    ['a path with a number', [{ path: ['backstores', 1], value: 1 }]],
    ['an edit that is no object', [null]],
    ['edits that are no list', { path: [] }],
  ])('%s is refused as a ConfigError', (_what, edits) => {
    expect(hostile(edits)).toThrow(ConfigError);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
