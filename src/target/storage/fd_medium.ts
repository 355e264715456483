/**
 * A medium behind file descriptors, by node:fs callbacks: a regular file or a block device. One
 * descriptor writes to the page cache, the other (O_DSYNC) returns when the data is durable.
 */
import fs from 'node:fs';
import type { Backstore, Done, MediumExtent, StorageFault } from './backstore.ts';
import type { Hold } from './hold.ts';
import { faultOf, type OsError } from './os_error.ts';
import { FALLOCATE, SYSCALLS, type Syscalls } from './syscalls.ts';

/** Operation objects kept for reuse. */
const POOL_SIZE = 256;
const ZERO_CHUNK = Buffer.alloc(1024 * 1024);

export interface FdMediumOptions {
  readonly path: string;
  /** Read, cached writes, flush. */
  readonly fd: number;
  /** Durable writes; -1 on a read-only medium. */
  readonly durableFd: number;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly writeCache: boolean;
  readonly hold: Hold | null;
  readonly lost: (fault: StorageFault) => void;
  /** Absent: as loaded. */
  readonly syscalls?: Syscalls | null;
}

/** One read or write; short ones are continued until all is moved. */
class Operation {
  medium: FdMedium | null = null;
  fd = -1;
  buffer: Buffer = ZERO_CHUNK;
  byteOffset = 0;
  moved = 0;
  /** A write to the page cache: a later flush must cover it. */
  cached = false;
  done: Done | null = null;

  read(): void {
    const { buffer, moved } = this;
    const length = buffer.length - moved;
    fs.read(this.fd, buffer, moved, length, this.byteOffset + moved, this.#onRead);
  }

  write(): void {
    const { buffer, moved } = this;
    const length = buffer.length - moved;
    fs.write(this.fd, buffer, moved, length, this.byteOffset + moved, this.#onWritten);
  }

  readonly #onRead = (error: OsError | null, bytesRead: number): void => {
    if (error !== null) return this.#failed(error, false);
    if (bytesRead === 0) return this.#finish(this.medium?.endedEarly() ?? null);
    this.moved += bytesRead;
    return this.moved < this.buffer.length ? this.read() : this.#finish(null);
  };

  readonly #onWritten = (error: OsError | null, bytesWritten: number): void => {
    if (error !== null) return this.#failed(error, true);
    this.moved += bytesWritten;
    return this.moved < this.buffer.length ? this.write() : this.#finish(null);
  };

  #failed(error: OsError, writing: boolean): void {
    this.#finish(this.medium?.failed(error, writing) ?? null);
  }

  #finish(fault: StorageFault | null): void {
    const { medium, done } = this;
    if (this.cached) medium?.written();
    this.medium = null;
    this.done = null;
    this.buffer = ZERO_CHUNK;
    if (pool.length < POOL_SIZE) pool.push(this);
    done?.(fault);
    medium?.operationOver();
  }
}

const pool: Operation[] = [];

