/**
 * Two ends of a stream in memory, as much of a socket as the transports use. Bytes arrive in cuts
 * of the caller's choosing, so that framing is tested at every one.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export interface PairOptions {
  /** Bytes of the next chunk that an end gets; all that is there by default. */
  readonly cut?: () => number;
}

class End extends Duplex {
  other: End | null = null;
  readonly #cut: () => number;
  /** Everything written here, for looking at the wire. */
  readonly written: Buffer[] = [];

  constructor(cut: () => number) {
    super({ allowHalfOpen: false, emitClose: true });
    this.#cut = cut;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const copy = Buffer.from(chunk);
    this.written.push(copy);
    for (let at = 0; at < copy.length;) {
      const end = Math.min(copy.length, at + Math.max(1, this.#cut()));
      if (this.other?.destroyed === false) this.other.push(copy.subarray(at, end));
      at = end;
    }
    setImmediate(done);
  }

  override _final(done: () => void): void {
    if (this.other?.destroyed === false) this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    this.other = null;
    if (other !== null && !other.destroyed) setImmediate(() => other.destroy());
    done(error);
  }
}

export interface SocketPair {
  readonly near: Socket;
  readonly far: Socket;
  /** All bytes written to an end so far. */
  readonly wire: { near(): Buffer; far(): Buffer };
}

export function socketPair({ cut = () => Infinity }: PairOptions = {}): SocketPair {
  const near = new End(cut);
  const far = new End(cut);
  near.other = far;
  far.other = near;
  for (const end of [near, far]) end.on('error', () => {});
  return {
    near: near as unknown as Socket,
    far: far as unknown as Socket,
    wire: {
      near: () => Buffer.concat(near.written),
      far: () => Buffer.concat(far.written),
    },
  };
}

/** Lets everything under way arrive. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await new Promise((resolve) => setImmediate(resolve));
}
