import type { Sample } from './statistics.mjs';

export interface LoadResult {
  readonly commands: number;
  readonly errors: number;
  readonly seconds: number;
  readonly clientCpuSeconds: number;
  readonly cpuSeconds: number;
  readonly machineSeconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}
export function machineSeconds(text?: string): number;
export function sampleOf(result: LoadResult): Sample;
