import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT } from '../../../src/objects/document.ts';
import { ConfigError } from '../../../src/objects/errors.ts';
import { compareNames } from '../../../src/objects/kinds/kit.ts';
import { childOf, childrenOf, nodeAt, pathOf, ROOT } from '../../../src/objects/tree.ts';
import { bigDocument, FULL_DOCUMENT, TARGET_NAME } from '../../fixtures/documents.ts';

const found = (...segments: string[]) => {
  const node = nodeAt(FULL_DOCUMENT, segments);
  return node && pathOf(node);
};

describe('nodeAt', () => {
  test('the empty path is the root', () => {
    expect(found()).toBe('/');
    expect(nodeAt(EMPTY_DOCUMENT, [])).toBe(ROOT);
  });

  test.each([
    [['backstores', 'iblock', 'my_disk'], '/backstores/block/my_disk'],
    [['backstores', 'rd_mcp', 'ram0'], '/backstores/ramdisk/ram0'],
    [['backstores', 'rd_dr'], '/backstores/ramdisk'],
    [['iscsi', TARGET_NAME, 'tpgt1'], `/iscsi/${TARGET_NAME}/tpg1`],
    [['iscsi', TARGET_NAME, 'tgpt1', 'luns', 'lun0'], `/iscsi/${TARGET_NAME}/tpg1/luns/lun0`],
    [
      ['iscsi', TARGET_NAME, 'tpgt1', '0.0.0.0:3260'],
      `/iscsi/${TARGET_NAME}/tpg1/portals/0.0.0.0:3260`,
    ],
    [['iser', TARGET_NAME, 'tpg1'], `/iser/${TARGET_NAME}/tpg1`],
  ])('%j is %s', (segments, path) => {
    expect(found(...segments)).toBe(path);
  });

  test.each([
    [['nonesuch']],
    [['constructor']],
    [['backstores', 'toString']],
    [['backstores', 'fileio', 'constructor']],
    [['backstores', 'fileio', 'disk1', 'alua0']],
    [['backstores', 'fileio', 'disk1', 'alua', 'constructor']],
    [['backstores', 'fileio', 'disk1', 'alua', 'backup']],
    [['iscsi', 'hasOwnProperty']],
    [['iscsi', TARGET_NAME, '1']],
    [['iscsi', TARGET_NAME, 'tpg9']],
    [['iscsi', TARGET_NAME, 'tpg']],
    [['iscsi', TARGET_NAME, 'tpg1', '10.0.0.1:3260']],
    [['iscsi', TARGET_NAME, 'tpg1', 'luns', '0']],
    [['iscsi', TARGET_NAME, 'tpg1', 'portals', 'portals']],
  ])('%j leads nowhere', (segments) => {
    expect(found(...segments)).toBeUndefined();
  });

  test.each([
    [['loopback'], 'loopback is not available in this engine; use /iscsi'],
    [['ib_srpt'], 'ib_srpt is not available in this engine; use /iscsi'],
    [['qla2xxx'], 'qla2xxx is not available in this engine; use /iscsi'],
    [['backstores', 'pscsi'], 'pscsi is not available in this engine; use block'],
    [['backstores', 'user:rbd'], 'user:rbd is not available in this engine; use fileio or block'],
  ])('%j says what to use instead', (segments, message) => {
    expect(() => found(...segments)).toThrow(ConfigError);
    expect(() => found(...segments)).toThrow(message);
  });
});

describe('children', () => {
  test('a trailing number counts as a number', () => {
    expect(['lun10', 'lun2', 'lun', 'alpha', 'lun1'].sort(compareNames)).toEqual([
      'alpha',
      'lun',
      'lun1',
      'lun2',
      'lun10',
    ]);
  });

  test('are ordered so', () => {
    const luns = nodeAt(bigDocument(1, 12), [
      'iscsi',
      'iqn.2024-01.com.example:t0',
      'tpg1',
      'luns',
    ]);
    const names = luns && childrenOf(bigDocument(1, 12), luns).map(({ name }) => name);
    expect(names?.slice(-3)).toEqual(['lun9', 'lun10', 'lun11']);
  });

  test('one is found without listing the others', () => {
    const document = bigDocument(1, 2000);
    const path = ['iscsi', 'iqn.2024-01.com.example:t0', 'tpg1', 'luns'];
    const luns = nodeAt(document, path);
    let listed = 0;
    const watched = new Proxy(document, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'object' || value === null) return value;
        return new Proxy(value, {
          ownKeys: (inner) => {
            listed += 1;
            return Reflect.ownKeys(inner);
          },
        });
      },
    });
    expect(luns && childOf(watched, luns, 'lun1999')?.name).toBe('lun1999');
    expect(listed).toBe(0);
  });
});
