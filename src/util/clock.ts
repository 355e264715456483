/** Time as something that tests can hold still. Timers never keep the process alive. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes back. */
  nowMs(): number;
  after(delayMs: number, run: () => void): Timer;
}

/** As `performance.now()`, without looking the global up: that costs as much as the time. */
export const monotonicMs: () => number = performance.now.bind(performance);

export const SYSTEM_CLOCK: Clock = {
  nowMs: monotonicMs,
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
