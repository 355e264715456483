/** What a medium behind file descriptors is made of, and the plain things that are done to them. */
import fs from 'node:fs';
import type { Done, StorageFault } from './backstore.ts';
import type { DevicePulse } from './device_pulse.ts';
import type { Hold } from './hold.ts';
import type { IoSlots } from './io_slots.ts';
import type { ReadRing } from './read_ring.ts';
import type { Syscalls } from './syscalls.ts';

const ZERO_CHUNK = Buffer.alloc(1024 * 1024);

export interface FdMediumOptions {
  readonly path: string;
  /** Read, cached writes, flush. */
  readonly fd: number;
  /** Durable writes; -1 on a read-only medium. */
  readonly durableFd: number;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly writeCache: boolean;
  readonly hold: Hold | null;
  /** Other data threads write to it as well. */
  readonly shared?: boolean | undefined;
  readonly lost: (fault: StorageFault) => void;
  /**
   * False: behind a network or another process, whose silence would hold up the event loop. Only
   * calls that never wait are made there.
   */
  readonly local: boolean;
  /** Of the device, where others are on it too. */
  readonly pulse?: DevicePulse;
  /** Of what was opened, as `identityOf` gives it. */
  readonly identity?: string;
  /** After closing: the pulse is no longer used. */
  readonly left?: () => void;
  /** Absent: this thread's. */
  readonly ring?: ReadRing | null;
  /** Absent: as loaded. */
  readonly syscalls?: Syscalls | null;
  /** Absent: those that all media of this process share. */
  readonly slots?: IoSlots;
  readonly nowMs?: () => number;
}

/** What a name must lead to for being the same file or device. */
export function identityOf(found: fs.Stats): string {
  return found.isBlockDevice() ? `device ${found.rdev}` : `file ${found.dev}:${found.ino}`;
}

/** What close reports is nothing that was not said by the flush before it. */
export function closeFd(fd: number): Promise<void> {
  return new Promise((resolve) => fs.close(fd, () => resolve()));
}

/** Chunk by chunk; `write` makes each. */
export function writeZeros(
  byteOffset: number,
  byteLength: number,
  write: (chunk: Buffer, byteOffset: number, done: Done) => void,
  done: Done,
): void {
  let at = 0;
  const step = (fault: StorageFault | null): void => {
    if (fault !== null || at === byteLength) return done(fault);
    const length = Math.min(ZERO_CHUNK.length, byteLength - at);
    const chunk = length === ZERO_CHUNK.length ? ZERO_CHUNK : ZERO_CHUNK.subarray(0, length);
    const offset = byteOffset + at;
    at += length;
    return write(chunk, offset, step);
  };
  step(null);
}
