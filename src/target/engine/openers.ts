/** How the medium of a storage object is opened. */
import type {
  BackstoreKind,
  BlockObject,
  FileioObject,
  RamdiskObject,
  StorageObject,
} from '../../objects/document.ts';
import { openBlock } from '../storage/block.ts';
import { openFileio } from '../storage/fileio.ts';
import type { HoldKeeper } from '../storage/hold.ts';
import type { OpenMedium } from '../storage/open_result.ts';
import { openRamdisk } from '../storage/ramdisk.ts';
import { openSharedRamdisk, type RamdiskMemory } from '../storage/shared_ramdisk.ts';

/** What other data threads have to do with it. */
export interface SharedMedium {
  readonly memory: RamdiskMemory;
  /** This thread opens it first. */
  readonly first: boolean;
  /** Who keeps the claim on that path; undefined: this thread. */
  keeper(kind: 'fileio' | 'block', path: string): HoldKeeper | undefined;
}

export function openerOf(
  kind: BackstoreKind,
  value: StorageObject,
  among: SharedMedium | undefined,
): OpenMedium {
  const shared = among !== undefined;
  switch (kind) {
    case 'ramdisk': {
      const { size, nullio } = value as RamdiskObject;
      if (among === undefined) return openRamdisk({ size, nullio });
      return openSharedRamdisk({ size, nullio, memory: among.memory, owner: among.first });
    }
    case 'fileio': {
      const { path, size, write_back: writeBack } = value as FileioObject;
      return openFileio({ path, size, writeBack, shared, keeper: among?.keeper(kind, path) });
    }
    case 'block': {
      const { dev, readonly } = value as BlockObject;
      return openBlock({ dev, readonly, shared, keeper: among?.keeper(kind, dev) });
    }
  }
}
