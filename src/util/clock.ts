/** Time as something that tests can hold still. Timers never keep the process alive. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes back. */
  nowMs(): number;
  after(delayMs: number, run: () => void): Timer;
}

const now = performance.now.bind(performance);
/** In an array: a number of its own would be an object, and a new one for each look. */
const latest = new Float64Array(1);

/** As `performance.now()`, without looking the global up: that costs as much as the time. */
export function monotonicMs(): number {
  const ms = now();
  latest[0] = ms;
  return ms;
}

/**
 * What `monotonicMs` gave last: for what happens within the call that has just looked at the time,
 * since looking costs more than most of what is done for one command.
 */
export function recentMs(): number {
  return latest[0] ?? 0;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: monotonicMs,
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
