import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT } from '../../../src/objects/document.ts';
import { nodeAt, pathOf } from '../../../src/objects/tree.ts';

describe('nodeAt', () => {
  test('the root is the empty path', () => {
    const root = nodeAt(EMPTY_DOCUMENT, []);
    expect(root && pathOf(root)).toBe('/');
  });
  test('iblock is another name of block', () => {
    const node = nodeAt(EMPTY_DOCUMENT, ['backstores', 'iblock']);
    expect(node && pathOf(node)).toBe('/backstores/block');
  });
});
