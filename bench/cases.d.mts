import type { Bounds } from './statistics.mjs';

export interface Case {
  readonly name: string;
  readonly group: string;
  readonly medium: 'file' | 'ram' | 'null' | 'cold' | 'many';
  readonly load: readonly string[];
  readonly targets: readonly string[];
  readonly ours?: string;
  readonly also?: Case;
  readonly quick?: boolean;
  readonly all?: boolean;
  readonly bounds: Bounds;
}
export const CASES: readonly Case[];
export function chosenCases(options: {
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly all: boolean;
}): Case[];
