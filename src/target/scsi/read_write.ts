/**
 * READ and WRITE: data streams between medium and initiator in chunks, one at a time, through one
 * share of the staging budget. The state objects are pooled and their continuations bound.
 */
import type { DataTaker } from '../../util/data_taker.ts';
import type { StorageFault } from '../storage/backstore.ts';
import { cdbBlockCount, cdbLba, FUA } from './cdb.ts';
import type { Command } from './command.ts';
import { transferable, usableDataOut } from './medium_range.ts';
import { MAX_CHUNK_BYTES, type StagingBuffer } from './staging.ts';

/** State objects of each kind kept for reuse. */
const POOL_SIZE = 256;

/** Shorter pieces are staged: many calls of the system cost more than the copy. */
const TAKES_FROM = 32 * 1024;
/** Pages of the system's cache: to write a part of one costs more, most where it is not cached. */
const PAGE_BYTES = 4096;

const isFua = (cdb: Buffer): boolean =>
  // SBC-3 §5.7: READ(6) and WRITE(6) have LBA bits there.
  (cdb[0] ?? 0) >= 0x20 && ((cdb[1] ?? 0) & FUA) !== 0;

abstract class Transfer {
  protected command: Command | null = null;
  protected staging: StagingBuffer | null = null;
  /** Byte offset on the medium of the first byte. */
  protected start = 0;
  protected total = 0;
  protected moved = 0;
  protected chunk: Buffer | null = null;

  begin(command: Command, start: number, total: number): void {
    this.aim(command, start, total);
    command.stage(Math.min(total, MAX_CHUNK_BYTES), this.onStaged);
  }

  protected aim(command: Command, start: number, total: number): void {
    this.command = command;
    this.start = start;
    this.total = total;
    this.moved = 0;
  }

  /** Null: the command was aborted and is over; so is this object's use. */
  protected live(): Command | null {
    const { command } = this;
    if (command === null || !command.halted()) return command;
    this.recycle();
    return null;
  }

  protected nextChunk(staging: StagingBuffer): Buffer {
    const length = Math.min(staging.memory.length, this.total - this.moved);
    const whole = length === staging.memory.length;
    this.chunk = whole ? staging.memory : staging.memory.subarray(0, length);
    return this.chunk;
  }

  protected fail(command: Command, fault: StorageFault): void {
    const lba = Math.floor((this.start + this.moved) / command.logicalUnit.blockSize);
    this.recycle();
    command.fault(fault, lba);
  }

  protected forget(): void {
    this.command = null;
    this.staging = null;
    this.chunk = null;
  }

  protected readonly onStaged = (staging: StagingBuffer): void => {
    this.staging = staging;
    this.step();
  };

  protected abstract step(): void;
  protected abstract recycle(): void;
}

class ReadTransfer extends Transfer {
  protected override step(): void {
    const { command, staging } = this;
    if (command === null || staging === null) return;
    const { storage } = command.logicalUnit;
    storage.read(this.nextChunk(staging), this.start + this.moved, this.#onRead);
  }

  readonly #onRead = (fault: StorageFault | null): void => {
    const command = this.live();
    const { staging, chunk, moved } = this;
    if (command === null || staging === null || chunk === null) return;
    if (fault !== null) return this.fail(command, fault);
    this.moved += chunk.length;
    const { task } = command;
    if (this.moved < this.total) return task.sendDataIn(chunk, moved, this.#onSent);
    command.countRead(this.total);
    // The status rides with the last data, so the memory stays theirs until it is sent.
    command.handOverStaging();
    this.recycle();
    task.sendDataIn(chunk, moved, staging.release);
    if (!command.halted()) command.good();
  };

  readonly #onSent = (): void => {
    if (this.live() !== null) this.step();
  };

  protected override recycle(): void {
    this.forget();
    if (reads.length < POOL_SIZE) reads.push(this);
  }
}

class WriteTransfer extends Transfer implements DataTaker {
  fua = false;
  /** Bytes from the front of the chunk that are on the medium already. */
  #written = 0;
  /** The medium took what it was given of this chunk. */
  #takes = false;

