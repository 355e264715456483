/**
 * A ramdisk that several data threads serve: segments of shared memory, of which the system gives a
 * page when it is first written. What commands of several threads do to the same blocks at the same
 * time has no order, as on any disk.
 */
import type { Backstore, Done, MediumExtent, StorageFault } from './backstore.ts';
import type { OpenMedium } from './open_result.ts';
import { THREAD_CALLS } from './thread_calls.ts';

export const SEGMENT_BYTES = 256 * 1024 * 1024;
/** What is noted as written, or as given back. */
const CHUNK_BYTES = 1024 * 1024;
const CHUNKS = SEGMENT_BYTES / CHUNK_BYTES;
const OUT_OF_RANGE: StorageFault = { kind: 'readError', reason: 'beyond the end of the ramdisk' };
const OUT_OF_RANGE_WRITE: StorageFault = { ...OUT_OF_RANGE, kind: 'writeError' };
const NO_MEMORY: StorageFault = { kind: 'noSpace', reason: 'no memory left for the ramdisk' };

/** As it crosses between threads. */
export interface RamdiskSegment {
  readonly data: SharedArrayBuffer;
  /** One byte for each chunk: 1, it was written. */
  readonly written: SharedArrayBuffer;
}

/** Throws when the system refuses the address space. */
function newSegment(): RamdiskSegment {
  try {
    const data = new SharedArrayBuffer(SEGMENT_BYTES);
    return { data, written: new SharedArrayBuffer(CHUNKS) };
  } catch (error) {
    throw new Error(NO_MEMORY.reason, { cause: error });
  }
}

interface Mapped {
  readonly data: Buffer;
  readonly written: Uint8Array;
}

/** What a thread needs to serve the ramdisk too. */
export interface RamdiskShare {
  readonly users: SharedArrayBuffer;
  readonly segments: readonly RamdiskSegment[];
}

/** The memory of one ramdisk as one thread holds it. */
export class RamdiskMemory {
  readonly #users: Int32Array;
  readonly #segments: RamdiskSegment[] = [];
  readonly #mapped: Mapped[] = [];
  /** The others learn of segments that are added. */
  grown: (segments: readonly RamdiskSegment[]) => void = () => {};

  constructor(share?: RamdiskShare) {
    this.#users = new Int32Array(share?.users ?? new SharedArrayBuffer(4));
    this.add(share?.segments ?? []);
  }

