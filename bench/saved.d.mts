import type { Case } from './cases.mjs';
import type { Part } from './plan.mjs';
import type { Machine, Report } from './report.mjs';
import type { Round, Summary } from './statistics.mjs';

export interface Given {
  readonly rounds?: number | undefined;
  readonly seconds?: number | undefined;
  readonly targets?: readonly string[] | undefined;
  readonly dataThreads?: string | undefined;
  readonly beside?: string | undefined;
}
export interface Names {
  readonly cases: readonly string[];
  readonly parts: readonly Part[];
}
export class UsageError extends Error {}
export function sourcesDigest(root?: string): string;
export function saveReport(file: string, report: unknown): void;
export function readReport(file: string): Report;
export function settled(given: Given, usual: Given, before?: Report): Given;
export function checkSame(
  before: Report,
  here: { readonly machine: Machine; readonly sources: string },
): void;
export function roundsOf(
  report: Report | undefined,
  oneCase: { readonly name: string },
): readonly Round[];
export function lackingOf(report: Report): Names;
export function holdsAny(
  report: Report,
  plan: { readonly cases: readonly Case[]; readonly parts: readonly Part[] },
): boolean;
export function planOf(
  wanted: {
    readonly chosen: readonly Case[];
    readonly parts: readonly Part[];
    readonly selects: boolean;
  },
  before?: Report,
): { readonly cases: readonly Case[]; readonly parts: readonly Part[]; readonly planned: Names };
export function ordered(results: readonly Summary[]): Summary[];
