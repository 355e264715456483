export interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly clientBusy: number;
  readonly elsewhere: number;
}
export type Round = Readonly<Record<string, Sample | undefined>>;
export type Bounds = Readonly<
  Partial<Record<'throughput' | 'cpu' | 'istgt' | 'minimal' | 'echo' | 'iser' | 'share', number>>
>;
export interface Judged {
  readonly key: string;
  readonly what: string;
  readonly value: number;
  readonly bound: number;
  readonly least: boolean;
  readonly met: boolean;
}
export interface CaseName {
  readonly name: string;
  readonly group: string;
  readonly ours?: string;
  readonly bounds?: Bounds;
}
export interface Summary {
  readonly name: string;
  readonly group: string;
  readonly ours: string;
  readonly rounds: number;
  readonly lacking?: number;
  readonly targets: Readonly<Record<string, Sample>>;
  readonly ratios: Readonly<Record<string, number>>;
  readonly spread: number;
  readonly elsewhere: number;
  readonly bounds: readonly Judged[];
  readonly samples: readonly Round[];
}
export const WIDE: number;
export const DISTURBED: number;
export function median(values: readonly number[]): number;
export function quantile(values: readonly number[], part: number): number;
export function spread(values: readonly number[]): number;
export function pairRatios(
  rounds: readonly Round[],
  target: string,
  other: string,
  field: keyof Sample,
): number[];
export function judge(
  bounds: Bounds,
  ratios: Readonly<Record<string, number>>,
  absent?: ReadonlySet<string>,
): Judged[];
export function summarise(
  oneCase: CaseName,
  rounds: readonly Round[],
  absent?: ReadonlySet<string>,
): Summary;
