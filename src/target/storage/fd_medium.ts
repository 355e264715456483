/**
 * A medium behind file descriptors: a regular file or a block device. One descriptor writes to the
 * page cache, the other (O_DSYNC) returns when the data is durable. What the page cache can do at
 * once is done within the call, at a tenth of the cost of a thread; what must wait for the device
 * goes to the ring or to a thread of the pool.
 */
import fs from 'node:fs';
import type { Backstore, Done, MediumExtent, StorageFault } from './backstore.ts';
import { DevicePulse } from './device_pulse.ts';
import { Operation, type OperationOwner } from './fd_operation.ts';
import type { Hold } from './hold.ts';
import { IO_SLOTS, type IoLane, type IoSlots } from './io_slots.ts';
import { faultOf, type OsError } from './os_error.ts';
import { Pace } from './pace.ts';
import { MAX_RING_READ_BYTES, readRing, type ReadRing } from './read_ring.ts';
import { FALLOCATE, NO_READ_NOW, SYSCALLS, type Syscalls } from './syscalls.ts';

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
  /** Other data threads write to it as well. */
  readonly shared?: boolean | undefined;
  readonly lost: (fault: StorageFault) => void;
  /**
   * False: behind a network or another process, whose silence would hold up the event loop. Only
   * calls that never wait are made there.
   */
  readonly local: boolean;
  /** Of the device, where others are on it too. */
  readonly pulse?: DevicePulse;
  /** Of what was opened, as `identityOf` gives it. */
  readonly identity?: string;
  /** After closing: the pulse is no longer used. */
  readonly left?: () => void;
  /** Absent: this thread's. */
  readonly ring?: ReadRing | null;
  /** Absent: as loaded. */
  readonly syscalls?: Syscalls | null;
  /** Absent: those that all media of this process share. */
  readonly slots?: IoSlots;
  readonly nowMs?: () => number;
}

/** Longer than this, a read of what should be cached has waited for the device. */
const SLOW_READ_MS = 1;
/** A write to the page cache that takes longer waits for memory or the file system's journal. */
const SLOW_WRITE_MS = 4;

/** After so many reads in a row of what the page cache had not, it is asked only now and then. */
const COLD_AFTER = 8;
const ASK_EVERY = 16;

