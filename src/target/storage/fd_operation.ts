/** One read or write on the pool's threads; short ones are continued until all is moved. */
import fs from 'node:fs';
import type { Done, StorageFault } from './backstore.ts';
import type { OsError } from './os_error.ts';

/** Operation objects kept for reuse. */
const POOL_SIZE = 256;
const NO_BUFFER = Buffer.alloc(0);

/** The medium, as its operations see it. */
export interface OperationOwner {
  failed(error: OsError, writing: boolean): StorageFault;
  endedEarly(): StorageFault;
  operationOver(operation: Operation): void;
}

export class Operation {
  owner: OperationOwner | null = null;
  fd = -1;
  buffer: Buffer = NO_BUFFER;
  byteOffset = 0;
  /** Bytes that are done, here or before the pool was asked. */
  moved = 0;
  writing = false;
  /** A write to the page cache: a later flush must cover it. */
  cached = false;
  done: Done | null = null;

  static acquire(): Operation {
    return pool.pop() ?? new Operation();
  }

  start(): void {
    const { fd, buffer, moved, byteOffset } = this;
    const length = buffer.length - moved;
    if (this.writing) fs.write(fd, buffer, moved, length, byteOffset + moved, this.#onWritten);
    else fs.read(fd, buffer, moved, length, byteOffset + moved, this.#onRead);
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
    this.buffer = NO_BUFFER;
    if (pool.length < POOL_SIZE) pool.push(this);
    done?.(fault);
  }
}

const pool: Operation[] = [];
