export interface Frame {
  readonly symbol: string;
  readonly dso: string;
}
export interface ProfileSample {
  readonly thread: string;
  readonly frames: readonly Frame[];
}
export function parseSamples(text: string): ProfileSample[];
export function busiestThread(samples: readonly ProfileSample[]): string | undefined;
export function partOf(sample: ProfileSample): string;
export function wholeOf(part: string): string;
export function shares<T>(samples: readonly T[], name: (sample: T) => string): [string, number][];
