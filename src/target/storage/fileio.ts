/** A regular file as medium. It is never created and never changes its size here. */
import fs from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { acquireHold, type Hold, type OpenShared } from './hold.ts';
import { openFds } from './open_fd.ts';
import { notOpened, type OpenMedium, type OpenResult } from './open_result.ts';
import { wordsOf, type OsError } from './os_error.ts';
import { SYSCALLS } from './syscalls.ts';

export interface FileioSpec extends OpenShared {
  readonly path: string;
  readonly size: number;
  /** Writes may stay in the page cache until `flush`. */
  readonly writeBack: boolean;
}

export const openFileio =
  (spec: FileioSpec): OpenMedium =>
  async (lost): Promise<OpenResult> => {
    const { path, size: sizeBytes, writeBack: writeCache, shared } = spec;
    const keeper = spec.keeper ?? acquireHold;
    let hold: Hold | null = null;
    try {
      const { size, key, readOnly } = await examine(path);
      if (size < sizeBytes) {
        return notOpened(`${path} has ${size} bytes, fewer than the configured ${sizeBytes}`);
      }
      hold = await keeper(key, () => lockFile(path));
      const shape = { path, sizeBytes, readOnly, writeCache, hold, shared, lost };
      const backstore = await openFds(shape);
      return { ok: true, backstore };
    } catch (error) {
      await hold?.release();
      return notOpened(error instanceof Refused ? error.message : whyNotOpened(path, error));
    }
  };

/** A reason in our own words. */
export class Refused extends Error {
  override name = 'Refused';
}

function whyNotOpened(path: string, error: unknown): string {
  const osError = error as OsError;
  if (osError.code === 'ENOENT') return `no such file ${path}`;
  return `${path}: ${wordsOf(osError)}`;
}

interface Examined {
  readonly size: number;
  readonly key: string;
  readonly readOnly: boolean;
}

async function examine(path: string): Promise<Examined> {
  // Not blocking on a FIFO, which is refused right after.
  const { O_RDWR, O_RDONLY, O_NONBLOCK } = fs.constants;
  let readOnly = false;
  const handle = await open(path, O_RDWR | O_NONBLOCK).catch((error: OsError) => {
    if (error.code !== 'EROFS') throw error;
    readOnly = true;
    return open(path, O_RDONLY | O_NONBLOCK);
  });
  try {
    const stat = await handle.stat();
    if (stat.isBlockDevice()) throw new Refused(`${path} is a block device: use backstores/block`);
    if (!stat.isFile()) throw new Refused(`${path} is not a regular file`);
    return { size: stat.size, key: `file ${stat.dev}:${stat.ino}`, readOnly };
  } finally {
    await handle.close();
  }
}

/** Advisory: keeps two daemons from serving one file. */
export async function lockFile(path: string): Promise<FileHandle> {
  const handle = await open(path, fs.constants.O_RDONLY);
  if (SYSCALLS === null || SYSCALLS.lockExclusively(handle.fd)) return handle;
  await handle.close();
  throw new Refused(`${path} is in use by another process`);
}
