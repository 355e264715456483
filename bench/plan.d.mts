import type { Case } from './cases.mjs';

export type Part = 'witness' | 'fairness' | 'iser';
export interface Stage {
  readonly cases: readonly Case[];
  readonly parts: readonly Part[];
}
export interface Settings {
  readonly rounds: number;
  readonly seconds: number;
  readonly targets: readonly string[];
}
export function participants(oneCase: Case, names: readonly string[]): string[];
export function stagesOf(cases: readonly Case[], parts: readonly Part[]): Stage[];
export function targetsOf(stage: Stage, names: readonly string[]): string[];
export function caseSeconds(oneCase: Case, rounds: number, settings: Settings): number;
export function startSeconds(stage: Stage, targets: readonly string[]): number;
export function estimate(
  cases: readonly Case[],
  parts: readonly Part[],
  left: (oneCase: Case) => number,
  settings: Settings,
): number;
