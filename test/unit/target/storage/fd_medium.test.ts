import fs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StorageFault } from '../../../../src/target/storage/backstore.ts';
import { FdMedium } from '../../../../src/target/storage/fd_medium.ts';
import { DevicePulse } from '../../../../src/target/storage/device_pulse.ts';
import { IoSlots } from '../../../../src/target/storage/io_slots.ts';
import type { ReadRing, RingRead } from '../../../../src/target/storage/read_ring.ts';
import { NO_READ_NOW, SYSCALLS, type Syscalls } from '../../../../src/target/storage/syscalls.ts';
import { deallocateOn, flushOf, readFrom, writeTo } from '../../../compliance/backstore.ts';
import { NO_SYSCALLS, unless } from '../../../support/unless.ts';

const SIZE = 1024 * 1024;
const PATTERN = Buffer.from(Array.from({ length: SIZE }, (_, index) => (index * 7) % 253));
let folder = '';
let now = 0;
const opened: FdMedium[] = [];
beforeEach(() => {
  now = 0;
  folder = mkdtempSync(join(tmpdir(), 'medium-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const medium of opened.splice(0)) await medium.close();
  rmSync(folder, { recursive: true });
});

interface Shape {
  readonly slots?: IoSlots;
  readonly local?: boolean;
  readonly pulse?: DevicePulse;
  readonly ring?: ReadRing | null;
}

function openMedium(syscalls: Syscalls | null, shape: Shape = {}): FdMedium {
  const path = join(folder, `disk${opened.length}.img`);
  fs.writeFileSync(path, PATTERN);
  const medium = new FdMedium({
    path,
    fd: fs.openSync(path, 'r+'),
    durableFd: fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_DSYNC),
    sizeBytes: SIZE,
    readOnly: false,
    writeCache: true,
    hold: null,
    lost: () => {},
    local: true,
    ring: null,
    syscalls,
    slots: new IoSlots(4),
    nowMs: () => now,
    ...shape,
  });
  opened.push(medium);
  return medium;
}

/** Reads now what `cached` says is there: so many bytes. */
function pretending(cached: (into: Buffer, at: number) => number): Syscalls {
  if (SYSCALLS === null) throw new Error('no system calls');
  return { ...SYSCALLS, readNow: (_fd, into, at) => cached(into, at) };
}

const within = (run: (done: (fault: StorageFault | null) => void) => void): boolean => {
  let over = false;
  run((fault) => (over = fault === null));
  return over;
};

describe('what the page cache has', unless(NO_SYSCALLS), () => {
  test('is read within the call, and right', () => {
    const medium = openMedium(SYSCALLS);
    const into = Buffer.alloc(70_000);
    expect(within((done) => medium.read(into, 12_288, done))).toBe(true);
    expect(into.equals(PATTERN.subarray(12_288, 82_288))).toBe(true);
  });

  test('may be a part: the pool reads the rest', async () => {
    const read = vi.spyOn(fs, 'read');
    const medium = openMedium(
      pretending((into, at) => PATTERN.copy(into, 0, at, at + Math.min(700, into.length))),
    );
    const into = Buffer.alloc(4096);
    expect(await readFrom(medium, into, 8192)).toBeNull();
    expect(into.equals(PATTERN.subarray(8192, 12_288))).toBe(true);
    expect(read).toHaveBeenCalledOnce();
    expect(read.mock.calls[0]?.slice(2, 5)).toEqual([700, 3396, 8892]);
  });

  test('may be nothing: the event loop does not wait for the device', async () => {
    const readSync = vi.spyOn(fs, 'readSync');
    const medium = openMedium(pretending(() => 0));
    const into = Buffer.alloc(4096);
    let over = false;
    const done = readFrom(medium, into, 8192).then((fault) => {
      over = true;
      return fault;
    });
    expect(over).toBe(false);
    expect(await done).toBeNull();
    expect(into.equals(PATTERN.subarray(8192, 12_288))).toBe(true);
    expect(readSync).not.toHaveBeenCalled();
  });

  test('cannot be asked of every file: then reads are tried while they are quick', async () => {
    const readSync = vi.spyOn(fs, 'readSync').mockImplementation(((_fd, into: Buffer) => {
      now += 300;
      return into.length;
    }) as typeof fs.readSync);
    const read = vi.spyOn(fs, 'read');
    const asked = vi.fn(() => NO_READ_NOW);
    const medium = openMedium(pretending(asked));
    const readOne = () => readFrom(medium, Buffer.alloc(4096), 0);
    await readOne();
    await readOne();
    expect(asked).toHaveBeenCalledOnce();
    expect([readSync.mock.calls.length, read.mock.calls.length]).toEqual([1, 1]);
    now += 1000;
    await readOne();
    expect([readSync.mock.calls.length, read.mock.calls.length]).toEqual([2, 1]);
  });
});

/** A ring that keeps what it is asked for. */
class KeepingRing {
  readonly slots = new IoSlots(8);
  readonly reads: RingRead[] = [];
  read(read: RingRead): boolean {
    this.reads.push(read);
    return true;
  }
  answer(result?: number): void {
    for (const read of this.reads.splice(0)) {
      const { buffer, moved, byteOffset } = read;
      const length = result ?? Math.min(600, buffer.length - moved);
      if (length > 0) PATTERN.copy(buffer, moved, byteOffset + moved, byteOffset + moved + length);
      read.ringDone(length);
    }
  }
}

describe('reads that wait for the device', unless(NO_SYSCALLS), () => {
  const setup = (shape: Shape = {}) => {
    const ring = new KeepingRing();
    const asked = vi.fn(() => 0);
    const medium = openMedium(pretending(asked), { ...shape, ring: ring as unknown as ReadRing });
    return { ring, asked, medium, pool: vi.spyOn(fs, 'read') };
  };
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

  test('wait in the ring, which goes on after a short answer', async () => {
    const { ring, medium, pool } = setup();
    const into = Buffer.alloc(1024);
    const done = readFrom(medium, into, 4096);
    ring.answer();
    expect(ring.reads.map(({ moved }) => moved)).toEqual([600]);
    ring.answer();
    expect(await done).toBeNull();
    expect(into.equals(PATTERN.subarray(4096, 5120))).toBe(true);
    expect(pool).not.toHaveBeenCalled();
  });

  test('fall to a thread when the ring refuses or fails, which names the error', async () => {
    const { ring, medium, pool } = setup();
    const into = Buffer.alloc(1024);
    const failed = readFrom(medium, into, 0);
    ring.answer(-5);
    expect(await failed).toBeNull();
    expect(into.equals(PATTERN.subarray(0, 1024))).toBe(true);
    ring.read = () => false;
    expect(await readFrom(medium, into, 8192)).toBeNull();
    expect(into.equals(PATTERN.subarray(8192, 9216))).toBe(true);
    expect(pool).toHaveBeenCalledTimes(2);
  });

  test('long ones go to a thread: their copying costs more than it', async () => {
    const { ring, medium, pool } = setup();
    expect(await readFrom(medium, Buffer.alloc(128 * 1024), 0)).toBeNull();
    expect([ring.reads.length, pool.mock.calls.length]).toEqual([0, 1]);
  });

  test('leave the page cache unasked for a while when it never has what they want', async () => {
    const { ring, asked, medium } = setup({ pulse: new DevicePulse(() => now) });
    for (let at = 0; at < 48; at++) {
      const done = readFrom(medium, Buffer.alloc(512), at * 512);
      ring.answer(512);
      await done;
    }
    expect(asked.mock.calls.length).toBe(8 + 3);
    asked.mockReturnValue(512);
    for (let at = 0; at < 32; at++) {
      const done = readFrom(medium, Buffer.alloc(512), 0);
      ring.answer(512);
      await done;
    }
    // The first of them that was asked for found it there; all others then were.
    expect(asked.mock.calls.length).toBeGreaterThanOrEqual(8 + 3 + 16);
  });

  test('on a device that has gone silent, nothing more begins on the event loop', async () => {
    const pulse = new DevicePulse(() => now);
    const { ring, asked, medium, pool } = setup({ pulse });
    const other = openMedium(pretending(asked), { pulse });
    const stuck = readFrom(medium, Buffer.alloc(512), 0);
    expect(asked).toHaveBeenCalledTimes(1);
    now += 1001;
    const writeSync = vi.spyOn(fs, 'writeSync');
    expect(await readFrom(other, Buffer.alloc(512), 0)).toBeNull();
    // An answer of another medium there: it is slow, not silent.
    expect(pulse.threadsOnly).toBe(false);
    now += 1001;
    expect(await writeTo(other, Buffer.alloc(512), 0)).toBeNull();
    expect(asked).toHaveBeenCalledTimes(1);
    expect(writeSync).not.toHaveBeenCalled();
    expect(pool).toHaveBeenCalledTimes(1);
    ring.answer(512);
    expect(await stuck).toBeNull();
    await settled();
    expect(pulse.threadsOnly).toBe(false);
  });
});

describe('a medium behind a network or another process', () => {
  test('is never asked on the event loop for what may wait', async () => {
    const medium = openMedium(null, { local: false });
    const readSync = vi.spyOn(fs, 'readSync');
    const writeSync = vi.spyOn(fs, 'writeSync');
    const into = Buffer.alloc(512);
    expect(await writeTo(medium, Buffer.alloc(512, 9), 512)).toBeNull();
    expect(await readFrom(medium, into, 512)).toBeNull();
    expect(into.equals(Buffer.alloc(512, 9))).toBe(true);
    expect(readSync).not.toHaveBeenCalled();
    expect(writeSync).not.toHaveBeenCalled();
  });
});

test('a crowd that waits for one device keeps the rest off the event loop', () => {
  const pulse = new DevicePulse(() => now);
  for (let at = 0; at < 63; at++) pulse.began();
  expect(pulse.threadsOnly).toBe(false);
  pulse.began();
  expect(pulse.threadsOnly).toBe(true);
  pulse.ended();
  expect(pulse.threadsOnly).toBe(false);
});

test('the system tells when this thread has waited', unless(NO_SYSCALLS), async () => {
  const before = SYSCALLS?.voluntarySwitches() ?? 0;
  // A wait that nobody else can end: the thread gives up its core.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  expect(SYSCALLS?.voluntarySwitches()).toBeGreaterThan(before);
});

describe('writes to the page cache', () => {
  const block = Buffer.alloc(4096, 0x5a);

  test('are done within the call while they are quick', () => {
    const medium = openMedium(null);
    expect(within((done) => medium.write(block, 0, false, done))).toBe(true);
    const into = Buffer.alloc(4096);
    expect(within((done) => medium.read(into, 0, done))).toBe(true);
    expect(into.equals(block)).toBe(true);
  });

  test('are done at once where that is asked, but only to the cache and within the medium', () => {
    const medium = openMedium(null);
    expect(medium.writeAtOnce(block, 8192)).toBe(true);
    const into = Buffer.alloc(4096);
    expect(within((done) => medium.read(into, 8192, done))).toBe(true);
    expect(into.equals(block)).toBe(true);
    expect(medium.writeAtOnce(block, medium.sizeBytes - 512)).toBe(false);
    medium.setWriteCache(false);
    expect(medium.writeAtOnce(block, 0)).toBe(false);
  });

  test('go to the pool for a while after a slow one', async () => {
    const { writeSync } = fs;
    vi.spyOn(fs, 'writeSync').mockImplementation((...args: Parameters<typeof writeSync>) => {
      now += 200;
      return writeSync(...args);
    });
    const medium = openMedium(null);
    expect(within((done) => medium.write(block, 0, false, done))).toBe(true);
    expect(within((done) => medium.write(block, 4096, false, done))).toBe(false);
    expect(await flushOf(medium)).toBeNull();
    now += 60;
    expect(within((done) => medium.write(block, 8192, false, done))).toBe(true);
    // Slow again: the pause doubles.
    now += 60;
    expect(within((done) => medium.write(block, 8192, false, done))).toBe(false);
  });

  test('never wait on the event loop behind a write or flush in the pool', async () => {
    const pending: (() => void)[] = [];
    const { fdatasync, write } = fs;
    vi.spyOn(fs, 'fdatasync').mockImplementation(((fd: number, done: () => void) => {
      pending.push(() => fdatasync(fd, done));
    }) as typeof fs.fdatasync);
    const medium = openMedium(null);
    const writeSync = vi.spyOn(fs, 'writeSync');
    await writeTo(medium, block, 0);
    expect(writeSync).toHaveBeenCalledTimes(1);
    const flushed = flushOf(medium);
    await writeTo(medium, block, 4096);
    expect(writeSync).toHaveBeenCalledTimes(1);
    pending.shift()?.();
    expect(await flushed).toBeNull();
    vi.spyOn(fs, 'write').mockImplementation((...args: Parameters<typeof write>) => {
      pending.push(() => write(...args));
    });
    const durable = writeTo(medium, block, 8192, true);
    const behind = writeTo(medium, block, 12_288);
    expect(pending).toHaveLength(2);
    for (const go of pending.splice(0)) go();
    expect(await Promise.all([durable, behind])).toEqual([null, null]);
    expect(writeSync).toHaveBeenCalledTimes(1);
    const last = flushOf(medium);
    pending.shift()?.();
    expect(await last).toBeNull();
  });

  test('share a sync; those that come while one runs share the next, however many', async () => {
    const running: (() => void)[] = [];
    const { fdatasync } = fs;
    const syncs = vi.spyOn(fs, 'fdatasync').mockImplementation(((fd: number, done: () => void) => {
      running.push(() => fdatasync(fd, done));
    }) as typeof fs.fdatasync);
    const medium = openMedium(null);
    await writeTo(medium, block, 0);
    const first = Array.from({ length: 10 }, () => flushOf(medium));
    expect(syncs).toHaveBeenCalledTimes(1);
    await writeTo(medium, block, 4096);
    let over = false;
    const later = Array.from({ length: 10 }, () => flushOf(medium).then(() => (over = true)));
    running.shift()?.();
    await Promise.all(first);
    // What was written before it came is not in the sync that ran: another one must.
    expect([over, syncs.mock.calls.length]).toEqual([false, 2]);
    running.shift()?.();
    await Promise.all(later);
    expect(await flushOf(medium)).toBeNull();
    expect(syncs).toHaveBeenCalledTimes(2);
  });

  test('wait for no hole that is being made under them', unless(NO_SYSCALLS), async () => {
    const holes: (() => void)[] = [];
    const medium = openMedium({
      ...pretending(() => 0),
      fallocate: (_fd, _mode, _at, _length, done) => holes.push(() => done(null, 0)),
    });
    const writeSync = vi.spyOn(fs, 'writeSync');
    const made = deallocateOn(medium, 0, 4096);
    const behind = writeTo(medium, block, 8192);
    expect(writeSync).not.toHaveBeenCalled();
    holes.shift()?.();
    expect(await Promise.all([made, behind])).toEqual([null, null]);
    await writeTo(medium, block, 8192);
    expect(writeSync).toHaveBeenCalledTimes(1);
  });

  test('that a flush could not make durable are never called durable by a later one', async () => {
    const failures: (() => void)[] = [];
    const eio = Object.assign(new Error('EIO'), { code: 'EIO' });
    const fdatasync = vi
      .spyOn(fs, 'fdatasync')
      .mockImplementation((_fd: number, done: (error: Error) => void) => {
        failures.push(() => done(eio));
      });
    const medium = openMedium(null);
    await writeTo(medium, block, 0);
    const first = flushOf(medium);
    await writeTo(medium, block, 4096);
    const behind = flushOf(medium);
    failures.shift()?.();
    expect((await first)?.reason).toContain('cached writes may be lost');
    // From here on the system says that all is well, as Linux does.
    fdatasync.mockRestore();
    failures.shift()?.();
    expect((await behind)?.kind).toBe('writeError');
    expect((await flushOf(medium))?.kind).toBe('writeError');
    await writeTo(medium, block, 8192);
    expect((await flushOf(medium))?.kind).toBe('writeError');
    expect(await writeTo(medium, block, 0, true)).toBeNull();
    await expect(medium.close()).rejects.toThrow('cached writes may be lost');
    opened.pop();
  });

  test('a medium that hangs does not keep another from its device', async () => {
    const slots = new IoSlots(4);
    const [hung, healthy] = [openMedium(null, { slots }), openMedium(null, { slots })];
    const stuck: (() => void)[] = [];
    const { write } = fs;
    const spy = vi.spyOn(fs, 'write').mockImplementation((...args: Parameters<typeof write>) => {
      stuck.push(() => write(...args));
    });
    const waiting = Array.from({ length: 16 }, (_, at) => writeTo(hung, block, at * 4096, true));
    expect(stuck).toHaveLength(3);
    spy.mockRestore();
    expect(await writeTo(healthy, block, 0, true)).toBeNull();
    for (const go of stuck) go();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => null));
  });
});