  get share(): RamdiskShare {
    return { users: this.#users.buffer as SharedArrayBuffer, segments: this.#segments };
  }

  get byteLength(): number {
    return this.#segments.length * SEGMENT_BYTES;
  }

  open(): void {
    Atomics.add(this.#users, 0, 1);
  }

  /** Whoever closes last gives the memory back: no thread knows when the others forget theirs. */
  close(): void {
    if (Atomics.sub(this.#users, 0, 1) === 1) this.clear(0, this.byteLength, this.byteLength);
  }

  /** Of another thread. */
  add(segments: readonly RamdiskSegment[]): void {
    for (const segment of segments) {
      this.#segments.push(segment);
      this.#mapped.push({
        data: Buffer.from(segment.data),
        written: new Uint8Array(segment.written),
      });
    }
  }

  /** In the thread that owns it. Throws when the system refuses the address space. */
  reserve(sizeBytes: number): void {
    const added: RamdiskSegment[] = [];
    while (this.byteLength + added.length * SEGMENT_BYTES < sizeBytes) added.push(newSegment());
    this.add(added);
    if (added.length > 0) this.grown(added);
  }

  at(byteOffset: number): Mapped {
    const found = this.#mapped[Math.floor(byteOffset / SEGMENT_BYTES)];
    if (found === undefined) throw new Error('ramdisk without memory for its size');
    return found;
  }

  /** Zeros from `byteOffset` on; `sizeBytes`: the end of the medium. */
  clear(byteOffset: number, byteLength: number, sizeBytes: number): void {
    const end = byteOffset + byteLength;
    for (let at = byteOffset; at < end;) {
      const { data, written } = this.at(at);
      const within = at % SEGMENT_BYTES;
      const chunk = Math.floor(within / CHUNK_BYTES);
      const length = Math.min((chunk + 1) * CHUNK_BYTES - within, end - at);
      if (Atomics.load(written, chunk) === 1) {
        const whole = within % CHUNK_BYTES === 0 && (length === CHUNK_BYTES || end === sizeBytes);
        // Before the memory: a write that comes in between notes itself again.
        if (whole) Atomics.store(written, chunk, 0);
        THREAD_CALLS?.giveBack(data.subarray(within, within + length));
      }
      at += length;
    }
  }
}

export interface SharedRamdiskOptions {
  readonly size: number;
  readonly nullio: boolean;
  readonly memory: RamdiskMemory;
  /** It makes the memory, and gives it back. */
  readonly owner: boolean;
}

export const openSharedRamdisk =
  (options: SharedRamdiskOptions): OpenMedium =>
  () => {
    try {
      if (options.owner) options.memory.reserve(options.size);
      return Promise.resolve({ ok: true, backstore: new SharedRamdisk(options) });
    } catch {
      return Promise.resolve({ ok: false, fault: { ...NO_MEMORY, kind: 'notReady' } });
    }
  };

export class SharedRamdisk implements Backstore {
  readonly readOnly = false;
  readonly fault = null;
  readonly #nullio: boolean;
  readonly #memory: RamdiskMemory;
  readonly #owner: boolean;
  #sizeBytes: number;
  #writeCache = false;

  constructor({ size, nullio, memory, owner }: SharedRamdiskOptions) {
    this.#sizeBytes = size;
    this.#nullio = nullio;
    this.#memory = memory;
    this.#owner = owner;
    memory.open();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  resize(sizeBytes: number): void {
    if (this.#owner) this.#memory.reserve(sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  settle(): void {
    if (!this.#owner) return;
    const { byteLength } = this.#memory;
    this.#memory.clear(this.#sizeBytes, byteLength - this.#sizeBytes, byteLength);
  }

  get writeCache(): boolean {
    return this.#writeCache;
  }

  read(into: Buffer, byteOffset: number, done: Done): void {
    if (!this.#holds(byteOffset + into.length)) return done(OUT_OF_RANGE);
    for (let at = 0; at < into.length;) {
      const within = (byteOffset + at) % SEGMENT_BYTES;
      const length = Math.min(SEGMENT_BYTES - within, into.length - at);
      this.#memory.at(byteOffset + at).data.copy(into, at, within, within + length);
      at += length;
    }
    return done(null);
  }

  write(from: Buffer, byteOffset: number, _fua: boolean, done: Done): void {
    done(this.#store(from, byteOffset));
  }

  /** A refusal is met again by `write`. */
  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    return this.#store(from, byteOffset) === null;
  }

  #store(from: Buffer, byteOffset: number): StorageFault | null {
    if (!this.#holds(byteOffset + from.length)) return OUT_OF_RANGE_WRITE;
    if (this.#nullio) return null;
    for (let at = 0; at < from.length;) {
      const { data, written } = this.#memory.at(byteOffset + at);
      const within = (byteOffset + at) % SEGMENT_BYTES;
      const chunk = Math.floor(within / CHUNK_BYTES);
      const length = Math.min((chunk + 1) * CHUNK_BYTES - within, from.length - at);
      if (length === from.length) data.set(from, within);
      else from.copy(data, within, at, at + length);
      if (Atomics.load(written, chunk) === 0) Atomics.store(written, chunk, 1);
      at += length;
    }
    return null;
  }

  flush(done: Done): void {
    done(null);
  }

  extentAt(byteOffset: number): MediumExtent {
    const mapped = this.#isWritten(byteOffset);
    let end = (Math.floor(byteOffset / CHUNK_BYTES) + 1) * CHUNK_BYTES;
    while (end < this.#sizeBytes && this.#isWritten(end) === mapped) end += CHUNK_BYTES;
    return { mapped, byteLength: Math.min(end, this.#sizeBytes) - byteOffset };
  }

  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    if (!this.#holds(byteOffset + byteLength)) return done(OUT_OF_RANGE_WRITE);
    if (!this.#nullio) this.#memory.clear(byteOffset, byteLength, this.#sizeBytes);
    return done(null);
  }

  setWriteCache(enabled: boolean): void {
    this.#writeCache = enabled;
  }

  close(): Promise<void> {
    this.#memory.close();
    return Promise.resolve();
  }

  #holds(end: number): boolean {
    return end <= this.#sizeBytes && end <= this.#memory.byteLength;
  }

  #isWritten(byteOffset: number): boolean {
    const { written } = this.#memory.at(byteOffset);
    return Atomics.load(written, Math.floor((byteOffset % SEGMENT_BYTES) / CHUNK_BYTES)) === 1;
  }
}
