/** Opening the two descriptors of a medium. */
import fs from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import type { StorageFault } from './backstore.ts';
import { acquirePulse, releasePulse } from './device_pulse.ts';
import { closeFd, identityOf } from './fd_file.ts';
import { FdMedium } from './fd_medium.ts';
import type { Hold } from './hold.ts';

const { O_RDONLY, O_RDWR, O_DSYNC } = fs.constants;

/** By their f_type in statfs(2). Of others nobody knows how long a call can take. */
const LOCAL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x5846_5342, // XFS
  0x9123_683e, // btrfs
  0xca45_1a4e, // bcachefs
  0xf2f5_2010, // F2FS
  0x2fc1_2fc1, // ZFS
  0x794c_7630, // overlayfs
  0x0102_1994, // tmpfs
]);

export interface MediumShape {
  readonly path: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly writeCache: boolean;
  readonly hold: Hold | null;
  readonly shared: boolean | undefined;
  readonly lost: (fault: StorageFault) => void;
}

/** Rejects with the system's error; nothing stays open then, but the hold. */
export async function openFds(shape: MediumShape): Promise<FdMedium> {
  const { path, readOnly } = shape;
  const { device, local, identity } = await whereIs(path);
  const fd = await openFd(path, readOnly ? O_RDONLY : O_RDWR);
  try {
    const durableFd = readOnly ? -1 : await openFd(path, O_RDWR | O_DSYNC);
    const pulse = acquirePulse(device);
    const left = (): void => releasePulse(device);
    return new FdMedium({ ...shape, fd, durableFd, local, identity, pulse, left });
  } catch (error) {
    await closeFd(fd);
    throw error;
  }
}

interface Place {
  /** The number of the device that holds the data. */
  readonly device: string;
  readonly local: boolean;
  readonly identity: string;
}

async function whereIs(path: string): Promise<Place> {
  const found = await stat(path);
  const identity = identityOf(found);
  if (found.isBlockDevice()) return { device: `${found.rdev}`, local: true, identity };
  const { type } = await statfs(path);
  return { device: `${found.dev}`, local: LOCAL_FILE_SYSTEMS.has(type), identity };
}

function openFd(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}
