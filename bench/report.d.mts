import type { Part } from './plan.mjs';
import type { Summary } from './statistics.mjs';

export interface Machine {
  readonly node: string;
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  readonly memory: string;
  readonly targets: string;
}
export interface Run {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly elsewhere?: number;
  readonly elsewhereMost?: number;
  readonly targets?: readonly string[];
  readonly dataThreads?: string;
  readonly beside?: string;
  readonly sources?: string;
  readonly cases?: readonly string[];
  readonly parts?: readonly Part[];
}
export interface Report {
  readonly machine: Machine;
  readonly run: Run;
  readonly results: readonly Summary[];
  readonly witnesses?: readonly unknown[];
  readonly iser?: readonly unknown[];
  readonly fairness?: readonly unknown[];
}
export const HEADING: string;
export function percent(part: number | undefined): string;
export function line(cells: readonly string[]): string;
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string;
export function row(result: Summary): string;
export function missedLines(report: Pick<Report, 'results'>): string[];
export function lackingLines(report: Report): string[];
export function merged(reports: readonly Report[]): Report;
export function document(report: Report): string;
