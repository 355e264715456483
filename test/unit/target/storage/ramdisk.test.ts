import { describe, expect, test } from 'vitest';
import { Ramdisk } from '../../../../src/target/storage/ramdisk.ts';
import { backstoreSuite, deallocateOn, readFrom, writeTo } from '../../../compliance/backstore.ts';

const MIB = 1024 * 1024;

backstoreSuite('ramdisk', {
  setup: () => Promise.resolve(new Ramdisk({ size: 4 * MIB + 3072, nullio: false })),
  teardown: () => Promise.resolve(),
});

describe('ramdisk memory', () => {
  test('is taken for written chunks only, and given back', async () => {
    const disk = new Ramdisk({ size: 2 ** 50, nullio: false });
    expect(disk.allocatedBytes).toBe(0);
    await writeTo(disk, Buffer.alloc(1024, 1), 2 ** 49 - 512);
    expect(disk.allocatedBytes).toBe(2 * MIB);
    await readFrom(disk, Buffer.alloc(4096), 0);
    expect(disk.allocatedBytes).toBe(2 * MIB);
    await deallocateOn(disk, 2 ** 49 - MIB, MIB);
    expect(disk.allocatedBytes).toBe(MIB);
  });

  test('of the last, partial chunk is given back too', async () => {
    const disk = new Ramdisk({ size: MIB + 1024, nullio: false });
    await writeTo(disk, Buffer.alloc(1024, 1), MIB);
    await deallocateOn(disk, MIB, 1024);
    expect(disk.allocatedBytes).toBe(0);
  });

  test('nullio keeps nothing and reads zeros', async () => {
    const disk = new Ramdisk({ size: MIB, nullio: true });
    expect(await writeTo(disk, Buffer.alloc(4096, 1), 0)).toBeNull();
    expect(disk.writeAtOnce(Buffer.alloc(4096, 1), 0)).toBe(true);
    const into = Buffer.alloc(4096, 9);
    expect(await readFrom(disk, into, 0)).toBeNull();
    expect(into.equals(Buffer.alloc(4096))).toBe(true);
    expect(disk.allocatedBytes).toBe(0);
  });
});
