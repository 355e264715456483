/**
 * RDMA Reads of ours (RFC 5040 §5.2): at most as many under way as the peer serves, the others
 * wait. Responses come in the order of the requests, without gap: nothing else is placed.
 */
import type { PendingRead, ReadOutcome, RemoteBuffer } from '../rdma_connection.ts';
import type { DdpSegment } from './ddp.ts';
import { FAULT, type Fault } from './terminate.ts';

/** Reads of one connection, under way or waiting. */
export const MAX_PENDING_READS = 4096;

export interface Read extends PendingRead {
  readonly remote: RemoteBuffer;
  readonly offset: number;
  readonly sinkStag: number;
  /** Null: given up, the response is dropped. */
  into: Buffer | null;
  received: number;
  readonly done: (outcome: ReadOutcome) => void;
}

export class ReadQueue {
  /** ORD: how many may be under way. */
  limit = 0;
  readonly #issue: (read: Read) => void;
  /** Oldest first; those before `#issued` are under way. */
  readonly #reads: Read[] = [];
  #issued = 0;

  /** `issue` sends the request. */
  constructor(issue: (read: Read) => void) {
    this.#issue = issue;
  }

  get size(): number {
    return this.#reads.length;
  }

  /** False: too many, or none can ever be served. */
  add(read: Read): boolean {
    if (this.limit === 0 || this.#reads.length >= MAX_PENDING_READS) return false;
    this.#reads.push(read);
    this.#pump();
    return true;
  }

  abandon(read: PendingRead): void {
    const found = this.#reads.find((one) => one === read);
    if (found !== undefined) found.into = null;
  }

  /** What is wrong with a segment of a Read Response; null: it fits the oldest read. */
  faultOf(segment: DdpSegment): Fault | null {
    const read = this.#issued > 0 ? this.#reads[0] : undefined;
    if (read === undefined || segment.stag !== read.sinkStag) return FAULT.taggedInvalidStag;
    const { payloadLength } = segment;
    // The sink begins at offset 0 of its tag, and TCP keeps the order.
    if (segment.high !== 0 || segment.low !== read.received) return FAULT.taggedOutOfBounds;
    const received = read.received + payloadLength;
    if (received > read.length || segment.last !== (received === read.length)) {
      return FAULT.taggedOutOfBounds;
    }
    return null;
  }

  /** Payload of a segment that fits, or a part of it: bytes `from` to `to`. */
  place(bytes: Buffer, from: number, to: number): void {
    const read = this.#reads[0];
    if (read === undefined) return;
    if (read.into !== null) bytes.copy(read.into, read.received, from, to);
    read.received += to - from;
  }

  /** All of a segment that fits is placed. */
  placed(): void {
    const read = this.#reads[0];
    if (read !== undefined && read.received === read.length) this.#finish(read);
  }

  /** The connection is over. */
  flush(): void {
    const flushed = this.#reads.splice(0);
    this.#issued = 0;
    for (const read of flushed) read.done('flushed');
  }

  #finish(read: Read): void {
    this.#reads.shift();
    this.#issued--;
    this.#pump();
    read.done('done');
  }

  #pump(): void {
    while (this.#issued < this.limit) {
      const next = this.#reads[this.#issued];
      if (next === undefined) return;
      this.#issued++;
      this.#issue(next);
    }
  }
}
