/**
 * Flushes of one medium: those that come while one runs share the next one, since theirs must begin
 * after they came. After one that failed none succeeds any more.
 */
import fs from 'node:fs';
import { tellAll } from '../../util/tell_all.ts';
import type { Done, StorageFault } from './backstore.ts';
import type { IoLane } from './io_slots.ts';
import type { OsError } from './os_error.ts';

/** The medium, as its flushes see it. */
export interface SyncOwner {
  /** Other data threads write to it as well. */
  readonly shared: boolean;
  syncBegins(): void;
  syncFailed(error: OsError): StorageFault;
  syncOver(): void;
}

export class SharedSync {
  readonly #owner: SyncOwner;
  readonly #fd: number;
  readonly #lane: IoLane;
  /** Written to the page cache since the last flush began. */
  #dirty = false;
  /** A flush failed: what the page cache held then may be gone, whatever later ones say. */
  #lostWrites: StorageFault | null = null;
  #flushing: Done[] | null = null;
  #nextFlush: Done[] | null = null;

  constructor(owner: SyncOwner, fd: number, lane: IoLane) {
    this.#owner = owner;
    this.#fd = fd;
    this.#lane = lane;
  }

  get running(): boolean {
    return this.#flushing !== null;
  }

  /** Something was written to the page cache. */
  written(): void {
    this.#dirty = true;
  }

  flush(done: Done): void {
    if (this.#lostWrites !== null) return done(this.#lostWrites);
    if (this.#flushing === null) {
      // Nothing in the page cache, and nothing on its way out of it.
      if (!this.#isDirty) return done(null);
      this.#flushing = [done];
      return this.#sync();
    }
    // Nothing was written since the flush under way began, so that it covers this one too.
    if (!this.#isDirty) this.#flushing.push(done);
    else if (this.#nextFlush === null) this.#nextFlush = [done];
    else this.#nextFlush.push(done);
    return undefined;
  }

  /** What other threads have written is not known here, and must be flushed all the same. */
  get #isDirty(): boolean {
    return this.#dirty || this.#owner.shared;
  }

  #sync(): void {
    this.#owner.syncBegins();
    this.#lane.run({ start: () => this.#start() });
  }

  #start(): void {
    // What is written from here on need not be covered.
    this.#dirty = false;
    fs.fdatasync(this.#fd, (error) => {
      this.#lane.over();
      const waiting = this.#flushing ?? [];
      this.#flushing = this.#nextFlush;
      this.#nextFlush = null;
      // Linux marks pages clean that it failed to write, and tells of it once: the next fdatasync
      // succeeds although the data never reached the device. So no flush of this medium may
      // succeed any more, those that wait included.
      if (error !== null) this.#lostWrites ??= cachedWritesLost(this.#owner.syncFailed(error));
      const fault = this.#lostWrites;
      if (this.#flushing !== null) this.#sync();
      this.#owner.syncOver();
      tellAll(waiting, fault);
    });
  }
}

function cachedWritesLost(fault: StorageFault): StorageFault {
  const { reason: cause } = fault;
  const reason = `${cause}: cached writes may be lost, no flush succeeds until it is opened anew`;
  return { ...fault, reason };
}
