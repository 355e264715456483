/**
 * Small reads of one medium that came in one turn of input. They are made when it ends: what lies
 * in a row on the medium by one call, what lies here and there by one call of a ring. Each then
 * goes its own way, whatever becomes of the others.
 */
import { INPUT_TURN } from '../../util/input_turn.ts';
import type { Done } from './backstore.ts';
import { LEAST_NOW_READS, type NowRing } from './now_ring.ts';
import { MAX_RUN_PIECES } from './syscalls.ts';

/** Beyond that a call is nothing beside its copying. */
export const MAX_GATHERED_BYTES = 16 * 1024;

export interface GatheredReadsOwner {
  /** Bytes that could be read without waiting, into `count` buffers from number `first` on. */
  readRun(into: readonly Buffer[], first: number, count: number, byteOffset: number): number;
  /** The ring found some of what it was asked for. */
  readSome(): void;
  /** Goes on where `moved` bytes of it are read. */
  readRest(into: Buffer, byteOffset: number, moved: number, done: Done): void;
}

const NOTHING = Buffer.alloc(0);
const nobody: Done = () => {};

/** Pooled, and never more than the media that one turn reads. */
class Gathering {
  count = 0;
  readonly into: Buffer[] = Array<Buffer>(MAX_RUN_PIECES).fill(NOTHING);
  readonly offsets: number[] = Array<number>(MAX_RUN_PIECES).fill(0);
  readonly moved: number[] = Array<number>(MAX_RUN_PIECES).fill(0);
  /** Numbers of those that follow none. */
  readonly singles: number[] = Array<number>(MAX_RUN_PIECES).fill(0);
  readonly dones: Done[] = Array<Done>(MAX_RUN_PIECES).fill(nobody);
}
const pool: Gathering[] = [];

export class GatheredReads {
  readonly #owner: GatheredReadsOwner;
  readonly #fd: number;
  readonly #ring: (() => NowRing | null) | null;
  #gathering: Gathering | null = null;

  /** `ring`: for what lies here and there; null: a call for each. */
  constructor(owner: GatheredReadsOwner, fd: number, ring: (() => NowRing | null) | null) {
    this.#owner = owner;
    this.#fd = fd;
    this.#ring = ring;
  }

  /** Only while a turn is open. */
  add(into: Buffer, byteOffset: number, done: Done): void {
    // What is answered then may bring more.
    while ((this.#gathering?.count ?? 0) >= MAX_RUN_PIECES) this.make();
    let gathering = this.#gathering;
    if (gathering === null) {
      gathering = this.#gathering = pool.pop() ?? new Gathering();
      INPUT_TURN.whenOver(this.#over);
    }
    const at = gathering.count++;
    gathering.into[at] = into;
    gathering.offsets[at] = byteOffset;
    gathering.dones[at] = done;
  }

  overlap(byteOffset: number, byteLength: number): boolean {
    const gathering = this.#gathering;
    if (gathering === null) return false;
    const { count, offsets, into } = gathering;
    for (let at = 0; at < count; at++) {
      const start = offsets[at] ?? 0;
      if (start < byteOffset + byteLength && byteOffset < start + lengthOf(into[at])) return true;
    }
    return false;
  }

  /** All that were added are made now, and answered as soon as they can be. */
  make(): void {
    const gathering = this.#gathering;
    if (gathering === null) return;
    this.#gathering = null;
    try {
      this.#read(gathering);
    } catch (error) {
      INPUT_TURN.mistake(error);
      // What was read is not known: each is read anew.
      gathering.moved.fill(0);
    }
    this.#answer(gathering);
    gathering.count = 0;
    pool.push(gathering);
  }

  readonly #over = (): void => this.make();

  #read(gathering: Gathering): void {
    const { count, into, offsets, moved, singles } = gathering;
    let single = 0;
    for (let first = 0; first < count;) {
      const start = offsets[first] ?? 0;
      let end = start;
      let next = first;
      for (; next < count && offsets[next] === end; next++) end += lengthOf(into[next]);
      if (next === first + 1) singles[single++] = first;
      else this.#readRun(gathering, first, next);
      first = next;
    }
    const ring = single < LEAST_NOW_READS || this.#ring === null ? null : this.#ring();
    for (let at = 0; at < single; at++) {
      const number = singles[at] ?? 0;
      moved[number] = 0;
      if (ring === null) this.#readRun(gathering, number, number + 1);
      else ring.add(this.#fd, into[number] ?? NOTHING, offsets[number] ?? 0, number);
    }
    if (ring === null) return;
    ring.make(moved);
    let some = false;
    for (let at = 0; at < single; at++) {
      const number = singles[at] ?? 0;
      const found = moved[number] ?? 0;
      if (found > 0) some = true;
      // Not every file can be asked by a ring.
      else if (found < 0) this.#readRun(gathering, number, number + 1);
    }
    if (some) this.#owner.readSome();
  }

  #readRun({ into, offsets, moved }: Gathering, first: number, next: number): void {
    let left = this.#owner.readRun(into, first, next - first, offsets[first] ?? 0);
    for (let at = first; at < next; at++) {
      const length = Math.max(0, Math.min(left, lengthOf(into[at])));
      moved[at] = length;
      left -= length;
    }
  }

  #answer({ count, into, offsets, moved, dones }: Gathering): void {
    for (let at = 0; at < count; at++) {
      const buffer = into[at] ?? NOTHING;
      const bytesRead = moved[at] ?? 0;
      const done = dones[at] ?? nobody;
      into[at] = NOTHING;
      dones[at] = nobody;
      try {
        if (bytesRead === buffer.length) done(null);
        else this.#owner.readRest(buffer, offsets[at] ?? 0, bytesRead, done);
      } catch (error) {
        INPUT_TURN.mistake(error);
      }
    }
  }
}

const lengthOf = (buffer: Buffer | undefined): number => buffer?.length ?? 0;
