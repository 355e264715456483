/**
 * System calls that only several data threads need, of the same optional package as `syscalls.ts`.
 * Without it there is one data thread.
 */
import { KOFFI } from '../../util/koffi.ts';

export interface ThreadCalls {
  /** A second descriptor of what `fd` names; -1: there is none to be had. */
  duplicate(fd: number): number;
  /** The memory reads as zeros; whole pages of it are given back to the system. */
  giveBack(memory: Buffer): void;
}

const F_DUPFD_CLOEXEC = 1030;
const MADV_DONTNEED = 4;

function bind(): ThreadCalls | null {
  const koffi = KOFFI;
  if (koffi === null) return null;
  try {
    const libc = koffi.load('libc.so.6');
    const fcntl = libc.func('int fcntl(int fd, int command, int argument)');
    const madvise = libc.func('int madvise(void *address, size_t length, int advice)');
    const pageBytes = libc.func('int getpagesize()')();
    return {
      duplicate: (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 0),
      giveBack(memory) {
        const within = Number(koffi.address(memory) % BigInt(pageBytes));
        const start = (pageBytes - within) % pageBytes;
        const pages = Math.max(0, Math.floor((memory.length - start) / pageBytes));
        const end = start + pages * pageBytes;
        // Anonymous memory that was dropped reads as zeros.
        const whole = memory.subarray(start, end);
        const dropped = pages > 0 && madvise(whole, whole.length, MADV_DONTNEED) === 0;
        if (!dropped) memory.fill(0);
        else memory.fill(0, 0, start).fill(0, end);
      },
    };
  } catch {
    return null;
  }
}

/** Null: there is no package, or not for this machine. */
export const THREAD_CALLS: ThreadCalls | null = bind();
