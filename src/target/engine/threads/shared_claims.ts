/**
 * Ranges of one logical unit that commands have for themselves (scsi/range_claims.ts), between data
 * threads. Whoever claims tells all others, and each says when it keeps off. Which of two claims
 * comes first their numbers say, in every thread the same. Told, not asked: what is told arrives in
 * its order, so that no claim comes after its end.
 */
import type { NumberedRange } from '../../storage/claimed_medium.ts';
import type { RangeClaims } from '../../scsi/range_claims.ts';
import type { Peers } from './peers.ts';

/** The unit of that block. */
export interface AboutUnit<V = undefined> {
  readonly id: number;
  readonly value: V;
}

/** Of this thread, until they end. */
interface OwnClaim {
  /** Threads that do not keep off yet. */
  left: number;
  readonly clear: () => void;
}

export class SharedClaims {
  readonly #id: number;
  readonly #peers: Peers;
  readonly #words: Int32Array;
  readonly #word: number;
  readonly #own = new Map<number, OwnClaim>();

  /** `word` of the shared block is the latest number. */
  constructor(id: number, peers: Peers, words: Int32Array, word: number) {
    this.#id = id;
    this.#peers = peers;
    this.#words = words;
    this.#word = word;
  }

  drawNumber(): number {
    return (Atomics.add(this.#words, this.#word, 1) + 1) | 0;
  }

  claim(range: NumberedRange, clear: () => void): void {
    this.#own.set(range.number, { left: this.#peers.count - 1, clear });
    this.#peers.tellAll('unit.claim', about(this.#id, range));
  }

  end(number: number): void {
    this.#own.delete(number);
    this.#peers.tellAll('unit.claim.end', about(this.#id, number));
  }

  // What the others say. It may come in the midst of a command: what goes on by it waits for that.

  claimedIn(thread: number, range: NumberedRange, claims: RangeClaims | undefined): void {
    const clear = (): void => tellClear(this.#peers, thread, this.#id, range.number);
    if (claims === undefined) clear();
    else claims.claimedElsewhere(range, clear);
  }

  endedElsewhere(number: number, claims: RangeClaims | undefined): void {
    setImmediate(() => claims?.endedElsewhere(number));
  }

  isClear(number: number): void {
    const own = this.#own.get(number);
    if (own === undefined || --own.left > 0) return;
    setImmediate(() => {
      if (this.#own.get(number) === own) own.clear();
    });
  }
}

const about = <V>(id: number, value: V): AboutUnit<V> => ({ id, value });

/** Also of a unit that this thread does not serve: nothing of it touches any byte. */
export function tellClear(peers: Peers, thread: number, id: number, number: number): void {
  peers.tell(thread, 'unit.clear', about(id, number));
}
