/** What stands at a path, and making a backing file: the questions of `create`, not of I/O. */
import { constants, type Stats } from 'node:fs';
import { access, open, stat, statfs, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { blockHoldKey, claimExclusively, examineDevice, noMedium, whyNotOpened } from './block.ts';
import { isHeld } from './hold.ts';
import { wordsOf, type OsError } from './os_error.ts';
import { FALLOCATE, SYSCALLS } from './syscalls.ts';

/** Structurally the port's `BackingInfo`. */
export interface BackingInfo {
  readonly exists: boolean;
  readonly type: 'file' | 'block' | 'directory' | 'other' | 'none';
  /** Bytes, of a file or block device. */
  readonly size: number;
  readonly readonly: boolean;
  readonly problem?: string;
  readonly parentExists: boolean;
}

const NOTHING = { exists: false, type: 'none', size: 0, readonly: false } as const;

/** Never rejects: what cannot be found out is a `problem`. */
export async function probeBacking(path: string): Promise<BackingInfo> {
  const parentExists = await stat(dirname(path)).then(
    (parent) => parent.isDirectory(),
    () => false,
  );
  try {
    const found = await stat(path);
    return { ...(await describe(path, found)), exists: true, parentExists };
  } catch (error) {
    const osError = error as OsError;
    if (osError.code === 'ENOENT') return { ...NOTHING, parentExists };
    return { ...NOTHING, parentExists, problem: `${path}: ${wordsOf(osError)}` };
  }
}

type Description = Pick<BackingInfo, 'type' | 'size' | 'readonly' | 'problem'>;

async function describe(path: string, found: Stats): Promise<Description> {
  if (found.isBlockDevice()) return describeDevice(path);
  if (found.isDirectory()) return { type: 'directory', size: 0, readonly: false };
  if (!found.isFile()) return { type: 'other', size: 0, readonly: false };
  const denied = await access(path, constants.R_OK | constants.W_OK).then(
    () => null,
    (error: OsError) => error,
  );
  const readonly = denied !== null;
  if (denied === null || denied.code === 'EROFS')
    return { type: 'file', size: found.size, readonly };
  return { type: 'file', size: found.size, readonly, problem: `${path}: ${wordsOf(denied)}` };
}

async function describeDevice(path: string): Promise<Description> {
  try {
    const device = await examineDevice(path);
    if (device === null) return { type: 'other', size: 0, readonly: false };
    const { size, readOnly, number } = device;
    const known = { type: 'block', size, readonly: readOnly } as const;
    if (size === 0) return { ...known, problem: noMedium(path) };
    if (isHeld(blockHoldKey(number))) {
      return { ...known, problem: `${path} is in use: by a storage object of this engine` };
    }
    const problem = await claimExclusively(path).then(
      async (handle) => {
        await handle.close();
        return null;
      },
      (error: OsError) => whyNotOpened(path, error),
    );
    return problem === null ? known : { ...known, problem };
  } catch (error) {
    const problem = await whyNotOpened(path, error as OsError);
    return { type: 'block', size: 0, readonly: false, problem };
  }
}

/**
 * Rejects when something stands at `path` already, with a reason in words; leaves nothing behind
 * when it fails. Not sparse: the space is reserved, so that no write can run out of it later.
 */
export async function createBackingFile(
  path: string,
  size: number,
  sparse: boolean,
): Promise<void> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, 'wx+', 0o600);
    await handle.truncate(size);
    if (!sparse) await reserve(handle, size, path);
    await handle.sync();
    await handle.close();
    await syncFolder(dirname(path));
  } catch (error) {
    if (handle !== null) {
      await handle.close().catch(() => {});
      await unlink(path).catch(() => {});
    }
    throw new Error(`cannot create ${path}: ${wordsOf(error as OsError)}`, { cause: error });
  }
}

async function reserve(handle: FileHandle, size: number, path: string): Promise<void> {
  // Before the plain way fills the file system only to learn that it is too small.
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < size) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  if (size > 0 && (await fallocate(handle.fd, size))) return;
  const zeros = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < size;) {
    const length = Math.min(zeros.length, size - at);
    const { bytesWritten } = await handle.write(zeros, 0, length, at);
    at += bytesWritten;
  }
}

/** Makes a file at least `size` bytes long, sparse; a longer one stays as it is. */
export async function growBackingFile(path: string, size: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    const { size: now } = await handle.stat();
    if (now >= size) return;
    await handle.truncate(size);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function fallocate(fd: number, size: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (SYSCALLS === null) return resolve(false);
    return SYSCALLS.fallocate(fd, FALLOCATE.RESERVE, 0, size, (error, result) => {
      resolve(error === null && result === 0);
    });
  });
}

/** The name is durable only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
