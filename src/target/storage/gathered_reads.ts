/**
 * Small reads of one medium that came in one turn of input. They are made when it ends: what lies
 * in a row on the medium by one call. Each then goes its own way, whatever becomes of the others.
 */
import { INPUT_TURN } from '../../util/input_turn.ts';
import type { Done } from './backstore.ts';
import { MAX_RUN_PIECES } from './syscalls.ts';

/** Beyond that a call is nothing beside its copying. */
export const MAX_GATHERED_BYTES = 16 * 1024;

export interface GatheredReadsOwner {
  /** Bytes that could be read without waiting, into `count` buffers from number `first` on. */
  readRun(into: readonly Buffer[], first: number, count: number, byteOffset: number): number;
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
  readonly dones: Done[] = Array<Done>(MAX_RUN_PIECES).fill(nobody);
}
const pool: Gathering[] = [];

export class GatheredReads {
  readonly #owner: GatheredReadsOwner;
  #gathering: Gathering | null = null;

  constructor(owner: GatheredReadsOwner) {
    this.#owner = owner;
  }

  /** Only while a turn is open. */
  add(into: Buffer, byteOffset: number, done: Done): void {
    if (this.#gathering?.count === MAX_RUN_PIECES) this.make();
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
    this.#read(gathering);
    this.#answer(gathering);
    gathering.count = 0;
    pool.push(gathering);
  }

  readonly #over = (): void => this.make();

  #read({ count, into, offsets, moved }: Gathering): void {
    for (let first = 0; first < count;) {
      const start = offsets[first] ?? 0;
      let end = start;
      let next = first;
      for (; next < count && offsets[next] === end; next++) end += lengthOf(into[next]);
      let left = Math.max(0, this.#owner.readRun(into, first, next - first, start));
      for (let at = first; at < next; at++) {
        const length = Math.min(left, lengthOf(into[at]));
        moved[at] = length;
        left -= length;
      }
      first = next;
    }
  }

  #answer({ count, into, offsets, moved, dones }: Gathering): void {
    let mistake: unknown;
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
        // The others have done nothing wrong.
        mistake ??= error;
      }
    }
    if (mistake !== undefined) throw mistake as Error;
  }
}

const lengthOf = (buffer: Buffer | undefined): number => buffer?.length ?? 0;
