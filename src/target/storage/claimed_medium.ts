/**
 * A medium while commands have ranges of it for themselves. A claim, and an operation that meets
 * one, has a number out of one sequence. It waits for those with lower numbers that touch the same
 * bytes, a claim also for what the medium works on already. Nobody waits for a higher number:
 * nobody waits in a circle, and everybody's turn comes.
 */
import type { Backstore, Done, MediumExtent, StorageFault, Written } from './backstore.ts';
import { overlap, type ByteRange } from './under_way.ts';

/** Of 32 bits, of all data threads together. */
export interface NumberedRange extends ByteRange {
  readonly number: number;
}

interface Entry extends NumberedRange {
  /** Else an operation, which does not wait for others of its kind. */
  readonly claims: boolean;
  /** Null: its turn has come. */
  go: (() => void) | null;
  /** How many it waits for. */
  before: number;
  ended: boolean;
}

export class ClaimedMedium implements Backstore {
  readonly #medium: Backstore;
  readonly #drawNumber: () => number;
  readonly #unused: () => void;
  /** By number: claims until they end, operations until they begin. */
  readonly #entries: Entry[] = [];
  /** Those that wait for nobody any more. */
  readonly #ready: Entry[] = [];
  #going = false;

  /** `unused`: there is no claim any more, and `medium` serves as well. */
  constructor(medium: Backstore, drawNumber: () => number, unused: () => void) {
    this.#medium = medium;
    this.#drawNumber = drawNumber;
    this.#unused = unused;
  }

  /** `clear`, perhaps within the call: from then until `end` nobody touches it through this. */
  claim({ number, byteOffset, byteLength }: NumberedRange, clear: () => void): void {
    const isClear = (): void => {
      if (!entry.ended) clear();
    };
    const go = (): void => {
      if (this.#medium.whenClear === undefined) isClear();
      else this.#medium.whenClear(byteOffset, byteLength, isClear);
    };
    const entry = { number, byteOffset, byteLength, claims: true, go, before: 0, ended: false };
    this.#insert(entry);
    this.#goOn();
  }

  /** Of a claim, whether it was clear or not. */
  end(number: number): void {
    const at = this.#entries.findIndex((entry) => entry.claims && entry.number === number);
    if (at >= 0) this.#remove(at);
    this.#goOn();
  }

  read(into: Buffer, byteOffset: number, done: Done): void {
    const go = (): void => this.#medium.read(into, byteOffset, done);
    if (this.#isFree(byteOffset, into.length)) go();
    else this.#wait(byteOffset, into.length, go);
  }

  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void {
    const go = (): void => this.#medium.write(from, byteOffset, fua, done);
    if (this.#isFree(byteOffset, from.length)) go();
    else this.#wait(byteOffset, from.length, go);
  }

  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    const go = (): void => this.#medium.deallocate(byteOffset, byteLength, done);
    if (this.#isFree(byteOffset, byteLength)) go();
    else this.#wait(byteOffset, byteLength, go);
  }

  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    if (!this.#isFree(byteOffset, from.length)) return false;
    return this.#medium.writeAtOnce?.(from, byteOffset) ?? false;
  }

  writeThisTurn(from: Buffer, byteOffset: number, over: Written): boolean {
    if (!this.#isFree(byteOffset, from.length)) return false;
    return this.#medium.writeThisTurn?.(from, byteOffset, over) ?? false;
  }

  // What touches no byte in particular

  get sizeBytes(): number {
    return this.#medium.sizeBytes;
  }

  get readOnly(): boolean {
    return this.#medium.readOnly;
  }

  get fault(): StorageFault | null {
    return this.#medium.fault;
  }

  get writeCache(): boolean {
    return this.#medium.writeCache;
  }

  flush(done: Done): void {
    this.#medium.flush(done);
  }

  extentAt(byteOffset: number): MediumExtent {
    return this.#medium.extentAt(byteOffset);
  }

  setWriteCache(enabled: boolean): void {
    this.#medium.setWriteCache(enabled);
  }

  resize(sizeBytes: number): void {
    this.#medium.resize(sizeBytes);
  }

  settle(): void {
    this.#medium.settle();
  }

  close(): Promise<void> {
    return this.#medium.close();
  }

  #isFree(byteOffset: number, byteLength: number): boolean {
    const range = { byteOffset, byteLength };
    return !this.#entries.some((entry) => entry.claims && overlap(entry, range));
  }

  #wait(byteOffset: number, byteLength: number, go: () => void): void {
    const number = this.#drawNumber();
    const range = { number, byteOffset, byteLength };
    this.#insert({ ...range, claims: false, go, before: 0, ended: false });
  }

  /** Claims of other data threads may come later than what has a higher number. */
  #insert(entry: Entry): void {
    let at = this.#entries.length;
    for (; at > 0; at--) {
      const later = this.#entries[at - 1];
      if (later === undefined || !isBefore(entry, later)) break;
      if (later.go !== null && meet(entry, later)) later.before++;
    }
    for (let earlier = 0; earlier < at; earlier++) {
      const other = this.#entries[earlier];
      if (other !== undefined && meet(entry, other)) entry.before++;
    }
    this.#entries.splice(at, 0, entry);
    if (entry.before === 0) this.#ready.push(entry);
  }

  #remove(place: number): void {
    const [entry] = this.#entries.splice(place, 1);
    if (entry === undefined) return;
    entry.ended = true;
    for (let at = place; at < this.#entries.length; at++) {
      const later = this.#entries[at];
      if (later === undefined || later.go === null || !meet(entry, later)) continue;
      if (--later.before === 0) this.#ready.push(later);
    }
  }

  #goOn(): void {
    // What goes on here may end others at once; the outer loop then takes them.
    if (this.#going) return;
    this.#going = true;
    try {
      for (let entry = this.#ready.shift(); entry !== undefined; entry = this.#ready.shift()) {
        this.#go(entry);
      }
    } finally {
      this.#going = false;
    }
    if (this.#entries.length === 0) this.#unused();
  }

  #go(entry: Entry): void {
    const { go } = entry;
    // One with a lower number has come since, or it is over.
    if (go === null || entry.before > 0 || entry.ended) return;
    entry.go = null;
    if (!entry.claims) this.#remove(this.#entries.indexOf(entry));
    go();
  }
}

/** Serial numbers of 32 bits: after the highest comes the lowest. */
function isBefore(entry: Entry, other: Entry): boolean {
  return ((entry.number - other.number) | 0) < 0;
}

/** One of them has to wait for the other. */
function meet(a: Entry, b: Entry): boolean {
  return (a.claims || b.claims) && overlap(a, b);
}
