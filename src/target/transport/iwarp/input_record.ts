/** What came in since the beginning, as long as it is little: for beginning anew elsewhere. */

/** An MPA frame and the longest iSER message in frames of the smallest segments. */
export const MAX_RECORDED_BYTES = 32 * 1024;

export class InputRecord {
  readonly #chunks: Buffer[] = [];
  #length = 0;

  /** `chunk` is lent. */
  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length <= MAX_RECORDED_BYTES) this.#chunks.push(Buffer.from(chunk));
    else this.#chunks.length = 0;
  }

  /** Null: it has become too much. */
  get bytes(): Buffer | null {
    return this.#length > MAX_RECORDED_BYTES ? null : Buffer.concat(this.#chunks);
  }
}
