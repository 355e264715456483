import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listFolder } from '../../../src/control/list_folder.ts';
import { unless } from '../../support/unless.ts';

function folderWithAll(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lunsmith-list-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'below'));
  writeFileSync(join(folder, 'disk.img'), Buffer.alloc(1536));
  symlinkSync('disk.img', join(folder, 'disk.link'));
  symlinkSync('below', join(folder, 'down'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  return folder;
}

test('files with their sizes, folders with a slash, links as what they lead to', async () => {
  expect(await listFolder(folderWithAll(), 'any', '')).toEqual([
    { name: 'below/' },
    { name: 'dangling' },
    { name: 'disk.img', bytes: 1536 },
    { name: 'disk.link', bytes: 1536 },
    { name: 'down/' },
  ]);
});

test('only what begins so', async () => {
  expect(await listFolder(folderWithAll(), 'any', 'disk.i')).toEqual([
    { name: 'disk.img', bytes: 1536 },
  ]);
});

test('no files where block devices are wanted', async () => {
  expect(await listFolder(folderWithAll(), 'block', '')).toEqual([
    { name: 'below/' },
    { name: 'down/' },
  ]);
});

test('a folder that is not there has nothing', async () => {
  expect(await listFolder('/nonesuch/folder', 'any', '')).toEqual([]);
});

const disks = readdirSync('/dev').filter((name) => /^(sd|vd|nvme|loop)/.test(name));

const lacking = disks.length === 0 ? 'there is no block device in /dev' : undefined;

test('block devices with their sizes', unless(lacking), async () => {
  const listed = await listFolder('/dev', 'block', '');
  const sized = listed.filter(({ bytes }) => bytes !== undefined);
  for (const { bytes = 0 } of sized) expect(bytes % 512).toBe(0);
  expect(listed.map(({ name }) => name)).toEqual([...listed.map(({ name }) => name)].sort());
});
