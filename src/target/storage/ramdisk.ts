/** A medium in memory: taken in chunks as they are written, given back when deallocated. */
import type { Backstore, Done, MediumExtent, StorageFault } from './backstore.ts';
import type { OpenMedium } from './open_result.ts';

const CHUNK_BYTES = 1024 * 1024;
const OUT_OF_RANGE: StorageFault = { kind: 'readError', reason: 'beyond the end of the ramdisk' };
const OUT_OF_RANGE_WRITE: StorageFault = { ...OUT_OF_RANGE, kind: 'writeError' };

export interface RamdiskSpec {
  readonly size: number;
  /** Reads give zeros, writes vanish. */
  readonly nullio: boolean;
}

export const openRamdisk =
  (spec: RamdiskSpec): OpenMedium =>
  () =>
    Promise.resolve({ ok: true, backstore: new Ramdisk(spec) });

export class Ramdisk implements Backstore {
  readonly readOnly = false;
  readonly fault = null;
  readonly #nullio: boolean;
  /** Key: chunk number. Absent: zeros. */
  readonly #chunks = new Map<number, Buffer>();
  #sizeBytes: number;
  #writeCache = false;

  constructor(spec: RamdiskSpec) {
    this.#sizeBytes = spec.size;
    this.#nullio = spec.nullio;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  resize(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes;
  }

  settle(): void {
    const end = this.#sizeBytes;
    for (const [number, chunk] of this.#chunks) {
      const within = end - number * CHUNK_BYTES;
      if (within <= 0) this.#chunks.delete(number);
      else if (within < CHUNK_BYTES) chunk.fill(0, within);
    }
  }

  get writeCache(): boolean {
    return this.#writeCache;
  }

  get allocatedBytes(): number {
    return this.#chunks.size * CHUNK_BYTES;
  }

  read(into: Buffer, byteOffset: number, done: Done): void {
    if (byteOffset + into.length > this.sizeBytes) return done(OUT_OF_RANGE);
    for (let at = 0; at < into.length;) {
      const chunk = this.#chunks.get(Math.floor((byteOffset + at) / CHUNK_BYTES));
      const within = (byteOffset + at) % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - within, into.length - at);
      if (chunk === undefined) into.fill(0, at, at + length);
      else chunk.copy(into, at, within, within + length);
      at += length;
    }
    return done(null);
  }

  write(from: Buffer, byteOffset: number, _fua: boolean, done: Done): void {
    done(this.#store(from, byteOffset));
  }

  /** Any refusal is met again by `write`. */
  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    return this.#store(from, byteOffset) === null;
  }

  #store(from: Buffer, byteOffset: number): StorageFault | null {
    if (byteOffset + from.length > this.sizeBytes) return OUT_OF_RANGE_WRITE;
    if (this.#nullio) return null;
    for (let at = 0; at < from.length;) {
      const number = Math.floor((byteOffset + at) / CHUNK_BYTES);
      const within = (byteOffset + at) % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - within, from.length - at);
      const chunk = this.#chunks.get(number) ?? this.#allocate(number);
      if (chunk === null) return NO_MEMORY;
      if (length === from.length) chunk.set(from, within);
      else from.copy(chunk, within, at, at + length);
      at += length;
    }
    return null;
  }

  flush(done: Done): void {
    done(null);
  }

  extentAt(byteOffset: number): MediumExtent {
    const first = Math.floor(byteOffset / CHUNK_BYTES);
    const mapped = this.#chunks.has(first);
    let number = first + 1;
    while (number * CHUNK_BYTES < this.sizeBytes && this.#chunks.has(number) === mapped) number++;
    return { mapped, byteLength: Math.min(number * CHUNK_BYTES, this.sizeBytes) - byteOffset };
  }

  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    if (byteOffset + byteLength > this.sizeBytes) return done(OUT_OF_RANGE_WRITE);
    const end = byteOffset + byteLength;
    for (let at = byteOffset; at < end;) {
      const number = Math.floor(at / CHUNK_BYTES);
      const within = at % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - within, end - at);
      const chunkEnd = Math.min((number + 1) * CHUNK_BYTES, this.sizeBytes);
      if (within === 0 && at + length === chunkEnd) this.#chunks.delete(number);
      else this.#chunks.get(number)?.fill(0, within, within + length);
      at += length;
    }
    return done(null);
  }

  setWriteCache(enabled: boolean): void {
    this.#writeCache = enabled;
  }

  close(): Promise<void> {
    this.#chunks.clear();
    return Promise.resolve();
  }

  #allocate(number: number): Buffer | null {
    try {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      this.#chunks.set(number, chunk);
      return chunk;
    } catch {
      return null;
    }
  }
}

const NO_MEMORY: StorageFault = { kind: 'noSpace', reason: 'no memory left for the ramdisk' };
