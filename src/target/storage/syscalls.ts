/**
 * The optional binding to system calls that Node lacks, in one place and loaded once. Every caller
 * has a plain way for when it is absent.
 */
import { constants, endianness } from 'node:os';
import { KOFFI } from '../../util/koffi.ts';
import { THREAD_SWITCHES } from '../../util/thread_switches.ts';

/** `res` 0: done; else failed, for a reason that the plain way will find out. */
type AsyncResult = (error: Error | null, result: number) => void;

export interface Syscalls {
  /** fallocate(2) off the event loop. */
  fallocate(fd: number, mode: number, offset: number, length: number, done: AsyncResult): void;
  /** lseek SEEK_DATA: where data begins at or after `offset`; null: only holes follow. */
  seekData(fd: number, offset: number): number | null;
  /** lseek SEEK_HOLE: where the next hole begins, which the end of the file counts as. */
  seekHole(fd: number, offset: number): number | null;
  /** flock(2) exclusively, without waiting. False: another process holds it. */
  lockExclusively(fd: number): boolean;
  /** ioctl BLKGETSIZE64: bytes, or -1. */
  blockDeviceSize(fd: number): number;
  /** ioctl BLKROGET, or null when it cannot be asked. */
  blockDeviceReadOnly(fd: number): boolean | null;
  /**
   * preadv2(2) with RWF_NOWAIT: what the page cache has, without waiting for the device. Gives the
   * bytes read, 0 when there are none, `NO_READ_NOW` when that cannot be asked of this file.
   */
  readNow(fd: number, into: Buffer, byteOffset: number): number;
  /** As `readNow`, into `count` buffers from number `first` on, at most `MAX_RUN_PIECES`. */
  readRunNow(
    fd: number,
    into: readonly Buffer[],
    first: number,
    count: number,
    byteOffset: number,
  ): number;
  /** getrusage(2): how often this thread gave up its core to wait for something. */
  voluntarySwitches(): number;
}

export const NO_READ_NOW = -1;
/** Buffers of one gathered call. */
export const MAX_RUN_PIECES = 64;

export const FALLOCATE = { RESERVE: 0, PUNCH_HOLE_KEEP_SIZE: 3 } as const;

const LOCK_EX_NB = 2 | 4;
const { EAGAIN, ENXIO } = constants.errno;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const BLKGETSIZE64 = 0x8008_1272;
const BLKROGET = 0x125e;
/** preadv2(2): no read waits for the device. */
export const RWF_NOWAIT = 0x08;
const LOW_WORD = endianness() === 'LE' ? 0 : 1;

const NOTHING = Buffer.alloc(0);

function bind(): Syscalls | null {
  const koffi = KOFFI;
  const switches = THREAD_SWITCHES;
  if (koffi === null || switches === null) return null;
  try {
    const libc = koffi.load('libc.so.6');
    const fallocate = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
    const lseek = libc.func('int64_t lseek(int fd, int64_t offset, int whence)');
    const flock = libc.func('int flock(int fd, int operation)');
    const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
    const preadv2 = libc.func(
      'int64_t preadv2(int fd, void *vector, int count, int64_t offset, int flags)',
    );
    // struct iovec: address and length, in the machine's own words.
    const vector = new BigUint64Array(2 * MAX_RUN_PIECES);
    // Their halves: a length fits into one, and a BigInt for it would cost a tenth of the call.
    const halves = new Uint32Array(vector.buffer);
    const describe = (piece: number, buffer: Buffer): void => {
      vector[2 * piece] = koffi.address(buffer);
      halves[4 * piece + 2 + LOW_WORD] = buffer.length;
    };
    const fill = (fd: number, pieces: number, byteOffset: number): number => {
      const bytesRead = preadv2(fd, vector, pieces, byteOffset, RWF_NOWAIT);
      if (bytesRead >= 0) return bytesRead;
      return koffi.errno() === EAGAIN ? 0 : NO_READ_NOW;
    };
    const ask = (fd: number, request: number, answer: Buffer): boolean =>
      ioctl(fd, request, answer) === 0;
    return {
      fallocate: (fd, mode, offset, length, done) =>
        fallocate.async(fd, mode, offset, length, done),
      seekData(fd, offset) {
        const found = Number(lseek(fd, offset, SEEK_DATA));
        if (found >= 0) return found;
        // Any other failure means that nothing is known about holes.
        return koffi.errno() === ENXIO ? null : offset;
      },
      seekHole(fd, offset) {
        const found = Number(lseek(fd, offset, SEEK_HOLE));
        return found >= 0 ? found : null;
      },
      lockExclusively: (fd) => flock(fd, LOCK_EX_NB) === 0 || koffi.errno() !== EAGAIN,
      blockDeviceSize(fd) {
        const answer = Buffer.alloc(8);
        if (!ask(fd, BLKGETSIZE64, answer)) return -1;
        return Number(answer.readBigUInt64LE());
      },
      blockDeviceReadOnly(fd) {
        const answer = Buffer.alloc(4);
        return ask(fd, BLKROGET, answer) ? answer.readInt32LE() !== 0 : null;
      },
      voluntarySwitches: () => switches.voluntary(),
      readNow(fd, into, byteOffset) {
        describe(0, into);
        return fill(fd, 1, byteOffset);
      },
      readRunNow(fd, into, first, count, byteOffset) {
        for (let at = 0; at < count; at++) describe(at, into[first + at] ?? NOTHING);
        return fill(fd, count, byteOffset);
      },
    };
  } catch {
    return null;
  }
}

/** Null: not installed, or not for this machine. */
export const SYSCALLS: Syscalls | null = bind();

/** For `info`. */
export const SYSCALLS_CHOICE: string = SYSCALLS === null ? 'none' : 'koffi';