export class FdMedium implements Backstore, OperationOwner {
  readonly readOnly: boolean;
  readonly fault = null;
  readonly #options: FdMediumOptions;
  readonly #syscalls: Syscalls | null;
  readonly #lane: IoLane;
  readonly #pulse: DevicePulse;
  /** Undefined: no read has had to wait yet. */
  #ring: ReadRing | null | undefined;
  #ringLane: IoLane | null = null;
  readonly #readPace: Pace;
  readonly #writePace: Pace;
  #sizeBytes: number;
  #readsNow: boolean;
  /** Reads since the page cache last had what was asked for. */
  #misses = 0;
  #writeCache: boolean;
  /** Writes that the pool has: they may hold the file's lock. */
  #poolWrites = 0;
  /** Written to the page cache since the last flush began. */
  #dirty = false;
  /** A flush failed: what the page cache held then may be gone, whatever later ones say. */
  #lostWrites: StorageFault | null = null;
  #flushing: Done[] | null = null;
  #nextFlush: Done[] | null = null;
  #inFlight = 0;
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: FdMediumOptions) {
    this.#options = options;
    this.#sizeBytes = options.sizeBytes;
    this.readOnly = options.readOnly;
    this.#writeCache = options.writeCache;
    this.#syscalls = options.syscalls === undefined ? SYSCALLS : options.syscalls;
    this.#readsNow = this.#syscalls !== null;
    this.#lane = (options.slots ?? IO_SLOTS).lane();
    this.#ring = options.ring;
    const nowMs = options.nowMs ?? (() => performance.now());
    this.#pulse = options.pulse ?? new DevicePulse(nowMs);
    const waits = this.#syscalls?.voluntarySwitches ?? null;
    this.#readPace = new Pace(SLOW_READ_MS, nowMs, waits);
    this.#writePace = new Pace(SLOW_WRITE_MS, nowMs, waits);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  resize(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes;
  }

  /** A file is never cut: what lies beyond comes back when the medium grows again. */
  settle(): void {}

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
    const threadsOnly = this.#pulse.threadsOnly;
    const ring = threadsOnly || into.length > MAX_RING_READ_BYTES ? null : this.#ringToUse();
    const moved = threadsOnly || this.#cold(ring) ? 0 : this.#readNow(into, byteOffset);
    if (moved === into.length) return done(null);
    const operation = this.#begin(this.#options.fd, into, byteOffset, done);
    operation.moved = moved;
    // Where nothing can be had without waiting, the ring would need threads of its own.
    return ring !== null && this.#readsNow ? this.#runIn(ring, operation) : this.#run(operation);
  }

  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void {
    const refused = this.#refuseWrite(byteOffset, from.length);
    if (refused !== null) return done(refused);
    if (from.length === 0) return done(null);
    const { fd, durableFd } = this.#options;
    const durable = fua || !this.#writeCache;
    const moved = durable ? 0 : this.#writeNow(from, byteOffset);
    if (moved === from.length) return done(null);
    const operation = this.#begin(durable ? durableFd : fd, from, byteOffset, done);
    operation.moved = moved;
    return this.#runWrite(operation, !durable);
  }

  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    if (!this.#writeCache || this.#refuseWrite(byteOffset, from.length) !== null) return false;
    return this.#writeNow(from, byteOffset) === from.length;
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
      this.#over();
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
    const { fallocate } = this.#syscalls;
    // It holds the file's lock, as a write does.
    this.#poolWrites++;
    const start = (): void =>
      fallocate(fd, mode, byteOffset, byteLength, (error, result) => {
        this.#poolWrites--;
        this.#lane.over();
        // Not every file system and device can; writing zeros holds the same promise.
        if (error === null && result === 0) durable(null);
        else zeros();
      });
    return this.#lane.run({ start });
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

  /** A file that has lost its name goes on as if nothing were, and is gone once it is closed. */
  notice(done: (notice: string | null) => void): void {
    const { path, identity } = this.#options;
    if (this.#closing !== null || identity === undefined) return done(null);
    const start = (): void =>
      fs.stat(path, (error, found) => {
        this.#lane.over();
        if (error === null && identityOf(found) === identity) done(null);
        else if (error === null) done(`${path} is another one now${UNTIL_CLOSED}`);
        else if (error.code === 'ENOENT') done(`${path} was deleted${UNTIL_CLOSED}`);
        // What cannot be seen now may be there all the same.
        else done(null);
        this.#over();
      });
    this.#inFlight++;
    return this.#lane.run({ start });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For `Operation` only. */
  operationBegins(): void {
    this.#pulse.began();
  }

  /** For `Operation` only. */
  operationOver(operation: Operation): void {
    // A flush that began meanwhile need not cover it, but the next one must.
    if (operation.cached) this.#dirty = true;
    if (operation.writing) this.#poolWrites--;
    operation.lane?.over();
    this.#pulse.ended();
    this.#over();
  }

  /** For `Operation` only. */
  leftRing(operation: Operation): void {
    operation.lane?.over();
    this.#run(operation);
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
    const operation = Operation.acquire();
    operation.owner = this;
    operation.fd = fd;
    operation.buffer = buffer;
    operation.byteOffset = byteOffset;
    operation.moved = 0;
    operation.writing = false;
    operation.cached = false;
    operation.done = done;
    return operation;
  }

  #runWrite(operation: Operation, cached: boolean): void {
    operation.writing = true;
    operation.cached = cached;
    this.#poolWrites++;
    this.#run(operation);
  }

  #run(operation: Operation): void {
    operation.lane = this.#lane;
    this.#lane.run(operation);
  }

  #ringToUse(): ReadRing | null {
    if (this.#ring === undefined) this.#ring = readRing();
    return this.#ring;
  }

  #runIn(ring: ReadRing, operation: Operation): void {
    this.#ringLane ??= ring.slots.lane();
    operation.ring = ring;
    operation.lane = this.#ringLane;
    return this.#ringLane.run(operation);
  }

  /** The ring looks into the page cache as well: asking before is for where the answer is yes. */
  #cold(ring: ReadRing | null): boolean {
    if (ring === null || !this.#readsNow) return false;
    return ++this.#misses > COLD_AFTER && this.#misses % ASK_EVERY !== 0;
  }

  #over(): void {
    this.#inFlight--;
    if (this.#inFlight > 0 || this.#idle === null) return;
    const idle = this.#idle;
    this.#idle = null;
    // Those who are told of the last operation come first.
    queueMicrotask(idle);
  }

  /** Bytes that could be read without waiting; errors are left for the pool to meet and name. */
  #readNow(into: Buffer, byteOffset: number): number {
    const { fd } = this.#options;
    if (this.#readsNow && this.#syscalls !== null) {
      const bytesRead = this.#syscalls.readNow(fd, into, byteOffset);
      if (bytesRead === into.length) this.#misses = 0;
      if (bytesRead !== NO_READ_NOW) return bytesRead;
      this.#readsNow = false;
    }
    if (!this.#options.local || !this.#readPace.begin()) return 0;
    try {
      return fs.readSync(fd, into, 0, into.length, byteOffset);
    } catch {
      return 0;
    } finally {
      this.#readPace.took();
    }
  }

  /** As `#readNow`; not while a call that waits for the device may hold the file's lock. */
  #writeNow(from: Buffer, byteOffset: number): number {
    if (!this.#options.local || this.#poolWrites > 0 || this.#flushing !== null) return 0;
    if (this.#pulse.threadsOnly || !this.#writePace.begin()) return 0;
    try {
      const bytesWritten = fs.writeSync(this.#options.fd, from, 0, from.length, byteOffset);
      this.#dirty = true;
      return bytesWritten;
    } catch {
      return 0;
    } finally {
      this.#writePace.took();
    }
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
      return this.#runWrite(this.#begin(this.#options.fd, chunk, offset, step), true);
    };
    step(null);
  }

  #flush(done: Done): void {
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
    return this.#dirty || this.#options.shared === true;
  }

  #sync(): void {
    this.#inFlight++;
    this.#lane.run({ start: () => this.#startSync() });
  }

  #startSync(): void {
    // What is written from here on need not be covered.
    this.#dirty = false;
    fs.fdatasync(this.#options.fd, (error) => {
      this.#lane.over();
      const waiting = this.#flushing ?? [];
      this.#flushing = this.#nextFlush;
      this.#nextFlush = null;
      // Linux marks pages clean that it failed to write, and tells of it once: the next fdatasync
      // succeeds although the data never reached the device. So no flush of this medium may
      // succeed any more, those that wait included.
      if (error !== null) this.#lostWrites ??= cachedWritesLost(this.failed(error, true));
      const fault = this.#lostWrites;
      if (this.#flushing !== null) this.#sync();
      for (const done of waiting) done(fault);
      this.#over();
    });
  }

  async #close(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    const fault = await new Promise<StorageFault | null>((resolve) => this.#flush(resolve));
    const { fd, durableFd, hold } = this.#options;
    await closeFd(fd);
    if (durableFd >= 0) await closeFd(durableFd);
    this.#options.left?.();
    await hold?.release();
    if (fault !== null) throw new Error(`cached writes may be lost: ${fault.reason}`);
  }
}

const UNTIL_CLOSED = ': what was opened is served until it is closed, then it is gone';

/** What a name must lead to for being the same file or device. */
export function identityOf(found: fs.Stats): string {
  return found.isBlockDevice() ? `device ${found.rdev}` : `file ${found.dev}:${found.ino}`;
}

function cachedWritesLost(fault: StorageFault): StorageFault {
  const { reason: cause } = fault;
  const reason = `${cause}: cached writes may be lost, no flush succeeds until it is opened anew`;
  return { ...fault, reason };
}

/** What close reports is nothing that was not said by the flush before it. */
export function closeFd(fd: number): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()));
}
