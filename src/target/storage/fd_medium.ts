/**
 * A medium behind file descriptors: a regular file or a block device. One descriptor writes to the
 * page cache, the other (O_DSYNC) returns when the data is durable. What the page cache can do at
 * once is done within the call, at a tenth of the cost of a thread; what must wait for the device
 * goes to the ring or to a thread of the pool.
 */
import fs from 'node:fs';
import { INPUT_TURN } from '../../util/input_turn.ts';
import { tellAll } from '../../util/tell_all.ts';
import type { Backstore, Done, MediumExtent, StorageFault, Written } from './backstore.ts';
import { DevicePulse } from './device_pulse.ts';
import { Operation, type OperationOwner } from './fd_operation.ts';
import { closeFd, identityOf, writeZeros, type FdMediumOptions } from './fd_file.ts';
import { GatheredReads, MAX_GATHERED_BYTES, type GatheredReadsOwner } from './gathered_reads.ts';
import { GatheredWrites, type GatheredWritesOwner, type WaitingRun } from './gathered_writes.ts';
import { IO_SLOTS, type IoLane } from './io_slots.ts';
import { nowRing } from './now_ring.ts';
import { faultOf, type OsError } from './os_error.ts';
import { PageCache } from './page_cache.ts';
import { MAX_RING_READ_BYTES, readRing, type ReadRing } from './read_ring.ts';
import { SharedSync, type SyncOwner } from './shared_sync.ts';
import { FALLOCATE, SYSCALLS, type Syscalls } from './syscalls.ts';
import { UnderWay } from './under_way.ts';

const UNTIL_CLOSED = ': what was opened is served until it is closed, then it is gone';

type Owner = OperationOwner & SyncOwner & GatheredReadsOwner & GatheredWritesOwner;
const nobody: Done = () => {};

