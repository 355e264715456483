/** A regular file as medium. */
import { notOpened, type OpenMedium } from './open_result.ts';

export interface FileioSpec {
  readonly path: string;
  readonly size: number;
  /** Writes may stay in the page cache until `flush`. */
  readonly writeBack: boolean;
}

export const openFileio =
  (spec: FileioSpec): OpenMedium =>
  () =>
    Promise.resolve(notOpened(`${spec.path}: not served yet`));
