import type { Clock, Timer } from './clock.ts';

/** Whether `ending` resolves in time; rejects when it does. */
export function endsWithin(
  clock: Clock,
  timeMs: number,
  ending: Promise<unknown>,
): Promise<boolean> {
  let timer: Timer | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.after(timeMs, () => resolve(false));
  });
  return Promise.race([ending.then(() => true), late]).finally(() => timer?.cancel());
}