export class FdMedium implements Backstore, Owner {
  readonly readOnly: boolean;
  readonly fault = null;
  readonly #options: FdMediumOptions;
  readonly #syscalls: Syscalls | null;
  readonly #lane: IoLane;
  readonly #pulse: DevicePulse;
  /** Undefined: no read has had to wait yet. */
  #ring: ReadRing | null | undefined;
  #ringLane: IoLane | null = null;
  readonly #cache: PageCache;
  #sizeBytes: number;
  #writeCache: boolean;
  /** Writes that the pool has: they may hold the file's lock. */
  #poolWrites = 0;
  readonly #sync: SharedSync;
  readonly #reads: GatheredReads;
  readonly #writes = new GatheredWrites(this);
  /** Where the last write to the page cache ended. */
  #nextWrite = -1;
  #inFlight = 0;
  readonly #underWay = new UnderWay();
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: FdMediumOptions) {
    this.#options = options;
    this.#sizeBytes = options.sizeBytes;
    this.readOnly = options.readOnly;
    this.#writeCache = options.writeCache;
    this.#syscalls = options.syscalls === undefined ? SYSCALLS : options.syscalls;
    this.#lane = (options.slots ?? IO_SLOTS).lane();
    this.#ring = options.ring;
    const now = options.ring === null ? null : nowRing;
    this.#reads = new GatheredReads(this, options.fd, now);
    this.#sync = new SharedSync(this, options.fd, this.#lane);
    const nowMs = options.nowMs ?? (() => performance.now());
    this.#pulse = options.pulse ?? new DevicePulse(nowMs);
    this.#cache = new PageCache(options, nowMs);
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
    this.#writes.makeWhere(byteOffset, into.length);
    const cached = this.#cache.asks && !this.#cache.cold;
    if (!cached || !this.#gathers(into.length)) return this.#readAlone(into, byteOffset, done);
    return this.#reads.add(into, byteOffset, done);
  }

  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void {
    const refused = this.#refuseWrite(byteOffset, from.length);
    if (refused !== null) return done(refused);
    if (from.length === 0) return done(null);
    this.#makeWhere(byteOffset, from.length);
    const durable = fua || !this.#writeCache;
    const moved = durable ? 0 : this.#writeNow(from, byteOffset);
    if (moved === from.length) return done(null);
    if (moved === 0 && this.#gathers(from.length)) {
      return this.#writes.addWaiting(from, byteOffset, durable, done);
    }
    return this.#writeWaiting(from, byteOffset, moved, durable, done);
  }

  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    if (!this.#writeCache || this.#refuseWrite(byteOffset, from.length) !== null) return false;
    this.#makeWhere(byteOffset, from.length);
    if (this.#writeNow(from, byteOffset) !== from.length) return false;
    this.#nextWrite = byteOffset + from.length;
    return true;
  }

  /** Only what goes on where the last write ended: any other is done sooner at once. */
  writeThisTurn(from: Buffer, byteOffset: number, over: Written): boolean {
    if (byteOffset !== this.#nextWrite || !this.#writeCache) return false;
    if (!this.#gathers(from.length) || !this.#writesNow) return false;
    if (this.#refuseWrite(byteOffset, from.length) !== null) return false;
    this.#makeWhere(byteOffset, from.length);
    this.#nextWrite += from.length;
    this.#writes.addNow(from, byteOffset, over);
    return true;
  }

  /** In the next turn of the event loop nothing is put off any more. */
  whenClear(byteOffset: number, byteLength: number, clear: () => void): void {
    setImmediate(() => this.#underWay.whenClear(byteOffset, byteLength, clear));
  }

  /** Calls that come while one flush runs share the next one: theirs must begin after they came. */
  flush(done: Done): void {
    if (this.#closing !== null) return done(this.#closed());
    this.#writes.make();
    return this.#sync.flush(done);
  }

  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    const refused = this.#refuseWrite(byteOffset, byteLength);
    if (refused !== null) return done(refused);
    if (byteLength === 0) return done(null);
    this.#makeWhere(byteOffset, byteLength);
    this.#inFlight++;
    const span = { byteOffset, byteLength, place: -1 };
    this.#underWay.begins(span);
    const over: Done = (fault) => {
      this.#underWay.ends(span);
      done(fault);
      this.#over();
    };
    const durable: Done = (fault) => {
      this.#sync.written();
      if (fault !== null || this.#writeCache) over(fault);
      else this.#sync.flush(over);
    };
    const { fd } = this.#options;
    const zero = (chunk: Buffer, at: number, next: Done): void =>
      this.#runWrite(this.#begin(fd, chunk, at, next), true);
    const zeros = (): void => writeZeros(byteOffset, byteLength, zero, durable);
    if (this.#syscalls === null) return zeros();
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
    this.#writes.make();
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

  /** For `GatheredReads` only. */
  readSome(): void {
    this.#cache.hit();
  }

  /** For `GatheredReads` only. */
  readRun(into: readonly Buffer[], first: number, count: number, byteOffset: number): number {
    return this.#cache.readRunNow(into, first, count, byteOffset);
  }

  /** For `GatheredReads` only. */
  readRest(into: Buffer, byteOffset: number, moved: number, done: Done): void {
    if (this.#closing !== null) return done(this.#closed());
    if (!this.#cache.asks) return this.#readAlone(into, byteOffset, done);
    const ring = this.#pulse.threadsOnly ? null : this.#ringFor(into.length);
    if (ring !== null) this.#cache.missed();
    return this.#readWaiting(ring, into, byteOffset, moved, done);
  }

  /** For `GatheredWrites` only. */
  writeRunNow(pieces: readonly Buffer[], byteOffset: number): number {
    return this.#writeNow(pieces, byteOffset);
  }

  /** For `GatheredWrites` only: as one call of a thread, or one by one where that fails. */
  writeRunWaiting(run: WaitingRun): void {
    const { pieces, byteOffset, byteLength, durable, answers } = run;
    const alone = (): void => {
      let at = byteOffset;
      for (const [number, piece] of pieces.entries()) {
        this.#writeWaiting(piece, at, 0, durable, answers[number] ?? nobody);
        at += piece.length;
      }
    };
    if (pieces.length === 1) return alone();
    const { fd, durableFd } = this.#options;
    this.#inFlight++;
    this.#poolWrites++;
    const span = { byteOffset, byteLength, place: -1 };
    this.#underWay.begins(span);
    const start = (): void => {
      this.#pulse.began();
      fs.writev(durable ? durableFd : fd, pieces, byteOffset, (error, bytesWritten) => {
        if (!durable) this.#sync.written();
        this.#poolWrites--;
        this.#lane.over();
        this.#pulse.ended();
        const whole = error === null && bytesWritten === byteLength;
        if (!whole) alone();
        this.#underWay.ends(span);
        this.#over();
        if (whole) tellAll(answers, null);
      });
    };
    return this.#lane.run({ start });
  }

  /** For `Operation` only. */
  operationBegins(): void {
    this.#pulse.began();
  }

  /** For `Operation` only. */
  operationOver(operation: Operation): void {
    // A flush that began meanwhile need not cover it, but the next one must.
    if (operation.cached) this.#sync.written();
    if (operation.writing) this.#poolWrites--;
    this.#underWay.ends(operation);
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

  /** For `SharedSync` only. */
  get shared(): boolean {
    return this.#options.shared === true;
  }

  /** For `SharedSync` only. */
  syncBegins(): void {
    this.#inFlight++;
  }

  /** For `SharedSync` only. */
  syncFailed(error: OsError): StorageFault {
    return this.failed(error, true);
  }

  /** For `SharedSync` only. */
  syncOver(): void {
    this.#over();
  }

  /** For `Operation` only. */
  endedEarly(): StorageFault {
    return { kind: 'readError', reason: `${this.#options.path} ends before its configured size` };
  }

  /** In this turn, that is. */
  #gathers(byteLength: number): boolean {
    return INPUT_TURN.open && byteLength <= MAX_GATHERED_BYTES && !this.#pulse.threadsOnly;
  }

  /** What was put off and touches these bytes goes before what is to be done to them now. */
  #makeWhere(byteOffset: number, byteLength: number): void {
    if (this.#reads.overlap(byteOffset, byteLength)) this.#reads.make();
    this.#writes.makeWhere(byteOffset, byteLength);
  }

  #readAlone(into: Buffer, byteOffset: number, done: Done): void {
    const threadsOnly = this.#pulse.threadsOnly;
    const ring = threadsOnly ? null : this.#ringFor(into.length);
    const asked = !threadsOnly && this.#asksFor(ring);
    const moved = asked ? this.#cache.readNow(into, byteOffset) : 0;
    if (moved === into.length) return done(null);
    return this.#readWaiting(ring, into, byteOffset, moved, done);
  }

  #readWaiting(
    ring: ReadRing | null,
    into: Buffer,
    byteOffset: number,
    moved: number,
    done: Done,
  ): void {
    const operation = this.#begin(this.#options.fd, into, byteOffset, done);
    operation.moved = moved;
    // Where nothing can be had without waiting, the ring would need threads of its own.
    return ring !== null && this.#cache.asks ? this.#runIn(ring, operation) : this.#run(operation);
  }

  #writeWaiting(
    from: Buffer,
    byteOffset: number,
    moved: number,
    durable: boolean,
    done: Done,
  ): void {
    const { fd, durableFd } = this.#options;
    const operation = this.#begin(durable ? durableFd : fd, from, byteOffset, done);
    operation.moved = moved;
    return this.#runWrite(operation, !durable);
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
    this.#underWay.begins(operation);
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

  #ringFor(byteLength: number): ReadRing | null {
    if (byteLength > MAX_RING_READ_BYTES) return null;
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
  #asksFor(ring: ReadRing | null): boolean {
    return ring === null || !this.#cache.asks || this.#cache.worthAsking();
  }

  #over(): void {
    this.#inFlight--;
    if (this.#inFlight > 0 || this.#idle === null) return;
    const idle = this.#idle;
    this.#idle = null;
    // Those who are told of the last operation come first.
    queueMicrotask(idle);
  }

  /** No call that waits for the device may hold the file's lock. */
  get #writesNow(): boolean {
    return this.#options.local && this.#poolWrites === 0 && !this.#sync.running;
  }

  /** Bytes that the page cache took within the call. */
  #writeNow(from: Buffer | readonly Buffer[], byteOffset: number): number {
    if (!this.#writesNow || this.#pulse.threadsOnly) return 0;
    const bytesWritten = this.#cache.writeNow(from, byteOffset);
    if (bytesWritten > 0) this.#sync.written();
    return bytesWritten;
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

  async #close(): Promise<void> {
    this.#reads.make();
    this.#writes.make();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    const fault = await new Promise<StorageFault | null>((resolve) => this.#sync.flush(resolve));
    const { fd, durableFd, hold } = this.#options;
    await closeFd(fd);
    if (durableFd >= 0) await closeFd(durableFd);
    this.#options.left?.();
    await hold?.release();
    if (fault !== null) throw new Error(`cached writes may be lost: ${fault.reason}`);
  }
}
