import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { probeBacking } from '../../../../src/target/storage/backing.ts';
import type { Backstore } from '../../../../src/target/storage/backstore.ts';
import { openBlock } from '../../../../src/target/storage/block.ts';
import { deviceNumber } from '../../../../src/target/storage/block_device.ts';
import { backstoreSuite, writeTo } from '../../../compliance/backstore.ts';
import { unless } from '../../../support/unless.ts';

const SIZE = 4 * 1024 * 1024 + 3072;
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

const loops: string[] = [];
const folder = await mkdtemp(join(tmpdir(), 'block-'));

function attach(...options: string[]): string {
  const file = join(folder, `disk${loops.length}-${Math.random()}.img`);
  writeFileSync(file, '');
  truncateSync(file, SIZE);
  const device = run('losetup', ...options, '--find', '--show', file);
  loops.push(device);
  return device;
}

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  try {
    const device = attach();
    run('losetup', '--detach', device);
    loops.pop();
    return undefined;
  } catch (error) {
    return `no loop devices: ${String(error).split('\n')[0]}`;
  }
}
const missing = whyNot();

const opened: Backstore[] = [];
async function openMedium(dev: string, readonly = false): Promise<Backstore> {
  const result = await openBlock({ dev, readonly })(() => {});
  if (!result.ok) throw new Error(result.fault.reason);
  opened.push(result.backstore);
  return result.backstore;
}
async function detachAll(): Promise<void> {
  for (const medium of opened.splice(0)) await medium.close().catch(() => {});
  for (const device of loops.splice(0)) run('losetup', '--detach', device);
}
afterEach(detachAll);
afterAll(() => rm(folder, { recursive: true }));

describe('on a loop device', unless(missing), () => {
  backstoreSuite('block', { setup: () => openMedium(attach()), teardown: detachAll });

  test('size and read-only state are the device’s', async () => {
    const medium = await openMedium(attach('--read-only'));
    expect(medium.sizeBytes).toBe(SIZE);
    expect(medium.readOnly).toBe(true);
    expect((await writeTo(medium, Buffer.alloc(512), 0))?.kind).toBe('readOnly');
  });

  test('a writable device may be served read-only', async () => {
    const medium = await openMedium(attach(), true);
    expect((await writeTo(medium, Buffer.alloc(512), 0))?.kind).toBe('readOnly');
  });

  test('a device without a medium is refused, and ready once it has one', async () => {
    // A number that no search for a free device hands to somebody else.
    const device = '/dev/loop231';
    const file = join(folder, 'late.img');
    writeFileSync(file, '');
    truncateSync(file, SIZE);
    run('losetup', device, file);
    run('losetup', '--detach', device);
    const reason = `${device} has no medium: its size is 0`;
    expect(await openBlock({ dev: device, readonly: false })(() => {})).toMatchObject({
      ok: false,
      fault: { reason },
    });
    expect(await probeBacking(device)).toMatchObject({ type: 'block', size: 0, problem: reason });
    run('losetup', device, file);
    loops.push(device);
    expect((await openMedium(device)).sizeBytes).toBe(SIZE - (SIZE % 512));
  });

  test('a mounted device is refused, with where it is mounted', async () => {
    const device = attach();
    run('mkfs.ext4', '-q', '-F', device);
    const mountPoint = await mkdtemp(join(folder, 'mount-'));
    run('mount', device, mountPoint);
    try {
      const reason = `${device} is in use: mounted on ${mountPoint}`;
      await expect(openMedium(device)).rejects.toThrow(reason);
      expect(await probeBacking(device)).toMatchObject({ type: 'block', problem: reason });
    } finally {
      run('umount', mountPoint);
    }
    expect(await probeBacking(device)).toEqual({
      exists: true,
      type: 'block',
      size: SIZE,
      readonly: false,
      parentExists: true,
    });
  });

  test('what we serve, others cannot claim; the same engine may open it anew', async () => {
    const device = attach();
    const old = await openMedium(device);
    const next = await openMedium(device);
    await old.close();
    const { O_RDONLY, O_EXCL } = (await import('node:fs')).constants;
    await expect(open(device, O_RDONLY | O_EXCL)).rejects.toThrow('EBUSY');
    expect((await probeBacking(device)).problem).toContain('storage object of this engine');
    await next.close();
    await (await open(device, O_RDONLY | O_EXCL)).close();
  });
});

describe('block', () => {
  test('refuses what is no block device', async () => {
    const file = join(folder, 'plain');
    writeFileSync(file, '');
    await expect(openMedium(file)).rejects.toThrow(`${file} is not a block device`);
    await expect(openMedium(join(folder, 'none'))).rejects.toThrow('no such device');
  });

  test('device numbers beyond eight bits are taken apart', () => {
    expect(deviceNumber(0x0801)).toBe('8:1');
    expect(deviceNumber(0x1_0000_0000 * 0x1000 + 0x12_34_5a67)).toMatch(/^\d+:\d+$/);
    // 259:1048575, as glibc's makedev packs it.
    expect(deviceNumber(0xfff1_03ff)).toBe('259:1048575');
  });
});
