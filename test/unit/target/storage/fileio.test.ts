import fs from 'node:fs';
import { mkdtemp, open, rm, stat, truncate, writeFile, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createBackingFile, probeBacking } from '../../../../src/target/storage/backing.ts';
import type { Backstore, StorageFault } from '../../../../src/target/storage/backstore.ts';
import { FdMedium } from '../../../../src/target/storage/fd_medium.ts';
import { openFileio } from '../../../../src/target/storage/fileio.ts';
import { SYSCALLS } from '../../../../src/target/storage/syscalls.ts';
import {
  backstoreSuite,
  deallocateOn,
  flushOf,
  readFrom,
  writeTo,
} from '../../../compliance/backstore.ts';
import { NO_SYSCALLS, unless } from '../../../support/unless.ts';

const SIZE = 4 * 1024 * 1024 + 3072;
let folder = '';
let path = '';
const opened: Backstore[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fileio-'));
  path = join(folder, 'disk.img');
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const medium of opened.splice(0)) await medium.close().catch(() => {});
  await rm(folder, { recursive: true });
});

async function openMedium(
  size = SIZE,
  writeBack = true,
  lost: (fault: StorageFault) => void = () => {},
): Promise<Backstore> {
  const result = await openFileio({ path, size, writeBack })(lost);
  if (!result.ok) throw new Error(result.fault.reason);
  opened.push(result.backstore);
  return result.backstore;
}

async function refusal(size = SIZE): Promise<string> {
  const result = await openFileio({ path, size, writeBack: true })(() => {});
  if (result.ok) throw new Error('opened');
  expect(result.fault.kind).toBe('notReady');
  return result.fault.reason;
}

async function setup(): Promise<Backstore> {
  await createBackingFile(path, SIZE, true);
  return openMedium();
}

backstoreSuite('fileio', { setup, teardown: () => Promise.resolve() });

async function openPlain(): Promise<Backstore> {
  await createBackingFile(path, SIZE, true);
  const medium = new FdMedium({
    path,
    fd: fs.openSync(path, 'r+'),
    durableFd: fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_DSYNC),
    sizeBytes: SIZE,
    readOnly: false,
    writeCache: false,
    hold: null,
    lost: () => {},
    local: true,
    syscalls: null,
  });
  opened.push(medium);
  return medium;
}
backstoreSuite('fileio without system calls', {
  setup: openPlain,
  teardown: () => Promise.resolve(),
});

const failing = (code: string) => Object.assign(new Error(code), { code });

