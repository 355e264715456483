import { describe, expect, test } from 'vitest';
import { setIn, type Document } from '../../../../src/objects/document.ts';
import {
  EMPTY_ACL,
  FULL_DOCUMENT,
  INITIATOR_NAME,
  OTHER_INITIATOR_NAME,
  OTHER_TARGET_NAME,
  TARGET_NAME,
} from '../../../fixtures/documents.ts';
import { deviceOf, fileOf, info, messages, run, summary } from './runner.ts';

const TPG = `/iscsi/${TARGET_NAME}/tpg1`;
const LUNS = `${TPG}/luns`;
const tpgAt = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1'];
const lunsOf = (document: Document | undefined) =>
  document?.iscsi.targets[TARGET_NAME]?.tpgs['1']?.luns ?? {};
const mapsOf = (document: Document | undefined, initiator: string) =>
  document?.iscsi.targets[TARGET_NAME]?.tpgs['1']?.acls[initiator]?.mapped_luns ?? {};

describe('luns create', () => {
  test('takes the first free number and maps it into every ACL', async () => {
    const typed = { storage_object: '/backstores/fileio/disk2' };
    const outcome = await run(FULL_DOCUMENT, LUNS, 'create', typed);
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Created LUN 1.',
      `Created LUN 1->1 mapping in node ACL ${INITIATOR_NAME}`,
      `Created LUN 1->1 mapping in node ACL ${OTHER_INITIATOR_NAME}`,
    ]);
    expect(outcome.created).toBe(`${LUNS}/lun1`);
    expect(lunsOf(outcome.document)['1']).toEqual({ storage_object: 'fileio/disk2' });
    expect(mapsOf(outcome.document, INITIATOR_NAME)['1']).toEqual({ lun: 1, write_protect: false });
  });

  test('maps under the first free number where its own is taken', async () => {
    const typed = { storage_object: '/backstores/fileio/disk2', lun: '7' };
    expect(await messages(FULL_DOCUMENT, LUNS, 'create', typed)).toEqual([
      'Created LUN 7.',
      `Created LUN 7->1 mapping in node ACL ${INITIATOR_NAME}`,
      `Created LUN 7->7 mapping in node ACL ${OTHER_INITIATOR_NAME}`,
    ]);
  });

  test('maps nothing when told so, by argument or preference', async () => {
    const typed = { storage_object: '/backstores/fileio/disk2' };
    const no = { ...typed, add_mapped_luns: 'false' };
    expect(await messages(FULL_DOCUMENT, LUNS, 'create', no)).toEqual(['Created LUN 1.']);
    const preferences = { auto_add_mapped_luns: false };
    expect(await messages(FULL_DOCUMENT, LUNS, 'create', typed, { preferences })).toHaveLength(1);
    const yes = { ...typed, add_mapped_luns: 'true' };
    expect(await messages(FULL_DOCUMENT, LUNS, 'create', yes, { preferences })).toHaveLength(3);
  });

  test.each(['lun9', '9'])('takes the number as %s', async (lun) => {
    const typed = { storage_object: '/backstores/fileio/disk2', lun };
    expect((await run(FULL_DOCUMENT, LUNS, 'create', typed)).created).toBe(`${LUNS}/lun9`);
  });

  test.each(['fileio/disk2', 'backstores/fileio/disk2', '/backstores/fileio/disk2/'])(
    'takes the storage object as %s',
    async (storage_object) => {
      const { document } = await run(FULL_DOCUMENT, LUNS, 'create', { storage_object });
      expect(lunsOf(document)['1']).toEqual({ storage_object: 'fileio/disk2' });
    },
  );

  test('takes the older names of a backstore', async () => {
    const at = ['iscsi', 'targets', TARGET_NAME, 'tpgs', '1'];
    const none = setIn(setIn(FULL_DOCUMENT, [...at, 'luns'], {}), [...at, 'acls'], {});
    for (const [text, reference] of [
      ['/backstores/iblock/my_disk', 'block/my_disk'],
      ['/backstores/rd_mcp/ram0', 'ramdisk/ram0'],
      ['/backstores/rd_dr/ram0', 'ramdisk/ram0'],
    ] as const) {
      const { document } = await run(none, LUNS, 'create', { storage_object: text });
      expect(lunsOf(document)['0']).toEqual({ storage_object: reference });
    }
  });

  test('makes a storage object for a file, written through and without model alias', async () => {
    const files = { '/srv/new disk.img': fileOf(4096) };
    const typed = { storage_object: '/srv/new disk.img', add_mapped_luns: 'false' };
    const outcome = await run(FULL_DOCUMENT, LUNS, 'create', typed, { files });
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Created storage object new_disk.img.',
      'Created LUN 1.',
    ]);
    expect(outcome.document?.backstores.fileio['new_disk.img']).toMatchObject({
      path: '/srv/new disk.img',
      size: 4096,
      write_back: false,
      attributes: {},
    });
  });

  test('makes a block storage object for a device, and gives it a free name', async () => {
    const files = { '/dev/my_disk': deviceOf(4096, true) };
    const typed = { storage_object: '/dev/my_disk', add_mapped_luns: 'false' };
    const { document } = await run(FULL_DOCUMENT, LUNS, 'create', typed, { files });
    expect(lunsOf(document)['1']).toEqual({ storage_object: 'block/my_disk-2' });
    expect(document?.backstores.block['my_disk-2']).toMatchObject({ readonly: true });
  });

  test('takes the storage object that stands on the file already', async () => {
    const typed = { storage_object: '/srv/disk2.img', add_mapped_luns: 'false' };
    const { document } = await run(FULL_DOCUMENT, LUNS, 'create', typed);
    expect(lunsOf(document)['1']).toEqual({ storage_object: 'fileio/disk2' });
  });

  test.each([
    [
      'a storage object exported already',
      { storage_object: '/backstores/fileio/disk1' },
      'lun for storage object fileio/disk1 already exists',
    ],
    [
      'an unknown storage object',
      { storage_object: '/backstores/fileio/nonesuch' },
      'storage object or path not valid: /backstores/fileio/nonesuch',
    ],
    [
      'a path where nothing is',
      { storage_object: '/srv/nothing' },
      'storage object or path not valid: /srv/nothing does not exist',
    ],
    ['a word', { storage_object: 'nonesuch' }, 'storage object or path not valid: nonesuch'],
    [
      'a number in use',
      { storage_object: '/backstores/fileio/disk2', lun: '5' },
      'This LUN already exists in configFS',
    ],
    [
      'a number that is none',
      { storage_object: '/backstores/fileio/disk2', lun: 'abc' },
      'Invalid LUN abc: a number or lunN is expected',
    ],
    [
      'a number beyond flat addressing',
      { storage_object: '/backstores/fileio/disk2', lun: '16384' },
      /LUN must be 0 to 16383: .*extended addressing/,
    ],
    [
      'a number beyond all',
      { storage_object: '/backstores/fileio/disk2', lun: '99999' },
      'LUN must be 0 to 16383',
    ],
  ])('refuses %s', async (_what, typed, message) => {
    const words = typed as Record<string, string>;
    await expect(run(FULL_DOCUMENT, LUNS, 'create', words)).rejects.toThrow(message);
  });
});

