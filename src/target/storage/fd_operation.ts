/**
 * One read or write that waits for the device, in the ring or on a thread of the pool; short ones
 * are continued until all is moved.
 */
import fs from 'node:fs';
import type { Done, StorageFault } from './backstore.ts';
import type { IoLane } from './io_slots.ts';
import type { OsError } from './os_error.ts';
import type { ReadRing } from './read_ring.ts';
import type { Span } from './under_way.ts';

/** Operation objects kept for reuse. */
const POOL_SIZE = 256;
const NO_BUFFER = Buffer.alloc(0);

/** The medium, as its operations see it. */
export interface OperationOwner {
  /** Its turn has come: from here on it waits for the device. */
  operationBegins(): void;
  failed(error: OsError, writing: boolean): StorageFault;
  endedEarly(): StorageFault;
  operationOver(operation: Operation): void;
  /** The ring could not: the operation waits for a thread instead. */
  leftRing(operation: Operation): void;
}

export class Operation implements Span {
  owner: OperationOwner | null = null;
  fd = -1;
  buffer: Buffer = NO_BUFFER;
  byteOffset = 0;
  /** For `UnderWay` only. */
  place = -1;
  /** Bytes that are done, here or before the pool was asked. */
  moved = 0;
  writing = false;
  /** A write to the page cache: a later flush must cover it. */
  cached = false;
  done: Done | null = null;
  /** Its turn had come before. */
  begun = false;
  /** Whose slot it has or waits for. */
  lane: IoLane | null = null;
  /** Null: a thread of the pool. */
  ring: ReadRing | null = null;

  get byteLength(): number {
    return this.buffer.length;
  }

  static acquire(): Operation {
    return pool.pop() ?? new Operation();
  }

  start(): void {
    if (!this.begun) this.owner?.operationBegins();
    this.begun = true;
    if (this.ring !== null) {
      if (!this.ring.read(this)) this.#leaveRing();
      return;
    }
    const { fd, buffer, moved, byteOffset } = this;
    const length = buffer.length - moved;
    if (this.writing) fs.write(fd, buffer, moved, length, byteOffset + moved, this.#onWritten);
    else fs.read(fd, buffer, moved, length, byteOffset + moved, this.#onRead);
  }

  /** For the ring only. What went wrong is for a thread to meet again and to name. */
  ringDone(result: number): void {
    if (result > 0) this.#advance(result);
    else if (result === 0) this.#finish(this.owner?.endedEarly() ?? null);
    else this.#leaveRing();
  }

  #leaveRing(): void {
    this.ring = null;
    this.owner?.leftRing(this);
  }

  readonly #onRead = (error: OsError | null, bytesRead: number): void => {
    if (error !== null) return this.#failed(error);
    if (bytesRead === 0) return this.#finish(this.owner?.endedEarly() ?? null);
    return this.#advance(bytesRead);
  };

  readonly #onWritten = (error: OsError | null, bytesWritten: number): void => {
    if (error !== null) this.#failed(error);
    else this.#advance(bytesWritten);
  };

  #advance(bytes: number): void {
    this.moved += bytes;
    if (this.moved < this.buffer.length) this.start();
    else this.#finish(null);
  }

  #failed(error: OsError): void {
    this.#finish(this.owner?.failed(error, this.writing) ?? null);
  }

  #finish(fault: StorageFault | null): void {
    const { owner, done } = this;
    owner?.operationOver(this);
    this.owner = null;
    this.done = null;
    this.begun = false;
    this.lane = null;
    this.ring = null;
    this.buffer = NO_BUFFER;
    if (pool.length < POOL_SIZE) pool.push(this);
    done?.(fault);
  }
}

const pool: Operation[] = [];
