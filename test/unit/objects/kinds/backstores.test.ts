import { NO_IO } from '../../../../src/objects/engine_port.ts';
import { describe, expect, test } from 'vitest';
import { notOpened } from '../../../../src/objects/kinds/kit.ts';
import { EMPTY_DOCUMENT, setIn } from '../../../../src/objects/document.ts';
import {
  FULL_DOCUMENT,
  IDLE_RUNTIME,
  SMALL_DOCUMENT,
  TARGET_NAME,
  withTargets,
} from '../../../fixtures/documents.ts';
import {
  after,
  deviceOf,
  fileOf,
  get,
  info,
  messages,
  NOTHING_THERE,
  run,
  set,
  summary,
} from './runner.ts';

const FILEIO = '/backstores/fileio';
const RAMDISK = '/backstores/ramdisk';
const BLOCK = '/backstores/block';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MIB = 1024 * 1024;

describe('fileio create', () => {
  test('makes a new file of the given size, sparse unless told otherwise', async () => {
    const outcome = await run(EMPTY_DOCUMENT, FILEIO, 'create', {
      name: 'disk1',
      file_or_dev: '/srv/disk1.img',
      size: '20M',
    });
    expect(outcome.createFiles).toEqual([{ path: '/srv/disk1.img', size: 20 * MIB, sparse: true }]);
    expect(outcome.messages).toEqual([
      { level: 'info', text: 'Created fileio disk1 with size 20971520' },
    ]);
    expect(outcome.created).toBe('/backstores/fileio/disk1');
    expect(outcome.document?.backstores.fileio['disk1']).toMatchObject({
      path: '/srv/disk1.img',
      size: 20 * MIB,
      write_back: true,
      wwn: expect.stringMatching(UUID) as string,
      attributes: { emulate_model_alias: true },
    });
  });

  test('sparse=false says how much it writes', async () => {
    const typed = { name: 'd', file_or_dev: '/srv/d', size: '4096k', sparse: 'false' };
    const outcome = await run(EMPTY_DOCUMENT, FILEIO, 'create', typed);
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Writing 4194304 bytes',
      'Created fileio d with size 4194304',
    ]);
    expect(outcome.createFiles?.[0]?.sparse).toBe(false);
  });

  test('takes an existing file as it is', async () => {
    const world = { files: { '/srv/old.img': fileOf(8 * MIB) } };
    const typed = { name: 'old', file_or_dev: '/srv/old.img' };
    const outcome = await run(EMPTY_DOCUMENT, FILEIO, 'create', typed, world);
    expect(outcome.createFiles).toBeUndefined();
    expect(outcome.messages.map(({ text }) => text)).toEqual([
      'Created fileio old with size 8388608',
    ]);
    const sized = { ...typed, size: '1G' };
    expect(await messages(EMPTY_DOCUMENT, FILEIO, 'create', sized, world)).toEqual([
      '/srv/old.img exists, using its size (8388608 bytes) instead',
      'Created fileio old with size 8388608',
    ]);
  });

  test('uses the whole blocks of a file of odd length, and says so', async () => {
    const world = { files: { '/srv/odd': fileOf(1025) } };
    const typed = { name: 'odd', file_or_dev: '/srv/odd' };
    expect(await messages(EMPTY_DOCUMENT, FILEIO, 'create', typed, world)).toEqual([
      'The last 1 bytes are no whole block and stay unused',
      'Created fileio odd with size 1024',
    ]);
  });

  test('takes a block device, with notes', async () => {
    const world = { files: { '/dev/loop0': deviceOf(32 * MIB) } };
    const typed = { name: 'd', file_or_dev: '/dev/loop0', size: '1G' };
    expect(await messages(EMPTY_DOCUMENT, FILEIO, 'create', typed, world)).toEqual([
      'Block device, size parameter ignored',
      'Note: block backstore preferred for best results',
      'Created fileio d with size 33554432',
    ]);
  });

  test('keeps a given wwn, and write_back=false', async () => {
    const wwn = '11111111-2222-3333-4444-555555555555';
    const typed = { name: 'd', file_or_dev: '/srv/d', size: '1M', wwn, write_back: 'false' };
    const document = await after(EMPTY_DOCUMENT, FILEIO, 'create', typed);
    expect(document.backstores.fileio['d']).toMatchObject({ wwn, write_back: false });
  });

  test('leaves the model alias out when the preference says so', async () => {
    const typed = { name: 'd', file_or_dev: '/srv/d', size: '1M' };
    const world = { preferences: { export_backstore_name_as_model: false } };
    const document = await after(EMPTY_DOCUMENT, FILEIO, 'create', typed, world);
    expect(document.backstores.fileio['d']?.attributes).toEqual({});
  });

  test.each([
    [
      'no size for a new file',
      { name: 'd', file_or_dev: '/srv/d' },
      'Attempting to create file for new fileio backstore, need a size',
    ],
    ['a size of 0', { name: 'd', file_or_dev: '/srv/d', size: '0' }, /Size 0 is too small/],
    ['a negative size', { name: 'd', file_or_dev: '/srv/d', size: '-1G' }, 'Size -1G is negative'],
    [
      'a size with decimals',
      { name: 'd', file_or_dev: '/srv/d', size: '1.5G' },
      /Cannot interpret size, wrong format: 1\.5G/,
    ],
    ['an absurd size', { name: 'd', file_or_dev: '/srv/d', size: '9999999t' }, /too large/],
    [
      'a size that is no whole blocks',
      { name: 'd', file_or_dev: '/srv/d', size: '1000' },
      /Size 1000 is not a multiple of the block size, 512 bytes/,
    ],
    [
      'a name in use',
      { name: 'disk1', file_or_dev: '/srv/d', size: '1M' },
      'Storage object fileio/disk1 exists',
    ],
    [
      'a file in use',
      { name: 'd', file_or_dev: '/srv/disk1.img', size: '1M' },
      'storage object for /srv/disk1.img already exists: disk1',
    ],
    [
      'a wwn in use',
      { name: 'd', file_or_dev: '/srv/d', size: '1M', wwn: '7F0A2F51-8F2F-4B1E-9C57-1F8A6C1D3A03' },
      /is taken by storage object ramdisk\/ram0/,
    ],
    [
      'a wwn with a blank',
      { name: 'd', file_or_dev: '/srv/d', size: '1M', wwn: 'a b' },
      /wwn: 1 to 254 printable/,
    ],
    [
      'a name with a blank',
      { name: 'a b', file_or_dev: '/srv/d', size: '1M' },
      /cannot contain \/, newline or spaces/,
    ],
    [
      'a name with a slash',
      { name: 'a/b', file_or_dev: '/srv/d', size: '1M' },
      /cannot contain \//,
    ],
    [
      'a forbidden name',
      { name: '__proto__', file_or_dev: '/srv/d', size: '1M' },
      /__proto__ is not possible/,
    ],
    [
      'a folder',
      { name: 'd', file_or_dev: '/srv', size: '1M' },
      /Path \/srv exists but is not a file: it is a folder/,
    ],
    [
      'a missing folder',
      { name: 'd', file_or_dev: '/nowhere/d', size: '1M' },
      'Could not open /nowhere/d: no such folder /nowhere; create it first',
    ],
    [
      'a file without permission',
      { name: 'd', file_or_dev: '/srv/secret' },
      'Could not open /srv/secret: permission denied',
    ],
    ['a read-only file', { name: 'd', file_or_dev: '/srv/ro' }, /cannot be written to/],
    [
      'an empty file',
      { name: 'd', file_or_dev: '/srv/empty', size: '1M' },
      /too small \(0 bytes\)/,
    ],
  ])('refuses %s and changes nothing', async (_what, typed, message) => {
    const files = {
      '/srv': { ...NOTHING_THERE, exists: true, type: 'directory' as const },
      '/nowhere/d': { ...NOTHING_THERE, parentExists: false },
      '/srv/secret': { ...fileOf(MIB), problem: 'permission denied' },
      '/srv/ro': { ...fileOf(MIB), readonly: true },
      '/srv/empty': fileOf(0),
    };
    await expect(run(FULL_DOCUMENT, FILEIO, 'create', typed, { files })).rejects.toThrow(message);
  });
});

