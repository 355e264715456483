/** A whole block device as medium, held exclusively: a mounted or otherwise used one is refused. */
import fs from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { deviceNumber, deviceReadOnly, deviceSize, holderOf } from './block_device.ts';
import { acquireHold, type Hold, type OpenShared } from './hold.ts';
import { openFds } from './open_fd.ts';
import { notOpened, type OpenMedium, type OpenResult } from './open_result.ts';
import { wordsOf, type OsError } from './os_error.ts';

export interface BlockSpec extends OpenShared {
  readonly dev: string;
  readonly readonly: boolean;
}

const { O_RDONLY, O_EXCL, O_NONBLOCK } = fs.constants;

export const openBlock =
  (spec: BlockSpec): OpenMedium =>
  async (lost): Promise<OpenResult> => {
    const { dev: path, shared, keeper = acquireHold } = spec;
    let hold: Hold | null = null;
    try {
      const found = await examineDevice(path);
      if (found === null) return notOpened(`${path} is not a block device`);
      if (found.size === 0) return notOpened(noMedium(path));
      hold = await keeper(blockHoldKey(found.number), () => claimExclusively(path));
      const backstore = await openFds({
        path,
        sizeBytes: found.size,
        readOnly: spec.readonly || found.readOnly,
        writeCache: false,
        hold,
        shared,
        lost,
      });
      return { ok: true, backstore };
    } catch (error) {
      await hold?.release();
      return notOpened(await whyNotOpened(path, error as OsError));
    }
  };

/** A drive without a disk, or a loop device without a file, opens and has no byte. */
export const noMedium = (path: string): string => `${path} has no medium: its size is 0`;

export const blockHoldKey = (number: string): string => `block ${number}`;

/** O_EXCL on a device without O_CREAT: the kernel's own claim, which mounts and LVM take too. */
export function claimExclusively(path: string): Promise<FileHandle> {
  return open(path, O_RDONLY | O_EXCL);
}

export interface FoundDevice {
  readonly number: string;
  readonly size: number;
  readonly readOnly: boolean;
}

/** Null: something else stands there. Rejects with the system's error. */
export async function examineDevice(path: string): Promise<FoundDevice | null> {
  const handle = await open(path, O_RDONLY | O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isBlockDevice()) return null;
    const number = deviceNumber(stat.rdev);
    const size = await deviceSize(handle.fd, number);
    return { number, size, readOnly: await deviceReadOnly(handle.fd, number) };
  } finally {
    await handle.close();
  }
}

export async function whyNotOpened(path: string, error: OsError): Promise<string> {
  if (error.code === 'ENOENT') return `no such device ${path}`;
  if (error.code !== 'EBUSY') return `${path}: ${wordsOf(error)}`;
  const holder = await stat(path).then((number) => holderOf(path, number));
  return `${path} is in use${holder === '' ? '' : `: ${holder}`}`;
}

async function stat(path: string): Promise<string> {
  return deviceNumber((await fs.promises.stat(path)).rdev);
}
