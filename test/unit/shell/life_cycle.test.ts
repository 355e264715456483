/** Storage, mappings and portals changed while they are served: what the document becomes. */
import { describe, expect, test } from 'vitest';
import { EXAMPLE, TARGET, testShell } from './kit.ts';

const TPG = `/iscsi/${TARGET}/tpg1`;
const DISK = '/backstores/fileio/disk1';
const MiB = 1024 * 1024;

async function served() {
  const kit = testShell();
  await kit.run(...EXAMPLE);
  const fileio = () => kit.client.document.backstores.fileio;
  const tpg = () => kit.client.document.iscsi.targets[TARGET]!.tpgs['1']!;
  return { ...kit, fileio, tpg };
}

describe('resize', () => {
  test('a larger size is set, one that is smaller must be allowed', async () => {
    const { run, fileio } = await served();
    expect(await run(`${DISK} resize 16M`)).toContain(`disk1 has ${16 * MiB} bytes now`);
    expect(fileio()['disk1']?.size).toBe(16 * MiB);
    expect(await run(`${DISK} resize 4M`)).toContain('would shrink it from 16.0MiB to 4.0MiB');
    expect(fileio()['disk1']?.size).toBe(16 * MiB);
    await run(`${DISK} resize 4M allow_shrink=true`);
    expect(fileio()['disk1']?.size).toBe(4 * MiB);
  });

  test('without a size a file gives its own, whole blocks only', async () => {
    const { run, client, fileio } = await served();
    client.files.set('/srv/disk1.img', { type: 'file', size: 20 * MiB + 100 });
    await run(`${DISK} resize`);
    expect(fileio()['disk1']?.size).toBe(20 * MiB);
  });

  test('refuses what is no size', async () => {
    const { run, fileio } = await served();
    expect(await run(`${DISK} resize 1000`)).toContain('not a multiple of the block size');
    expect(await run(`${DISK} resize lots`)).toContain('Cannot interpret size');
    expect(await run('/backstores/ramdisk/ram1 resize')).toContain('Missing required parameter');
    expect(fileio()['disk1']?.size).toBe(8 * MiB);
  });

  test('a block device is looked at again, and takes no size', async () => {
    const { run, client } = await served();
    client.files.set('/dev/sdb', { type: 'block', size: MiB });
    await run('/backstores/block create my_disk /dev/sdb');
    client.files.set('/dev/sdb', { type: 'block', size: 2 * MiB });
    expect(await run('/backstores/block/my_disk resize')).toContain(`has ${2 * MiB} bytes now`);
    expect(await run('/backstores/block/my_disk resize 4M')).toContain('its own');
  });
});

describe('rename', () => {
  test('takes LUNs and mappings along in one change', async () => {
    const { run, client, fileio, tpg } = await served();
    const before = fileio()['disk1'];
    const { revision } = client;
    expect(await run(`${DISK} rename data`)).toContain('Renamed storage object disk1 to data.');
    expect(fileio()).toEqual({ data: before });
    expect(tpg().luns).toEqual({ '0': { storage_object: 'fileio/data' } });
    expect(client.revision).toBe(revision + 1);
    expect(await run('@last status')).toContain('Status for /backstores/fileio/data');
  });

  test('refuses names that are taken or impossible', async () => {
    const { run, fileio } = await served();
    await run('/backstores/fileio create other /srv/other.img 1M');
    expect(await run(`${DISK} rename other`)).toContain('Storage object fileio/other exists');
    expect(await run(`${DISK} rename a/b`)).toContain('cannot contain');
    expect(Object.keys(fileio())).toEqual(['disk1', 'other']);
  });
});

describe('relocate', () => {
  test('another file, with its own size; the LUN stays', async () => {
    const { run, client, fileio, tpg } = await served();
    client.files.set('/srv/copy.img', { type: 'file', size: 9 * MiB });
    const { wwn } = fileio()['disk1']!;
    expect(await run(`${DISK} relocate /srv/copy.img`)).toContain('it must be a copy');
    expect(fileio()['disk1']).toMatchObject({ path: '/srv/copy.img', size: 9 * MiB, wwn });
    expect(tpg().luns['0']?.storage_object).toBe('fileio/disk1');
  });

  test('refuses a file that is missing, in use, or too small', async () => {
    const { run, client, fileio } = await served();
    client.files.set('/srv/small.img', { type: 'file', size: MiB });
    await run('/backstores/fileio create other /srv/other.img 9M');
    expect(await run(`${DISK} relocate /srv/none.img`)).toContain('no such file');
    expect(await run(`${DISK} relocate /srv/other.img`)).toContain('already exists: other');
    expect(await run(`${DISK} relocate /srv/small.img`)).toContain('would shrink it');
    expect(fileio()['disk1']?.path).toBe('/srv/disk1.img');
    expect(await run('/backstores/ramdisk/ram1 relocate /srv/x')).toContain('Command not found');
  });
});

test('write_protect of a mapped LUN changes in place', async () => {
  const { run, tpg } = await served();
  const mapped = `${TPG}/acls/iqn.1994-05.com.redhat:c1/mapped_lun0`;
  expect(await run(`${mapped} get attribute write_protect`)).toContain('write_protect=0');
  expect(await run(`${mapped} set attribute write_protect=1`)).toContain("is now '1'");
  const acl = () => tpg().acls['iqn.1994-05.com.redhat:c1'];
  expect(acl()?.mapped_luns['0']).toEqual({ lun: 0, write_protect: true });
  expect(await run(`${mapped} set attribute write_protect=false`)).toContain("is now '0'");
  expect(acl()?.mapped_luns['0']).toEqual({ lun: 0, write_protect: false });
});

describe('portals move', () => {
  test('changes address, port or both in one change', async () => {
    const { run, client, tpg } = await served();
    const { revision } = client;
    const said = await run(`${TPG}/portals move 0.0.0.0 3260 192.168.1.139`);
    expect(said).toContain('Moved network portal 0.0.0.0:3260 to 192.168.1.139:3260.');
    expect(Object.keys(tpg().portals)).toEqual(['192.168.1.139:3260']);
    await run(`${TPG}/portals move 192.168.1.139 3260 new_port=3261`);
    expect(Object.keys(tpg().portals)).toEqual(['192.168.1.139:3261']);
    expect(client.revision).toBe(revision + 2);
  });

  test('refuses a portal that is not there, and one that is taken', async () => {
    const { run, tpg } = await served();
    await run(`${TPG}/portals create 127.0.0.1 3300`);
    expect(await run(`${TPG}/portals move 1.2.3.4 3260 0.0.0.0`)).toContain('No such Network');
    const taken = await run(`${TPG}/portals move 0.0.0.0 3260 127.0.0.1 3300`);
    expect(taken).toContain('already exists');
    expect(Object.keys(tpg().portals).sort()).toEqual(['0.0.0.0:3260', '127.0.0.1:3300']);
  });
});
