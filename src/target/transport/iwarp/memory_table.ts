/**
 * Registered memory of one connection: tag to bytes, and what a peer may do with them (RFC 5040
 * §3). A tag is a slot and twenty bits that nobody can guess, new with each registration, so that a
 * tag that was given back reaches nothing.
 */
import { randomFillSync } from 'node:crypto';
import {
  distanceFrom,
  wraps,
  type MemoryRegion,
  type RegionAccess,
  type RemoteBuffer,
} from '../rdma_connection.ts';

const SLOT_BITS = 12;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
/** Regions of one connection at a time. The last slot is for tags without a region. */
export const MAX_REGIONS = SLOT_MASK;
const RANDOM_WORDS = 256;

/** Drawn in stock: one call into the system for many tags. */
const stock = new Uint32Array(RANDOM_WORDS);
let used = RANDOM_WORDS;

function randomWord(): number {
  if (used === RANDOM_WORDS) {
    randomFillSync(stock);
    used = 0;
  }
  return stock[used++] ?? 0;
}

function tagFor(slot: number): number {
  return (((randomWord() << SLOT_BITS) >>> 0) | slot) >>> 0;
}

class Region implements MemoryRegion {
  readonly stag: number;
  readonly high = 0;
  readonly low = 0;
  readonly access: RegionAccess;
  #memory: Buffer | null;

  constructor(stag: number, memory: Buffer, access: RegionAccess) {
    this.stag = stag;
    this.#memory = memory;
    this.access = access;
  }

  get memory(): Buffer {
    return this.#memory ?? NOTHING;
  }
  get valid(): boolean {
    return this.#memory !== null;
  }
  end(): void {
    this.#memory = null;
  }
}

const NOTHING = Buffer.alloc(0);

export type AccessKind = 'remoteRead' | 'remoteWrite';

/** What came of a look-up: where the bytes are, or why there are none. */
export type Found =
  | { readonly ok: true; readonly memory: Buffer; readonly offset: number }
  | { readonly ok: false; readonly why: 'stag' | 'bounds' | 'access' | 'wrap' };

const NO_STAG: Found = { ok: false, why: 'stag' };
const NO_BOUNDS: Found = { ok: false, why: 'bounds' };
const NO_ACCESS: Found = { ok: false, why: 'access' };
const NO_WRAP: Found = { ok: false, why: 'wrap' };

export class MemoryTable {
  readonly #slots: (Region | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  register(memory: Buffer, access: RegionAccess): MemoryRegion | null {
    let slot = this.#free.pop();
    if (slot === undefined) {
      if (this.#slots.length >= MAX_REGIONS) return null;
      slot = this.#slots.push(null) - 1;
    }
    const region = new Region(tagFor(slot), memory, access);
    this.#slots[slot] = region;
    return region;
  }

  /** A tag under which nothing is found: sinks of our own reads are matched by their order. */
  tagWithoutRegion(): number {
    return tagFor(SLOT_MASK);
  }

  /** False: it was not valid. */
  invalidate(stag: number): boolean {
    const region = this.#regionOf(stag);
    if (region === null) return false;
    const slot = stag & SLOT_MASK;
    region.end();
    this.#slots[slot] = null;
    this.#free.push(slot);
    return true;
  }

  /** Every region ends with its connection. */
  clear(): void {
    for (const region of this.#slots) region?.end();
    this.#slots.length = 0;
    this.#free.length = 0;
  }

  /** The bytes at an address of the peer's choosing; each bound is checked here. */
  find(at: RemoteBuffer, length: number, kind: AccessKind): Found {
    const region = this.#regionOf(at.stag);
    if (region === null) return NO_STAG;
    if (region.access[kind] !== true) return NO_ACCESS;
    if (wraps(at.high, at.low, length)) return NO_WRAP;
    const offset = distanceFrom(region, at.high, at.low);
    const { memory } = region;
    if (!(offset >= 0 && offset + length <= memory.length)) return NO_BOUNDS;
    return { ok: true, memory, offset };
  }

  #regionOf(stag: number): Region | null {
    const region = this.#slots[stag & SLOT_MASK] ?? null;
    return region !== null && region.stag === stag ? region : null;
  }
}
