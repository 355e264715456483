/** Newline-delimited JSON: the framing of the control socket. */

/** A document of 10,000 LUNs is about 3 MiB; the peer is the same user or root. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Cuts a byte stream into lines; holds at most `maxBytes` of an unfinished one. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The lines completed by `chunk`, or undefined when a line is too long: give up the stream. */
  push(chunk: Buffer): string[] | undefined {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = end < 0 ? chunk.subarray(start) : chunk.subarray(start, end);
      if (this.#length + part.length > this.#maxBytes) return undefined;
      if (part.length > 0) this.#parts.push(part);
      this.#length += part.length;
      if (end < 0) return lines;
      lines.push(this.#take());
      start = end + 1;
    }
  }

  #take(): string {
    const only = this.#parts.length === 1 ? this.#parts[0] : undefined;
    const line = (only ?? Buffer.concat(this.#parts)).toString('utf8');
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}

export function encodeLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}
