/** Opening the two descriptors of a medium. */
import fs from 'node:fs';
import type { StorageFault } from './backstore.ts';
import { closeFd, FdMedium } from './fd_medium.ts';
import type { Hold } from './hold.ts';

const { O_RDONLY, O_RDWR, O_DSYNC } = fs.constants;

export interface MediumShape {
  readonly path: string;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly writeCache: boolean;
  readonly hold: Hold | null;
  readonly lost: (fault: StorageFault) => void;
}

/** Rejects with the system's error; nothing stays open then, but the hold. */
export async function openFds(shape: MediumShape): Promise<FdMedium> {
  const fd = await openFd(shape.path, shape.readOnly ? O_RDONLY : O_RDWR);
  if (shape.readOnly) return new FdMedium({ ...shape, fd, durableFd: -1 });
  try {
    const durableFd = await openFd(shape.path, O_RDWR | O_DSYNC);
    return new FdMedium({ ...shape, fd, durableFd });
  } catch (error) {
    await closeFd(fd);
    throw error;
  }
}

function openFd(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}