  /** With others in a row, from where the data was received: false when that cannot be. */
  beginThisTurn(command: Command, data: Buffer, start: number, total: number): boolean {
    const { storage } = command.logicalUnit;
    if (storage.writeThisTurn?.(data, start, this.#onOver) !== true) return false;
    this.fua = false;
    this.aim(command, start, total);
    command.task.holdDataOut();
    return true;
  }

  readonly #onOver = (all: boolean): void => {
    const command = this.live();
    if (command === null) return;
    if (all) return this.#end(command);
    const { task } = command;
    this.begin(command, this.start, this.total);
    task.keepDataOut();
  };

  protected override step(): void {
    const { command, staging } = this;
    if (command === null || staging === null) return;
    this.#written = 0;
    this.#takes = !this.fua;
    command.task.receiveDataOut(this.nextChunk(staging), this.moved, this.#onReceived, this);
  }

  /**
   * To the medium from where it was received, up to a page's end: neither copied nor staged. What
   * was staged before it goes first.
   */
  take(data: Buffer, offset: number): number {
    const { chunk } = this;
    if (chunk === null || !this.#takes || data.length < TAKES_FROM) return 0;
    const at = offset - this.moved;
    const place = this.start + offset;
    let head = 0;
    if (this.#written < at) {
      head = Math.min(data.length, (PAGE_BYTES - (place % PAGE_BYTES)) % PAGE_BYTES);
      data.copy(chunk, at, 0, head);
      if (!this.#writeAtOnce(chunk.subarray(this.#written, at + head))) return head;
    }
    const last = at + data.length === chunk.length;
    const end = last ? data.length : data.length - ((place + data.length) % PAGE_BYTES);
    return this.#writeAtOnce(data.subarray(head, end)) ? end : head;
  }

  /** What follows what is written. Refused once, the rest of the chunk is written in whole. */
  #writeAtOnce(data: Buffer): boolean {
    const { command } = this;
    if (command === null || command.aborting) return (this.#takes = false);
    const place = this.start + this.moved + this.#written;
    this.#takes = command.logicalUnit.storage.writeAtOnce?.(data, place) === true;
    if (this.#takes) this.#written += data.length;
    return this.#takes;
  }

  readonly #onReceived = (ok: boolean): void => {
    const command = this.live();
    const { chunk } = this;
    if (command === null || chunk === null) return;
    if (!ok) {
      this.recycle();
      return command.completeAsIs();
    }
    const written = this.#written;
    if (written === chunk.length) return this.#onWritten(null);
    const { storage } = command.logicalUnit;
    const rest = written === 0 ? chunk : chunk.subarray(written);
    return storage.write(rest, this.start + this.moved + written, this.fua, this.#onWritten);
  };

  readonly #onWritten = (fault: StorageFault | null): void => {
    const command = this.live();
    const { chunk } = this;
    if (command === null || chunk === null) return;
    if (fault !== null) return this.fail(command, fault);
    this.moved += chunk.length;
    if (this.moved < this.total) return this.step();
    return this.#end(command);
  };

  #end(command: Command): void {
    command.countWritten(this.total);
    this.recycle();
    command.good();
  }

  protected override recycle(): void {
    this.forget();
    if (writes.length < POOL_SIZE) writes.push(this);
  }
}

const reads: ReadTransfer[] = [];
const writes: WriteTransfer[] = [];

export function read(command: Command): void {
  const { cdb, task, logicalUnit } = command;
  const lba = cdbLba(cdb);
  const blockCount = cdbBlockCount(cdb);
  if (!transferable(command, lba, blockCount)) return;
  const { blockSize, storage } = logicalUnit;
  task.dataInLength = blockCount * blockSize;
  const total = Math.min(task.dataInLength, task.dataInExpected);
  if (total === 0) return command.good();
  const start = lba * blockSize;
  if (!isFua(cdb) || !storage.writeCache) return beginRead(command, start, total);
  // SBC-3 §4.15: FUA reads the medium, so what the cache holds goes there first.
  return storage.flush((fault) => {
    if (command.halted()) return;
    if (fault !== null) command.fault(fault);
    else beginRead(command, start, total);
  });
}

function beginRead(command: Command, start: number, total: number): void {
  (reads.pop() ?? new ReadTransfer()).begin(command, start, total);
}

export function write(command: Command): void {
  const { cdb, logicalUnit } = command;
  const lba = cdbLba(cdb);
  const blockCount = cdbBlockCount(cdb);
  if (!transferable(command, lba, blockCount)) return;
  const { blockSize } = logicalUnit;
  const total = usableDataOut(command, blockCount * blockSize);
  if (total < 0) return;
  if (total === 0) return command.good();
  const start = lba * blockSize;
  const fua = isFua(cdb);
  // Straight from where the data was received, without a copy and without staging memory.
  const data = fua ? null : command.task.dataOutHere(total);
  const transfer = writes.pop() ?? new WriteTransfer();
  if (data !== null && transfer.beginThisTurn(command, data, start, total)) return;
  if (data !== null && logicalUnit.storage.writeAtOnce?.(data, start) === true) {
    writes.push(transfer);
    command.countWritten(total);
    return command.good();
  }
  transfer.fua = fua;
  return transfer.begin(command, start, total);
}
