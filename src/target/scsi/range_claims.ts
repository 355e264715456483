/**
 * Ranges of a logical unit that one command has for itself, in all data threads: nobody else reads
 * or writes there meanwhile. Whoever reads and writes without a claim pays nothing for that: their
 * medium is another one as long as there are claims, and the plain one at all other times.
 */
import type { Backstore } from '../storage/backstore.ts';
import { ClaimedMedium, type NumberedRange } from '../storage/claimed_medium.ts';
import type { Siblings } from './siblings.ts';

export class RangeClaims {
  readonly #medium: Backstore;
  readonly #siblings: Siblings | null;
  readonly #use: (storage: Backstore) => void;
  #claimed: ClaimedMedium | null = null;
  #latest = 0;

  /** `use`: through which commands are to read and write from now on. */
  constructor(medium: Backstore, siblings: Siblings | null, use: (storage: Backstore) => void) {
    this.#medium = medium;
    this.#siblings = siblings;
    this.#use = use;
  }

  /** Not begun yet. */
  claim(byteOffset: number, byteLength: number): RangeClaim {
    return new RangeClaim(this, byteOffset, byteLength);
  }

  /** Another data thread claims it. `clear`, perhaps within the call: it is not touched here. */
  claimedElsewhere(range: NumberedRange, clear: () => void): void {
    this.#use(this.#keeper);
    this.#keeper.claim(range, clear);
  }

  endedElsewhere(number: number): void {
    this.#claimed?.end(number);
  }

  /** For `RangeClaim` only. `granted` follows once, perhaps within the call, unless it is ended. */
  begin(range: NumberedRange, granted: (medium: Backstore) => void): void {
    let left = this.#siblings === null ? 1 : 2;
    const one = (): void => {
      if (--left === 0) granted(this.#medium);
    };
    this.#siblings?.claim(range, one);
    this.#use(this.#keeper);
    this.#keeper.claim(range, one);
  }

  /** For `RangeClaim` only. */
  end(number: number): void {
    this.#siblings?.endClaim(number);
    this.#claimed?.end(number);
  }

  /** For `RangeClaim` only. */
  drawNumber(): number {
    if (this.#siblings !== null) return this.#siblings.drawNumber();
    this.#latest = (this.#latest + 1) | 0;
    return this.#latest;
  }

  get #keeper(): ClaimedMedium {
    this.#claimed ??= new ClaimedMedium(
      this.#medium,
      () => this.drawNumber(),
      () => this.#use(this.#medium),
    );
    return this.#claimed;
  }
}

/** One range, from `begin` to `end`. */
export class RangeClaim {
  readonly #claims: RangeClaims;
  readonly #byteOffset: number;
  readonly #byteLength: number;
  #number: number | null = null;

  constructor(claims: RangeClaims, byteOffset: number, byteLength: number) {
    this.#claims = claims;
    this.#byteOffset = byteOffset;
    this.#byteLength = byteLength;
  }

  /** `granted`: through `medium` it may be read and written now, by nobody else until `end`. */
  begin(granted: (medium: Backstore) => void): void {
    const number = this.#claims.drawNumber();
    this.#number = number;
    const range = { number, byteOffset: this.#byteOffset, byteLength: this.#byteLength };
    this.#claims.begin(range, granted);
  }

  /** Also before it is granted, which it then never is. */
  end(): void {
    if (this.#number !== null) this.#claims.end(this.#number);
    this.#number = null;
  }
}