describe('ramdisk create', () => {
  test('says the size as it was typed', async () => {
    const outcome = await run(EMPTY_DOCUMENT, RAMDISK, 'create', { name: 'rd1', size: '16M' });
    expect(outcome.messages[0]?.text).toBe('Created ramdisk rd1 with size 16M.');
    expect(outcome.document?.backstores.ramdisk['rd1']).toMatchObject({
      size: 16 * MIB,
      nullio: false,
    });
  });

  test('refuses more memory than makes sense', async () => {
    const typed = { name: 'rd1', size: '2t' };
    await expect(run(EMPTY_DOCUMENT, RAMDISK, 'create', typed)).rejects.toThrow(
      'The size is too large (2.0TiB): a ramdisk has at most 1.0TiB',
    );
  });
});

describe('block create', () => {
  const files = {
    '/dev/loop0': deviceOf(32 * MIB),
    '/dev/loop1': deviceOf(16 * MIB, true),
    '/dev/sda': { ...deviceOf(MIB), problem: 'mounted on /' },
    '/srv/file': fileOf(MIB),
  };

  test('takes a device, read-only where the device is', async () => {
    const typed = { name: 'blk1', dev: '/dev/loop0' };
    const outcome = await run(EMPTY_DOCUMENT, BLOCK, 'create', typed, { files });
    expect(outcome.messages[0]?.text).toBe('Created block storage object blk1 using /dev/loop0.');
    expect(outcome.document?.backstores.block['blk1']).toMatchObject({ readonly: false });
    const ro = await after(
      EMPTY_DOCUMENT,
      BLOCK,
      'create',
      { name: 'r', dev: '/dev/loop1' },
      { files },
    );
    expect(ro.backstores.block['r']).toMatchObject({ readonly: true });
  });

  test.each([
    ['no such device', { dev: '/dev/none' }, 'Could not open /dev/none: no such device'],
    ['a file', { dev: '/srv/file' }, /not a TYPE_DISK block device: use the fileio backstore/],
    ['a mounted device', { dev: '/dev/sda' }, 'Could not open /dev/sda: mounted on /'],
    [
      'a device in use here',
      { dev: '/dev/vg0/lv1' },
      'device /dev/vg0/lv1 is already in use by block/my_disk',
    ],
    ['exclusive=false', { dev: '/dev/loop0', exclusive: 'false' }, /exclusive=false not supported/],
    ['writing to a read-only device', { dev: '/dev/loop1', readonly: 'false' }, /is read-only/],
  ])('refuses %s', async (_what, typed, message) => {
    const words = { name: 'd', ...typed } as Record<string, string>;
    await expect(run(FULL_DOCUMENT, BLOCK, 'create', words, { files })).rejects.toThrow(message);
  });

  test('answers under its older name, and takes generate_wwn', async () => {
    const typed = { name: 'my_disk', dev: '/dev/loop0', generate_wwn: 'true' };
    const outcome = await run(EMPTY_DOCUMENT, '/backstores/iblock', 'create', typed, { files });
    expect(outcome.created).toBe('/backstores/block/my_disk');
  });
});

