import type { Stage } from './plan.mjs';

export const FILE_BYTES: number;
export function filesOf(
  stage: Stage,
  targets: readonly string[],
): { readonly disk: number; readonly memory: number };
