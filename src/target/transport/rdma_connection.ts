/**
 * RDMA as its users see it, whoever provides it: memory that a peer may reach only by a tag given
 * to it, messages into buffers that were posted for them, and data moved straight into memory. No
 * provider's words here, and nothing of what is carried.
 */

/** Memory of the peer: the tag that it gave, and a 64-bit address in two halves. */
export interface RemoteBuffer {
  readonly stag: number;
  readonly high: number;
  readonly low: number;
}

/** What a peer may do with a region. Nothing that is not named here. */
export interface RegionAccess {
  readonly remoteRead?: boolean;
  readonly remoteWrite?: boolean;
}

/** Memory under a tag. Only `length` bytes at its address exist for the peer. */
export interface MemoryRegion extends RemoteBuffer {
  readonly memory: Buffer;
  /** False once invalidated, by us or by the peer: the tag reaches nothing any more. */
  readonly valid: boolean;
}

/** An RDMA Read under way, for giving it up. */
export interface PendingRead {
  readonly length: number;
}

/** `flushed`: the connection ended first. */
export type ReadOutcome = 'done' | 'flushed';

/** Calls from the provider, all from its own events. */
export interface RdmaEvents {
  /** May be used from now on. `privateData` is what the peer said when connecting. */
  established(privateData: Buffer): void;
  /**
   * A message fills the first bytes of the buffer that was posted for it; the buffer is the
   * receiver's again. `invalidated`: the tag of ours that the peer gave back, or null. `solicited`:
   * the peer wants it looked at soon.
   */
  received(buffer: Buffer, length: number, invalidated: number | null, solicited: boolean): void;
  /** A call from below threw: our own mistake. This connection is to end, the process to go on. */
  internalError(error: unknown): void;
  /** Once, last of all calls. */
  disconnected(why: string): void;
}

export interface RdmaConnection {
  /** For `info`: `iwarp (user space)`. */
  readonly provider: string;
  /** When bytes last came in, by the clock. */
  readonly heardMs: number;
  /** RDMA Reads that may be under way to the peer at a time; more wait their turn. */
  readonly maxOutgoingReads: number;
  /** The peer says by other means that it serves fewer. */
  limitOutgoingReads(count: number): void;
  /** Bytes queued for the peer and not yet taken by the system. */
  readonly queuedBytes: number;

  /** Null: there are as many regions as there may be. */
  register(memory: Buffer, access: RegionAccess): MemoryRegion | null;
  invalidate(region: MemoryRegion): void;

  /** One message of the peer goes into `buffer`. A message that finds none ends the connection. */
  postReceive(buffer: Buffer): void;
  /** `message` is copied. `invalidate`: a tag of the peer that it takes back with this message. */
  send(message: Buffer, invalidate: number | null, solicited?: boolean): void;
  /** `data` goes to `offset` of the peer's memory, and must not change until `done`. */
  write(data: Buffer, remote: RemoteBuffer, offset: number, done: () => void): void;
  /**
   * Fills `into` from `offset` of the peer's memory. Reads end in the order they were asked for;
   * sends and writes leave in theirs. A read that waits its turn does not hold those back.
   */
  read(
    into: Buffer,
    remote: RemoteBuffer,
    offset: number,
    done: (outcome: ReadOutcome) => void,
  ): PendingRead | null;
  /** No byte is placed for it any more. Its `done` still comes, once the peer has answered. */
  abandonRead(read: PendingRead): void;

  /** `graceful`: what is queued goes out first. */
  disconnect(graceful: boolean): void;
}

const HALF = 2 ** 32;

/** Writes the 64-bit address `offset` bytes behind one given in halves. */
export function writeAddress(into: Buffer, at: number, base: RemoteBuffer, offset: number): void {
  const low = base.low + (offset % HALF);
  const high = base.high + Math.floor(offset / HALF) + (low >= HALF ? 1 : 0);
  into.writeUInt32BE(high >>> 0, at);
  into.writeUInt32BE(low >>> 0, at + 4);
}

/** Bytes from `base` to an address; NaN or what no length allows if it lies elsewhere. */
export function distanceFrom(base: RemoteBuffer, high: number, low: number): number {
  return (high - base.high) * HALF + (low - base.low);
}

/** Whether `length` bytes at an address run over the end of the address space. */
export function wraps(high: number, low: number, length: number): boolean {
  return high === HALF - 1 && low + length > HALF;
}
