/**
 * Small writes of one medium that came in one turn of input, each beginning where the one before it
 * ends. One call writes them all when the turn ends, or sooner, when something else comes that
 * touches the same bytes. One run waits to be written within the call, another one for a thread.
 */
import { INPUT_TURN } from '../../util/input_turn.ts';
import type { Done, Written } from './backstore.ts';
import { MAX_RUN_PIECES } from './syscalls.ts';

export interface WaitingRun {
  readonly pieces: readonly Buffer[];
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly durable: boolean;
  /** One for each piece. */
  readonly answers: readonly Done[];
}

export interface GatheredWritesOwner {
  /** How many bytes of the run were written to the page cache. */
  writeRunNow(pieces: readonly Buffer[], byteOffset: number): number;
  /** Answers each. */
  writeRunWaiting(run: WaitingRun): void;
}

class Run<Answer> {
  pieces: Buffer[] = [];
  answers: Answer[] = [];
  byteOffset = 0;
  end = 0;

  takes(byteOffset: number): boolean {
    return byteOffset === this.end && this.pieces.length < MAX_RUN_PIECES;
  }

  add(from: Buffer, byteOffset: number, answer: Answer): void {
    if (this.pieces.length === 0) this.byteOffset = byteOffset;
    this.pieces.push(from);
    this.answers.push(answer);
    this.end = byteOffset + from.length;
  }

  overlaps(byteOffset: number, byteLength: number): boolean {
    if (this.pieces.length === 0) return false;
    return this.byteOffset < byteOffset + byteLength && byteOffset < this.end;
  }
}

export class GatheredWrites {
  readonly #owner: GatheredWritesOwner;
  #now = new Run<Written>();
  #waiting = new Run<Done>();
  #durable = false;

  constructor(owner: GatheredWritesOwner) {
    this.#owner = owner;
  }

  /** To the page cache, within the call. As the others only while a turn is open. */
  addNow(from: Buffer, byteOffset: number, over: Written): void {
    // What is answered then may bring more.
    while (this.#now.pieces.length > 0 && !this.#now.takes(byteOffset)) this.#makeNow();
    if (this.#now.pieces.length === 0) INPUT_TURN.whenOver(this.#turnOver);
    this.#now.add(from, byteOffset, over);
  }

  addWaiting(from: Buffer, byteOffset: number, durable: boolean, done: Done): void {
    if (durable !== this.#durable || !this.#waiting.takes(byteOffset)) this.#makeWaiting();
    if (this.#waiting.pieces.length === 0) INPUT_TURN.whenOver(this.#turnOver);
    this.#durable = durable;
    this.#waiting.add(from, byteOffset, done);
  }

  makeWhere(byteOffset: number, byteLength: number): void {
    if (this.#now.overlaps(byteOffset, byteLength)) this.#makeNow();
    if (this.#waiting.overlaps(byteOffset, byteLength)) this.#makeWaiting();
  }

  make(): void {
    this.#makeNow();
    this.#makeWaiting();
  }

  readonly #turnOver = (): void => this.make();

  #makeNow(): void {
    const { pieces, byteOffset, answers } = this.#now;
    if (pieces.length === 0) return;
    this.#now = new Run();
    let left = this.#owner.writeRunNow(pieces, byteOffset);
    for (const [at, over] of answers.entries()) {
      const length = pieces[at]?.length ?? 0;
      try {
        over(left >= length);
      } catch (error) {
        INPUT_TURN.mistake(error);
      }
      left -= length;
    }
  }

  #makeWaiting(): void {
    const { pieces, byteOffset, end, answers } = this.#waiting;
    if (pieces.length === 0) return;
    this.#waiting = new Run();
    const byteLength = end - byteOffset;
    const durable = this.#durable;
    this.#owner.writeRunWaiting({ pieces, byteOffset, byteLength, durable, answers });
  }
}
