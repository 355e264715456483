/**
 * What the page cache of one file or device can do at once, within the call. Errors are left for a
 * thread to meet and name: none is told here.
 */
import fs from 'node:fs';
import type { FdMediumOptions } from './fd_file.ts';
import { Pace } from './pace.ts';
import { NO_READ_NOW, SYSCALLS, type Syscalls } from './syscalls.ts';

/** Longer than this, a read of what should be cached has waited for the device. */
const SLOW_READ_MS = 1;
/** A write to the page cache that takes longer waits for memory or the file system's journal. */
const SLOW_WRITE_MS = 4;

/** After so many reads in a row of what the page cache had not, it is asked only now and then. */
const COLD_AFTER = 8;
const ASK_EVERY = 16;

type Options = Pick<FdMediumOptions, 'fd' | 'local' | 'syscalls'>;

export class PageCache {
  readonly #fd: number;
  readonly #local: boolean;
  readonly #syscalls: Syscalls | null;
  readonly #readPace: Pace;
  readonly #writePace: Pace;
  #asks: boolean;
  /** Reads since it last had what was asked for. */
  #misses = 0;

  constructor({ fd, local, syscalls = SYSCALLS }: Options, nowMs: () => number) {
    this.#fd = fd;
    this.#local = local;
    this.#syscalls = syscalls;
    this.#asks = syscalls !== null;
    const waits = syscalls?.voluntarySwitches ?? null;
    this.#readPace = new Pace(SLOW_READ_MS, nowMs, waits);
    this.#writePace = new Pace(SLOW_WRITE_MS, nowMs, waits);
  }

  /** It can be asked for what it has, without ever waiting. */
  get asks(): boolean {
    return this.#asks;
  }

  /** The last reads found nothing in it. */
  get cold(): boolean {
    return this.#misses > COLD_AFTER;
  }

  hit(): void {
    this.#misses = 0;
  }

  missed(): void {
    this.#misses++;
  }

  /** A read comes that may go elsewhere: now and then even a cold one is asked. */
  worthAsking(): boolean {
    return ++this.#misses <= COLD_AFTER || this.#misses % ASK_EVERY === 0;
  }

  /** Bytes that could be read without waiting. */
  readNow(into: Buffer, byteOffset: number): number {
    if (this.#asks && this.#syscalls !== null) {
      const bytesRead = this.#syscalls.readNow(this.#fd, into, byteOffset);
      if (bytesRead === into.length) this.#misses = 0;
      if (bytesRead !== NO_READ_NOW) return bytesRead;
      this.#asks = false;
    }
    if (!this.#local || !this.#readPace.begin()) return 0;
    try {
      return fs.readSync(this.#fd, into, 0, into.length, byteOffset);
    } catch {
      return 0;
    } finally {
      this.#readPace.took();
    }
  }

  /** As `readNow`, into `count` buffers from number `first` on; none is read any other way. */
  readRunNow(into: readonly Buffer[], first: number, count: number, byteOffset: number): number {
    if (this.#syscalls === null) return 0;
    const bytesRead = this.#syscalls.readRunNow(this.#fd, into, first, count, byteOffset);
    if (bytesRead > 0) this.#misses = 0;
    if (bytesRead === NO_READ_NOW) this.#asks = false;
    return bytesRead;
  }

  /** Bytes that were written, while such writes are quick. */
  writeNow(from: Buffer | readonly Buffer[], byteOffset: number): number {
    if (!this.#local || !this.#writePace.begin()) return 0;
    try {
      return Buffer.isBuffer(from)
        ? fs.writeSync(this.#fd, from, 0, from.length, byteOffset)
        : fs.writevSync(this.#fd, from, byteOffset);
    } catch {
      return 0;
    } finally {
      this.#writePace.took();
    }
  }
}
