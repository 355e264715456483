/**
 * A medium that may be away: holds its place, answers its fault to every operation, and opens it
 * again on its own. A logical unit stands on one of these for as long as it is configured.
 */
import type { Clock, Timer } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import type { Backstore, Done, MediumExtent, StorageFault, Written } from './backstore.ts';
import type { OpenMedium } from './open_result.ts';

/** Between two attempts to open a medium that is away. */
export const REOPEN_INTERVAL_MS = 2000;

/** Structurally the port's `Health`. */
export interface StorageHealth {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface StorageDeviceOptions {
  /** `fileio/disk1`, for the log. */
  readonly name: string;
  readonly open: OpenMedium;
  readonly clock: Clock;
  readonly log: Log;
  /** On each change after `start`. The size may have changed as well. */
  readonly onHealth: (health: StorageHealth) => void;
  /** A medium that was lost is back; what its write cache held may not be. */
  readonly onCacheLost?: () => void;
}

const CLOSED: StorageFault = { kind: 'notReady', reason: 'closed' };
const NOT_STARTED: StorageFault = { kind: 'notReady', reason: 'not opened yet' };

export class StorageDevice implements Backstore {
  readonly #options: StorageDeviceOptions;
  #open: OpenMedium;
  #inner: Backstore | null = null;
  #fault: StorageFault = NOT_STARTED;
  #sizeBytes = 0;
  #readOnly = false;
  #writeCache: boolean | null = null;
  #timer: Timer | null = null;
  #opening: Promise<void> | null = null;
  #leaving: Promise<void> = Promise.resolve();
  /** Works, but: why it is degraded all the same. */
  #notice: string | null = null;
  #looking = false;
  /** What was lost had a write cache. */
  #cacheLost = false;
  #closed = false;
  #started = false;

  constructor(options: StorageDeviceOptions) {
    this.#options = options;
    this.#open = options.open;
  }

  /** The first attempt. Null: open. Else the fault, and attempts go on until `close`. */
  async start(): Promise<StorageFault | null> {
    this.#opening = this.#attempt();
    await this.#opening;
    this.#started = true;
    return this.fault;
  }

  get sizeBytes(): number {
    return this.#inner?.sizeBytes ?? this.#sizeBytes;
  }

  get readOnly(): boolean {
    return this.#inner?.readOnly ?? this.#readOnly;
  }

  get fault(): StorageFault | null {
    return this.#inner === null ? this.#fault : this.#inner.fault;
  }

  get health(): StorageHealth {
    const reason = this.fault?.reason ?? this.#notice;
    return reason === null ? { ok: true } : { ok: false, reason };
  }

  get writeCache(): boolean {
    return this.#inner?.writeCache ?? this.#writeCache ?? false;
  }

  read(into: Buffer, byteOffset: number, done: Done): void {
    if (this.#inner === null) return done(this.#fault);
    return this.#inner.read(into, byteOffset, done);
  }

  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void {
    if (this.#inner === null) return done(this.#fault);
    return this.#inner.write(from, byteOffset, fua, done);
  }

  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    return this.#inner?.writeAtOnce?.(from, byteOffset) ?? false;
  }

  writeThisTurn(from: Buffer, byteOffset: number, over: Written): boolean {
    return this.#inner?.writeThisTurn?.(from, byteOffset, over) ?? false;
  }

  whenClear(byteOffset: number, byteLength: number, clear: () => void): void {
    const inner = this.#inner;
    if (inner?.whenClear === undefined) clear();
    else inner.whenClear(byteOffset, byteLength, clear);
  }

  flush(done: Done): void {
    if (this.#inner === null) return done(this.#fault);
    return this.#inner.flush(done);
  }

  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    if (this.#inner === null) return done(this.#fault);
    return this.#inner.deallocate(byteOffset, byteLength, done);
  }

  extentAt(byteOffset: number): MediumExtent {
    const { sizeBytes } = this;
    return (
      this.#inner?.extentAt(byteOffset) ?? { mapped: true, byteLength: sizeBytes - byteOffset }
    );
  }

  /** Kept, and applied again to a medium that comes back. */
  setWriteCache(enabled: boolean): void {
    this.#writeCache = enabled;
    this.#inner?.setWriteCache(enabled);
  }

  /** `open`: how a medium of the new size is opened, should it be lost and come back. */
  resizeTo(sizeBytes: number, open: OpenMedium): void {
    this.#open = open;
    this.#inner?.resize(sizeBytes);
  }

  resize(sizeBytes: number): void {
    this.#inner?.resize(sizeBytes);
  }

  settle(): void {
    this.#inner?.settle();
  }

  /** A look at what operations do not tell; one at a time, for it waits where storage hangs. */
  look(): void {
    const inner = this.#inner;
    if (this.#looking || inner?.notice === undefined) return;
    this.#looking = true;
    inner.notice((notice) => {
      this.#looking = false;
      if (this.#inner !== inner || notice === this.#notice) return;
      const before = this.health;
      this.#notice = notice;
      this.#tell(before);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#opening;
    const inner = this.#inner;
    this.#inner = null;
    this.#fault = CLOSED;
    await this.#leaving;
    if (inner !== null) await this.#closeInner(inner);
  }

  async #attempt(): Promise<void> {
    const before = this.health;
    let own: Backstore | null = null;
    const result = await this.#open((fault) => {
      if (own !== null) this.#lost(own, fault);
    });
    if (!result.ok) {
      this.#fault = result.fault;
      this.#tell(before);
      return this.#retryLater();
    }
    if (this.#closed) return this.#closeInner(result.backstore);
    own = result.backstore;
    if (this.#writeCache !== null) own.setWriteCache(this.#writeCache);
    this.#inner = own;
    this.#sizeBytes = own.sizeBytes;
    this.#readOnly = own.readOnly;
    if (this.#cacheLost) this.#options.onCacheLost?.();
    this.#cacheLost = false;
    return this.#tell(before);
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(REOPEN_INTERVAL_MS, () => {
      this.#timer = null;
      this.#opening = this.#attempt();
    });
  }

  #lost(inner: Backstore, fault: StorageFault): void {
    if (this.#inner !== inner) return;
    const before = this.health;
    this.#sizeBytes = inner.sizeBytes;
    this.#cacheLost = this.#cacheLost || inner.writeCache;
    this.#inner = null;
    this.#notice = null;
    this.#fault = fault;
    this.#tell(before);
    // A lock or an exclusive hold must be gone before the next attempt.
    this.#leaving = this.#closeInner(inner);
    void this.#leaving.then(() => this.#retryLater());
  }

  /** Never rejects: nobody can do more about it than be told. */
  async #closeInner(inner: Backstore): Promise<void> {
    await inner.close().catch((error: unknown) => {
      const { name, log } = this.#options;
      const reason = error instanceof Error ? error.message : String(error);
      log.error('closing the medium failed', { storageObject: name, reason });
    });
  }

  /** Only what differs from before; the first outcome is `start`'s own answer. */
  #tell(before: StorageHealth): void {
    const { health } = this;
    if (health.ok === before.ok && health.reason === before.reason) return;
    const { name, log, onHealth } = this.#options;
    const fields = { storageObject: name, reason: health.reason };
    // At the start thousands are, and nobody waited for one of them.
    if (health.ok)
      log[this.#started ? 'info' : 'debug']('medium is ready', { storageObject: name });
    else log.warn(this.fault === null ? 'medium is degraded' : 'medium is not ready', fields);
    if (this.#started && !this.#closed) onHealth(health);
  }
}
