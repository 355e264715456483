/** Time as something that tests can hold still. Timers never keep the process alive. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes back. */
  nowMs(): number;
  after(delayMs: number, run: () => void): Timer;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
