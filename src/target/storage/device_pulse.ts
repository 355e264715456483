/**
 * Whether a device still answers. All media on one device share this: what hangs, hangs for all of
 * them, and a call that would only have begun something there can wait for it too.
 */

/** So long without a single answer, while some are due, is more than a busy device takes. */
const STALLED_MS = 1000;
/** Waiting for one device at once, of which no queue of a device is short. */
const CROWDED = 64;

export class DevicePulse {
  readonly #nowMs: () => number;
  #waiting = 0;
  #lastMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** An operation waits for the device. */
  began(): void {
    if (this.#waiting++ === 0) this.#lastMs = this.#nowMs();
  }

  ended(): void {
    this.#waiting--;
    this.#lastMs = this.#nowMs();
  }

  /** Nothing more may be begun there but by a thread that can wait. */
  get threadsOnly(): boolean {
    if (this.#waiting === 0) return false;
    return this.#waiting >= CROWDED || this.#nowMs() - this.#lastMs > STALLED_MS;
  }
}

interface Entry {
  readonly pulse: DevicePulse;
  users: number;
}

const entries = new Map<string, Entry>();

/** `device`: its number; given back as often as taken. */
export function acquirePulse(device: string): DevicePulse {
  const entry = entries.get(device) ?? { pulse: new DevicePulse(), users: 0 };
  entries.set(device, entry);
  entry.users++;
  return entry.pulse;
}

export function releasePulse(device: string): void {
  const entry = entries.get(device);
  if (entry !== undefined && --entry.users === 0) entries.delete(device);
}