test('why something cannot be opened names its path once', () => {
  const said = (problem: string) => notOpened('/dev/sdb', problem).message;
  expect(said('/dev/sdb: permission denied')).toBe('Could not open /dev/sdb: permission denied');
  expect(said('/dev/sdb is in use: mounted on /')).toBe(
    'Could not open /dev/sdb: it is in use: mounted on /',
  );
  expect(said('permission denied')).toBe('Could not open /dev/sdb: permission denied');
});

describe('delete', () => {
  test('takes the LUNs and mapped LUNs on it along, and nothing else', async () => {
    const outcome = await run(FULL_DOCUMENT, FILEIO, 'delete', { name: 'disk1' });
    expect(outcome.messages).toEqual([{ level: 'info', text: 'Deleted storage object disk1.' }]);
    const tpg = outcome.document?.iscsi.targets[TARGET_NAME]?.tpgs['1'];
    expect(Object.keys(tpg?.luns ?? {})).toEqual(['5', '256']);
    const acls = Object.values(tpg?.acls ?? {});
    expect(acls.map((acl) => Object.keys(acl.mapped_luns))).toEqual([['7'], []]);
  });

  test('warns when sessions lose their disk', async () => {
    const lun = { mappedLun: 0, storageObject: 'ramdisk/scratch', writeProtect: false };
    const mappedLuns = [{ ...lun, io: NO_IO }];
    const session = {
      sid: 1,
      tsih: 1,
      isid: '000000000000',
      type: 'Normal' as const,
      state: 'LOGGED_IN',
      initiator: 'iqn.2024-01.com.example:i',
      initiatorAlias: '',
      target: TARGET_NAME,
      tpgTag: 1,
      authenticated: 'none' as const,
      dynamic: true,
      ageSeconds: 1,
      parameters: {},
      connections: [],
      mappedLuns,
    };
    const runtime = { ...IDLE_RUNTIME, sessions: [session] };
    const outcome = await run(SMALL_DOCUMENT, RAMDISK, 'delete', { name: 'scratch' }, { runtime });
    expect(outcome.messages[1]).toEqual({
      level: 'warning',
      text: `1 open session lost the disk: it was exported as /iscsi/${TARGET_NAME}/tpg1/luns/lun0`,
    });
  });

  test('refuses an unknown name', async () => {
    await expect(run(FULL_DOCUMENT, FILEIO, 'delete', { name: 'nonesuch' })).rejects.toThrow(
      'No storage object named nonesuch.',
    );
    await expect(run(FULL_DOCUMENT, FILEIO, 'delete', { name: 'toString' })).rejects.toThrow(
      'No storage object named toString.',
    );
  });
});