describe('luns delete', () => {
  test('takes the mapped LUNs on it along', async () => {
    const outcome = await run(FULL_DOCUMENT, LUNS, 'delete', { lun: 'lun5' });
    expect(outcome.messages).toEqual([{ level: 'info', text: 'Deleted LUN 5.' }]);
    expect(Object.keys(lunsOf(outcome.document))).toEqual(['0', '256']);
    expect(Object.keys(mapsOf(outcome.document, INITIATOR_NAME))).toEqual(['0']);
  });

  test.each(['77', 'abc', 'lun1', ''])('refuses %j', async (lun) => {
    await expect(run(FULL_DOCUMENT, LUNS, 'delete', { lun })).rejects.toThrow(/^Invalid LUN/);
  });
});

describe('a LUN', () => {
  test('shows its storage object, with the path where it has one', () => {
    expect(summary(FULL_DOCUMENT, `${LUNS}/lun0`)).toBe(
      '+ fileio/disk1 (/srv/disk1.img) (default_tg_pt_gp)',
    );
    expect(summary(FULL_DOCUMENT, `${LUNS}/lun5`)).toBe(
      '+ block/my_disk (/dev/vg0/lv1) (default_tg_pt_gp)',
    );
    expect(summary(FULL_DOCUMENT, `${LUNS}/lun256`)).toBe('+ ramdisk/ram0 (default_tg_pt_gp)');
    const other = `/iscsi/${OTHER_TARGET_NAME}/tpg1/luns/lun0`;
    expect(summary(FULL_DOCUMENT, other)).toBe('+ fileio/disk2 (/srv/disk2.img) (backup)');
    const broken = setIn(FULL_DOCUMENT, ['backstores', 'ramdisk', 'ram0'], undefined);
    expect(summary(broken, `${LUNS}/lun256`)).toBe('- BROKEN STORAGE LINK');
  });

  test('tells where it leads', () => {
    expect(info(FULL_DOCUMENT, `${LUNS}/lun5`)).toEqual([
      'alua_tg_pt_gp_name: default_tg_pt_gp',
      'index: 5',
      'storage_object: /backstores/block/my_disk',
    ]);
  });
});

describe('mapping with an ACL that maps other LUNs under all low numbers', () => {
  test('two LUNs made one after the other do not collide', async () => {
    const acl = { ...EMPTY_ACL, mapped_luns: { 1: { lun: 0, write_protect: false } } };
    const one = setIn(FULL_DOCUMENT, [...tpgAt, 'acls'], { [INITIATOR_NAME]: acl });
    const typed = { storage_object: '/backstores/fileio/disk2' };
    const outcome = await run(one, LUNS, 'create', typed);
    expect(outcome.messages[1]?.text).toBe(
      `Created LUN 1->0 mapping in node ACL ${INITIATOR_NAME}`,
    );
  });
});

test('LUNs of other targets are left alone', async () => {
  const typed = { storage_object: '/backstores/fileio/disk2' };
  const { document } = await run(FULL_DOCUMENT, LUNS, 'create', typed);
  expect(document?.iscsi.targets[OTHER_TARGET_NAME]).toBe(
    FULL_DOCUMENT.iscsi.targets[OTHER_TARGET_NAME],
  );
});