describe('fileio', () => {
  test('neither creates nor truncates the file', async () => {
    expect(await refusal()).toBe(`no such file ${path}`);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await writeFile(path, 'short');
    expect(await refusal()).toContain('has 5 bytes, fewer than the configured');
    expect((await stat(path)).size).toBe(5);
  });

  test('refuses what is no regular file', async () => {
    path = folder;
    expect(await refusal()).toContain('is a directory');
  });

  test('a file truncated behind it gives a read error, not stale memory', async () => {
    const medium = await setup();
    await truncate(path, 8192);
    const fault = await readFrom(medium, Buffer.alloc(4096), 6144);
    expect(fault).toEqual({
      kind: 'readError',
      reason: `${path} ends before its configured size`,
    });
  });

  test('notices that its file was deleted or replaced, and goes on', async () => {
    const medium = await setup();
    const notice = () => new Promise<string | null>((resolve) => medium.notice?.(resolve));
    expect(await notice()).toBeNull();
    await unlink(path);
    expect(await notice()).toContain(`${path} was deleted: what was opened is served until`);
    await createBackingFile(path, SIZE, true);
    expect(await notice()).toContain(`${path} is another one now`);
    expect(await readFrom(medium, Buffer.alloc(512), 0)).toBeNull();
  });

  test('moves all bytes although the system moves few at a time', async () => {
    const medium = await setup();
    const { read, write } = fs;
    vi.spyOn(fs, 'write').mockImplementation((...args: Parameters<typeof write>) => {
      const [fd, data, offset, length, position, done] = args as unknown as [
        number,
        Buffer,
        number,
        number,
        number,
        () => void,
      ];
      write(fd, data, offset, Math.min(length, 1000), position, done);
    });
    vi.spyOn(fs, 'read').mockImplementation((...args: Parameters<typeof read>) => {
      const [fd, data, offset, length, position, done] = args as unknown as [
        number,
        Buffer,
        number,
        number,
        number,
        () => void,
      ];
      read(fd, data, offset, Math.min(length, 700), position, done);
    });
    const { writeSync } = fs;
    vi.spyOn(fs, 'writeSync').mockImplementation(((fd, data: Buffer, from, length, at) =>
      writeSync(fd, data, from, Math.min(length ?? 0, 1000), at)) as typeof writeSync);
    const data = Buffer.from(Array.from({ length: 8192 }, (_, index) => index % 251));
    expect(await writeTo(medium, data, 512)).toBeNull();
    expect(await writeTo(medium, data, 512, true)).toBeNull();
    const into = Buffer.alloc(8192);
    expect(await readFrom(medium, into, 512)).toBeNull();
    expect(into.equals(data)).toBe(true);
  });

  test.each([
    ['ENOSPC', 'noSpace'],
    ['EDQUOT', 'noSpace'],
    ['EIO', 'writeError'],
    ['EROFS', 'readOnly'],
    ['ENODEV', 'notReady'],
  ])('a write that fails with %s is a %s fault', async (code, kind) => {
    const lost = vi.fn();
    await createBackingFile(path, SIZE, true);
    const medium = await openMedium(SIZE, true, lost);
    vi.spyOn(fs, 'write').mockImplementation((...args: unknown[]) => {
      (args.at(-1) as (error: Error) => void)(failing(code));
    });
    vi.spyOn(fs, 'writeSync').mockImplementation(() => {
      throw failing(code);
    });
    expect((await writeTo(medium, Buffer.alloc(512), 0))?.kind).toBe(kind);
    expect(lost).toHaveBeenCalledTimes(kind === 'notReady' ? 1 : 0);
  });

  test('write-through and fua go through the descriptor that is durable', async () => {
    const written: number[] = [];
    const { write } = fs;
    const medium = await setup();
    vi.spyOn(fs, 'write').mockImplementation((...args: Parameters<typeof write>) => {
      written.push(args[0]);
      write(...args);
    });
    const { writeSync } = fs;
    vi.spyOn(fs, 'writeSync').mockImplementation((...args: Parameters<typeof writeSync>) => {
      written.push(args[0]);
      return writeSync(...args);
    });
    await writeTo(medium, Buffer.alloc(512), 0, false);
    await writeTo(medium, Buffer.alloc(512), 0, true);
    medium.setWriteCache(false);
    await writeTo(medium, Buffer.alloc(512), 0, false);
    const [cached, fua, through] = written.map((fd) => {
      const flags = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/flags:\s+(\d+)/);
      return (Number.parseInt(flags?.[1] ?? '', 8) & fs.constants.O_DSYNC) !== 0;
    });
    expect([cached, fua, through]).toEqual([false, true, true]);
  });

  test('flushes that come during one share the next, and a clean cache needs none', async () => {
    const medium = await setup();
    const pending: ((error: Error | null) => void)[] = [];
    vi.spyOn(fs, 'fdatasync').mockImplementation(((_fd: number, done: () => void) => {
      pending.push(done);
    }) as typeof fs.fdatasync);
    expect(await flushOf(medium)).toBeNull();
    expect(pending).toHaveLength(0);
    await writeTo(medium, Buffer.alloc(512), 0);
    const first = flushOf(medium);
    const joined = flushOf(medium);
    await writeTo(medium, Buffer.alloc(512), 0);
    const second = [flushOf(medium), flushOf(medium)];
    expect(pending).toHaveLength(1);
    pending[0]?.(null);
    expect(await Promise.all([first, joined])).toEqual([null, null]);
    expect(pending).toHaveLength(2);
    pending[1]?.(failing('EIO'));
    expect((await Promise.all(second)).map((fault) => fault?.kind)).toEqual([
      'writeError',
      'writeError',
    ]);
    // The system would say now that all is well; it is not.
    expect((await flushOf(medium))?.kind).toBe('writeError');
    expect(pending).toHaveLength(2);
    await expect(medium.close()).rejects.toThrow('cached writes may be lost');
  });

  test('deallocate gives blocks back to the file system', unless(NO_SYSCALLS), async () => {
    await createBackingFile(path, SIZE, false);
    const before = (await stat(path)).blocks;
    const medium = await openMedium();
    expect(await deallocateOn(medium, 0, 4 * 1024 * 1024)).toBeNull();
    expect((await stat(path)).blocks).toBeLessThan(before / 2);
    expect((await stat(path)).size).toBe(SIZE);
  });

  test('a file that another holds is refused', unless(NO_SYSCALLS), async () => {
    await createBackingFile(path, SIZE, true);
    const handle = await open(path, 'r');
    expect(SYSCALLS?.lockExclusively(handle.fd)).toBe(true);
    expect(await refusal()).toBe(`${path} is in use by another process`);
    await handle.close();
    await openMedium();
  });

  test('the same engine may open it anew before it closes the old one', async () => {
    const old = await setup();
    const next = await openMedium(1024 * 1024);
    await old.close();
    expect(await writeTo(next, Buffer.alloc(512), 0)).toBeNull();
  });

  test('answers nothing after close', async () => {
    const medium = await setup();
    await medium.close();
    expect((await readFrom(medium, Buffer.alloc(512), 0))?.kind).toBe('notReady');
    expect((await writeTo(medium, Buffer.alloc(512), 0))?.kind).toBe('notReady');
  });
});

describe('backing files', () => {
  test.each([true, false])('are created with their size (sparse: %s)', async (sparse) => {
    await createBackingFile(path, 3 * 1024 * 1024, sparse);
    const found = await stat(path);
    expect(found.size).toBe(3 * 1024 * 1024);
    expect(found.mode & 0o777).toBe(0o600);
    if (sparse) expect(found.blocks).toBe(0);
    else expect(found.blocks).toBeGreaterThanOrEqual(6 * 1024);
  });

  test('never replace what is there', async () => {
    await writeFile(path, 'mine');
    await expect(createBackingFile(path, 512, true)).rejects.toThrow(
      `cannot create ${path}: exists already`,
    );
    expect(fs.readFileSync(path, 'utf8')).toBe('mine');
  });

  test('that cannot fit are refused at once, and leave nothing behind', async () => {
    await expect(createBackingFile(path, 2 ** 46, false)).rejects.toThrow(
      `cannot create ${path}: `,
    );
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await expect(createBackingFile(join(folder, 'a', 'b'), 512, true)).rejects.toThrow(
      'no such file or directory',
    );
  });

  test('probing tells file, folder, nothing and a missing parent', async () => {
    await writeFile(path, 'four');
    expect(await probeBacking(path)).toEqual({
      exists: true,
      type: 'file',
      size: 4,
      readonly: false,
      parentExists: true,
    });
    expect(await probeBacking(folder)).toMatchObject({ exists: true, type: 'directory' });
    expect(await probeBacking(join(folder, 'none'))).toEqual({
      exists: false,
      type: 'none',
      size: 0,
      readonly: false,
      parentExists: true,
    });
    expect(await probeBacking(join(folder, 'a', 'b'))).toMatchObject({ parentExists: false });
  });
});
