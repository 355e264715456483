import { describe, expect, test } from 'vitest';
import { describeUses, lunPath, lunUses, usesOf } from '../../../src/objects/lun_uses.ts';
import {
  EMPTY_TPG,
  FULL_DOCUMENT,
  OTHER_TARGET_NAME,
  TARGET_NAME,
  withTargets,
} from '../../fixtures/documents.ts';

describe('usesOf', () => {
  test('finds every LUN of a storage object in all targets', () => {
    const tpg = { ...EMPTY_TPG, luns: { 3: { storage_object: 'fileio/disk1' } } };
    const document = withTargets(FULL_DOCUMENT.backstores, {
      ...FULL_DOCUMENT.iscsi.targets,
      [OTHER_TARGET_NAME]: { tpgs: { 1: tpg, 2: tpg } },
    });
    expect(usesOf(document, 'fileio/disk1').map(lunPath)).toEqual([
      `/iscsi/${TARGET_NAME}/tpg1/luns/lun0`,
      `/iscsi/${OTHER_TARGET_NAME}/tpg1/luns/lun3`,
      `/iscsi/${OTHER_TARGET_NAME}/tpg2/luns/lun3`,
    ]);
    expect(usesOf(document, 'fileio/disk2')).toEqual([]);
    expect(usesOf(document, 'constructor')).toEqual([]);
  });

  test('is computed once for one set of targets', () => {
    expect(lunUses({ ...FULL_DOCUMENT })).toBe(lunUses(FULL_DOCUMENT));
  });
});

test('a long list of uses is cut, and the rest counted', () => {
  const uses = [1, 2, 3, 4, 5].map((lun) => ({ target: 'iqn', tag: '1', lun: String(lun) }));
  expect(describeUses(uses.slice(0, 1))).toBe('/iscsi/iqn/tpg1/luns/lun1');
  expect(describeUses(uses)).toBe(
    '/iscsi/iqn/tpg1/luns/lun1, /iscsi/iqn/tpg1/luns/lun2, /iscsi/iqn/tpg1/luns/lun3 and 2 more',
  );
});