describe('attributes of a storage object', () => {
  const free = withTargets(FULL_DOCUMENT.backstores, {});

  test('emulate_write_cache of a fileio object is its write_back', () => {
    const path = `${FILEIO}/disk2`;
    expect(get(free, path, 'attribute')).toMatchObject({ emulate_write_cache: false });
    const cached = set(free, path, 'attribute', { emulate_write_cache: true });
    expect(cached.backstores.fileio['disk2']).toMatchObject({ write_back: true, attributes: {} });
    expect(get(cached, path, 'attribute')).toMatchObject({ emulate_write_cache: true });
    expect(summary(cached, path)).toBe('+ /srv/disk2.img (16.0MiB) write-back deactivated');
  });

  test('a value equal to the default is not kept', () => {
    const changed = set(free, `${FILEIO}/disk2`, 'attribute', { is_nonrot: true });
    expect(changed.backstores.fileio['disk2']?.attributes).toEqual({ is_nonrot: true });
    expect(set(changed, `${FILEIO}/disk2`, 'attribute', { is_nonrot: false })).toEqual(free);
  });

  test('what initiators have cached cannot change while exported, and the LUN is named', () => {
    const write = () => set(FULL_DOCUMENT, `${FILEIO}/disk1`, 'attribute', { block_size: 512 });
    expect(write).toThrow(
      'Cannot set attribute block_size: fileio/disk1 is exported as ' +
        `/iscsi/${TARGET_NAME}/tpg1/luns/lun0; delete the LUN first`,
    );
    const same = set(FULL_DOCUMENT, `${FILEIO}/disk1`, 'attribute', { block_size: 4096 });
    expect(same).toEqual(FULL_DOCUMENT);
    const unexported = set(free, `${FILEIO}/disk1`, 'attribute', { block_size: 512 });
    expect(unexported.backstores.fileio['disk1']?.attributes.block_size).toBeUndefined();
  });

  test('a block size that does not divide the size is refused', () => {
    const odd = setIn(free, ['backstores', 'fileio', 'disk2', 'size'], 1536);
    const write = () => set(odd, `${FILEIO}/disk2`, 'attribute', { block_size: 1024 });
    expect(write).toThrow(/Size 1536 is not a multiple of the block size, 1024 bytes/);
  });

  test('thin provisioning needs unmap limits', () => {
    const write = () => set(free, `${BLOCK}/my_disk`, 'attribute', { emulate_tpu: true });
    expect(write).toThrow(/emulate_tpu=1 needs max_unmap_lba_count/);
    const limits = { max_unmap_lba_count: 8192, max_unmap_block_desc_count: 1 };
    const both = set(free, `${BLOCK}/my_disk`, 'attribute', { ...limits, emulate_tpu: true });
    expect(both.backstores.block['my_disk']?.attributes).toMatchObject({ emulate_tpu: true });
    const back = () => set(both, `${BLOCK}/my_disk`, 'attribute', { max_unmap_lba_count: 0 });
    expect(back).toThrow(/emulate_tpu=1 needs/);
  });

  test('a block device is never cached', () => {
    const write = () => set(free, `${BLOCK}/my_disk`, 'attribute', { emulate_write_cache: true });
    expect(write).toThrow(/always written through/);
  });

  test('read-only and unserved attributes are refused with their reason', () => {
    const path = `${RAMDISK}/ram0`;
    const write = (name: string, value: number | boolean) => () =>
      set(free, path, 'attribute', { [name]: value });
    expect(write('hw_block_size', 4096)).toThrow('Parameter hw_block_size is read-only.');
    expect(write('emulate_3pc', true)).toThrow(/EXTENDED COPY is not served/);
  });
});

