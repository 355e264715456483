/**
 * What a medium works on and has not answered yet, by the bytes that it touches; and who waits
 * until nothing touches theirs.
 */

export interface Span {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** For `UnderWay` only: where it has it. */
  place: number;
}

interface Waiting {
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly clear: () => void;
}

export class UnderWay {
  readonly #spans: Span[] = [];
  #waiting: Waiting[] = [];

  begins(span: Span): void {
    span.place = this.#spans.push(span) - 1;
  }

  /** The last takes its place: they have no order. */
  ends(span: Span): void {
    const last = this.#spans.pop();
    if (last !== undefined && last !== span) {
      this.#spans[span.place] = last;
      last.place = span.place;
    }
    if (this.#waiting.length > 0) this.#tell();
  }

  /** `clear` follows once nothing touches these bytes, after those who are answered by that. */
  whenClear(byteOffset: number, byteLength: number, clear: () => void): void {
    const waiting = { byteOffset, byteLength, clear };
    if (this.#isClear(waiting)) clear();
    else this.#waiting.push(waiting);
  }

  #tell(): void {
    const clear = this.#waiting.filter((each) => this.#isClear(each));
    if (clear.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => !clear.includes(each));
    for (const each of clear) queueMicrotask(each.clear);
  }

  #isClear(range: Waiting): boolean {
    return !this.#spans.some((span) => overlap(span, range));
  }
}

export interface ByteRange {
  readonly byteOffset: number;
  readonly byteLength: number;
}

export function overlap(a: ByteRange, b: ByteRange): boolean {
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}
