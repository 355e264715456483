/** A whole block device as medium. */
import { notOpened, type OpenMedium } from './open_result.ts';

export interface BlockSpec {
  readonly dev: string;
  readonly readonly: boolean;
}

export const openBlock =
  (spec: BlockSpec): OpenMedium =>
  () =>
    Promise.resolve(notOpened(`${spec.dev}: not served yet`));