describe('what is shown', () => {
  test.each([
    ['/backstores', '? '],
    [FILEIO, '? Storage Objects: 2'],
    [`${FILEIO}/disk1`, '+ /srv/disk1.img (1.0GiB) write-back activated'],
    [`${FILEIO}/disk2`, '+ /srv/disk2.img (16.0MiB) write-thru activated'],
    [`${RAMDISK}/ram0`, '+ nullio (64.0MiB) activated'],
    [`${BLOCK}/my_disk`, '+ /dev/vg0/lv1 ro write-thru activated'],
  ])('%s [%s]', (path, text) => {
    expect(summary(FULL_DOCUMENT, path)).toBe(text);
  });

  test('the size of a block device, which the engine knows', () => {
    const storageObjects = { 'block/my_disk': { ok: true, size: 2 ** 30 } };
    expect(summary(FULL_DOCUMENT, `${BLOCK}/my_disk`, { ...IDLE_RUNTIME, storageObjects })).toBe(
      '+ /dev/vg0/lv1 (1.0GiB) ro write-thru activated',
    );
  });

  test('an unexported object is deactivated', () => {
    const free = withTargets(FULL_DOCUMENT.backstores, {});
    expect(summary(free, `${RAMDISK}/ram0`)).toBe('+ nullio (64.0MiB) deactivated');
  });

  test('an object that is not ready is red and says why, and so is a LUN on it', () => {
    const reason = 'no such file /srv/disk1.img';
    const storageObjects = { 'fileio/disk1': { ok: false, reason } };
    const runtime = { ...IDLE_RUNTIME, storageObjects };
    expect(summary(FULL_DOCUMENT, `${FILEIO}/disk1`, runtime)).toBe(
      `- /srv/disk1.img (1.0GiB) write-back activated, NOT READY: ${reason}`,
    );
    expect(summary(FULL_DOCUMENT, `/iscsi/${TARGET_NAME}/tpg1/luns/lun0`, runtime)).toBe(
      `- fileio/disk1 (/srv/disk1.img) (default_tg_pt_gp), NOT READY: ${reason}`,
    );
  });

  test('info', () => {
    expect(info(FULL_DOCUMENT, `${FILEIO}/disk1`)).toEqual([
      'aio: False',
      'dev: /srv/disk1.img',
      'name: disk1',
      'plugin: fileio',
      'size: 1073741824',
      'write_back: True',
      'wwn: 2f3a1c7e-94b0-4d21-9a55-0d4a7c1be001',
    ]);
    expect(info(FULL_DOCUMENT, `${RAMDISK}/ram0`)).toContain('nullio: True');
    expect(info(FULL_DOCUMENT, `${BLOCK}/my_disk`)).toContain('readonly: True');
  });
});