export class FdMedium implements Backstore {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly fault = null;
  readonly #options: FdMediumOptions;
  readonly #syscalls: Syscalls | null;
  #writeCache: boolean;
  /** Written to the page cache since the last flush began. */
  #dirty = false;
  #flushing: Done[] | null = null;
  #nextFlush: Done[] | null = null;
  #inFlight = 0;
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: FdMediumOptions) {
    this.#options = options;
    this.sizeBytes = options.sizeBytes;
    this.readOnly = options.readOnly;
    this.#writeCache = options.writeCache;
    this.#syscalls = options.syscalls === undefined ? SYSCALLS : options.syscalls;
  }

  get writeCache(): boolean {
    return this.#writeCache;
  }

  setWriteCache(enabled: boolean): void {
    this.#writeCache = enabled;
  }

  read(into: Buffer, byteOffset: number, done: Done): void {
    if (this.#closing !== null) return done(this.#closed());
    if (byteOffset + into.length > this.sizeBytes) return done(this.#outOfRange('readError'));
    if (into.length === 0) return done(null);
    return this.#begin(this.#options.fd, into, byteOffset, done).read();
  }

  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void {
    const refused = this.#refuseWrite(byteOffset, from.length);
    if (refused !== null) return done(refused);
    if (from.length === 0) return done(null);
    const { fd, durableFd } = this.#options;
    const durable = fua || !this.#writeCache;
    const operation = this.#begin(durable ? durableFd : fd, from, byteOffset, done);
    operation.cached = !durable;
    return operation.write();
  }

  /** Calls that come while one flush runs share the next one: theirs must begin after they came. */
  flush(done: Done): void {
    if (this.#closing !== null) return done(this.#closed());
    return this.#flush(done);
  }

  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    const refused = this.#refuseWrite(byteOffset, byteLength);
    if (refused !== null) return done(refused);
    if (byteLength === 0) return done(null);
    this.#inFlight++;
    const over: Done = (fault) => {
      done(fault);
      this.operationOver();
    };
    const durable: Done = (fault) => {
      this.#dirty = true;
      if (fault !== null || this.#writeCache) over(fault);
      else this.#flush(over);
    };
    const zeros = (): void => this.#writeZeros(byteOffset, byteLength, durable);
    if (this.#syscalls === null) return zeros();
    const { fd } = this.#options;
    const mode = FALLOCATE.PUNCH_HOLE_KEEP_SIZE;
    return this.#syscalls.fallocate(fd, mode, byteOffset, byteLength, (error, result) => {
      // Not every file system and device can; writing zeros holds the same promise.
      if (error === null && result === 0) durable(null);
      else zeros();
    });
  }

  extentAt(byteOffset: number): MediumExtent {
    const toEnd = this.sizeBytes - byteOffset;
    if (this.#syscalls === null) return { mapped: true, byteLength: toEnd };
    const { fd } = this.#options;
    const data = this.#syscalls.seekData(fd, byteOffset) ?? this.sizeBytes;
    if (data > byteOffset) return { mapped: false, byteLength: Math.min(data - byteOffset, toEnd) };
    const hole = this.#syscalls.seekHole(fd, byteOffset) ?? this.sizeBytes;
    return { mapped: true, byteLength: Math.min(hole - byteOffset, toEnd) };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For `Operation` only. */
  operationOver(): void {
    this.#inFlight--;
    if (this.#inFlight > 0 || this.#idle === null) return;
    const idle = this.#idle;
    this.#idle = null;
    idle();
  }

  /** For `Operation` only: a flush that began before need not cover it, but the next must. */
  written(): void {
    this.#dirty = true;
  }

  /** For `Operation` only. */
  failed(error: OsError, writing: boolean): StorageFault {
    const fault = faultOf(error, this.#options.path, writing);
    if (fault.kind === 'notReady') this.#options.lost(fault);
    return fault;
  }

  /** For `Operation` only. */
  endedEarly(): StorageFault {
    return { kind: 'readError', reason: `${this.#options.path} ends before its configured size` };
  }

  #begin(fd: number, buffer: Buffer, byteOffset: number, done: Done): Operation {
    this.#inFlight++;
    const operation = pool.pop() ?? new Operation();
    operation.medium = this;
    operation.fd = fd;
    operation.buffer = buffer;
    operation.byteOffset = byteOffset;
    operation.moved = 0;
    operation.cached = false;
    operation.done = done;
    return operation;
  }

  #refuseWrite(byteOffset: number, byteLength: number): StorageFault | null {
    if (this.#closing !== null) return this.#closed();
    if (byteOffset + byteLength > this.sizeBytes) return this.#outOfRange('writeError');
    if (!this.readOnly) return null;
    return { kind: 'readOnly', reason: `${this.#options.path} is read-only` };
  }

  #outOfRange(kind: 'readError' | 'writeError'): StorageFault {
    return { kind, reason: `beyond the end of ${this.#options.path}` };
  }

  #closed(): StorageFault {
    return { kind: 'notReady', reason: `${this.#options.path} is closed` };
  }

  #writeZeros(byteOffset: number, byteLength: number, done: Done): void {
    let at = 0;
    const step = (fault: StorageFault | null): void => {
      if (fault !== null || at === byteLength) return done(fault);
      const length = Math.min(ZERO_CHUNK.length, byteLength - at);
      const chunk = length === ZERO_CHUNK.length ? ZERO_CHUNK : ZERO_CHUNK.subarray(0, length);
      const offset = byteOffset + at;
      at += length;
      return this.#begin(this.#options.fd, chunk, offset, step).write();
    };
    step(null);
  }

  #flush(done: Done): void {
    if (this.#flushing === null) {
      // Nothing in the page cache, and nothing on its way out of it.
      if (!this.#dirty) return done(null);
      this.#flushing = [done];
      return this.#sync();
    }
    // Nothing was written since the flush under way began, so that it covers this one too.
    if (!this.#dirty) this.#flushing.push(done);
    else if (this.#nextFlush === null) this.#nextFlush = [done];
    else this.#nextFlush.push(done);
    return undefined;
  }

  #sync(): void {
    this.#dirty = false;
    this.#inFlight++;
    fs.fdatasync(this.#options.fd, (error) => {
      const waiting = this.#flushing ?? [];
      this.#flushing = this.#nextFlush;
      this.#nextFlush = null;
      const fault = error === null ? null : this.failed(error, true);
      if (fault !== null) this.#dirty = true;
      if (this.#flushing !== null) this.#sync();
      for (const done of waiting) done(fault);
      this.operationOver();
    });
  }

  async #close(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    const fault = await new Promise<StorageFault | null>((resolve) => this.#flush(resolve));
    const { fd, durableFd, hold } = this.#options;
    await closeFd(fd);
    if (durableFd >= 0) await closeFd(durableFd);
    await hold?.release();
    if (fault !== null) throw new Error(`cached writes may be lost: ${fault.reason}`);
  }
}

/** What close reports is nothing that was not said by the flush before it. */
export function closeFd(fd: number): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()));
}
