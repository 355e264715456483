/** What one turn of input brings goes to the medium together, as if it had gone one by one. */
import fc from 'fast-check';
import fs from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import type { StorageFault } from '../../../../src/target/storage/backstore.ts';
import type { FdMedium } from '../../../../src/target/storage/fd_medium.ts';
import { nowRing } from '../../../../src/target/storage/now_ring.ts';
import { NO_READ_NOW, SYSCALLS, type Syscalls } from '../../../../src/target/storage/syscalls.ts';
import { INPUT_TURN } from '../../../../src/util/input_turn.ts';
import { flushOf, readFrom } from '../../../compliance/backstore.ts';
import { NO_READS_NOW, NO_SYSCALLS, unless } from '../../../support/unless.ts';
import {
  block,
  inTurn,
  openMedium,
  PATTERN,
  rows,
  SECTOR,
  SECTORS,
  write,
  opened,
  firstFile,
} from './gathered_media.ts';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('reads of one turn', unless(NO_SYSCALLS), () => {
  const counted = () => {
    const runs: number[] = [];
    const real = SYSCALLS!;
    const readRunNow: Syscalls['readRunNow'] = (fd, into, first, count, at) => {
      runs.push(count);
      return real.readRunNow(fd, into, first, count, at);
    };
    return { runs, medium: openMedium({ ...real, readRunNow }) };
  };

  test('that follow one another are one call, each with its own bytes', () => {
    const { runs, medium } = counted();
    const into = rows.map(() => Buffer.alloc(SECTOR));
    const faults: unknown[] = [];
    inTurn(() => {
      for (const at of rows) medium.read(into[at]!, at * SECTOR, (fault) => faults.push(fault));
      medium.read(Buffer.alloc(SECTOR), 100 * SECTOR, (fault) => faults.push(fault));
      expect(faults).toEqual([]);
    });
    expect(runs).toEqual([8, 1]);
    expect(faults).toEqual(Array(9).fill(null));
    expect(Buffer.concat(into).equals(PATTERN.subarray(0, 8 * SECTOR))).toBe(true);
  });

  test('are made before the turn ends where there are more than one call takes', () => {
    const { runs, medium } = counted();
    let answers = 0;
    inTurn(() => {
      for (let at = 0; at < 65; at++)
        medium.read(Buffer.alloc(SECTOR), at * SECTOR, () => answers++);
      expect(answers).toBe(64);
    });
    expect([runs, answers]).toEqual([[64, 1], 65]);
  });

  test('of what the page cache has only in part: the rest waits for the device', async () => {
    const medium = openMedium({
      ...SYSCALLS!,
      readRunNow: (_fd, into, first, _count, at) => {
        const bytes = PATTERN.copy(into[first]!, 0, at, at + SECTOR);
        return bytes + PATTERN.copy(into[first + 1]!, 0, at + SECTOR, at + SECTOR + 100);
      },
    });
    const pool = vi.spyOn(fs, 'read');
    const into = rows.map(() => Buffer.alloc(SECTOR));
    const all = Promise.all(
      rows.map(
        (at) => new Promise((resolve) => inTurnRead(medium, into[at]!, at * SECTOR, resolve)),
      ),
    );
    INPUT_TURN.end();
    expect(await all).toEqual(rows.map(() => null));
    expect(Buffer.concat(into).equals(PATTERN.subarray(0, 8 * SECTOR))).toBe(true);
    expect(pool.mock.calls.map((call) => call.slice(2, 4))).toEqual([
      [100, 412],
      ...rows.slice(2).map(() => [0, SECTOR]),
    ]);
  });

  test('of a file that cannot be asked so are made as if they had come alone', async () => {
    const medium = openMedium({ ...SYSCALLS!, readRunNow: () => NO_READ_NOW });
    const readSync = vi.spyOn(fs, 'readSync');
    const into = rows.map(() => Buffer.alloc(SECTOR));
    inTurn(() => rows.forEach((at) => medium.read(into[at]!, at * SECTOR, () => {})));
    await settled();
    expect(readSync).toHaveBeenCalledTimes(8);
    expect(Buffer.concat(into).equals(PATTERN.subarray(0, 8 * SECTOR))).toBe(true);
  });

  test('that lie here and there are one call of the ring', unless(NO_READS_NOW), () => {
    const single = vi.fn(SYSCALLS!.readRunNow);
    const medium = openMedium({ ...SYSCALLS!, readRunNow: single }, true);
    const places = [40, 3, 77, 9, 200, 11, 12, 13];
    const into = places.map(() => Buffer.alloc(SECTOR));
    const faults: unknown[] = [];
    inTurn(() => {
      for (const [number, at] of places.entries()) {
        medium.read(into[number]!, at * SECTOR, (fault) => faults.push(fault));
      }
    });
    expect(faults).toEqual(places.map(() => null));
    for (const [number, at] of places.entries()) {
      expect(into[number]!.equals(PATTERN.subarray(at * SECTOR, (at + 1) * SECTOR))).toBe(true);
    }
    const calls = single.mock.calls.map(([, , , count]) => count);
    expect(calls).toEqual(nowRing() === null ? [1, 1, 1, 1, 1, 3] : [3]);
  });
});

function inTurnRead(medium: FdMedium, into: Buffer, at: number, done: (fault: unknown) => void) {
  INPUT_TURN.begin();
  medium.read(into, at, done);
}

describe('writes of one turn', () => {
  test('that follow one another are one call to the page cache', () => {
    const medium = openMedium();
    const gathered = vi.spyOn(fs, 'writevSync');
    const faults: unknown[] = [];
    const lent = rows.map((at) => block(at + 1));
    inTurn(() =>
      rows.forEach((at) => write(medium, lent[at]!, at * SECTOR, (f) => faults.push(f))),
    );
    lent.forEach((bytes) => bytes.fill(0xee));
    expect(faults).toEqual(rows.map(() => null));
    // The first is written at once: nothing had ended where it begins.
    expect(gathered.mock.calls.map(([, pieces, at]) => [pieces.length, at])).toEqual([[7, SECTOR]]);
    const into = Buffer.alloc(8 * SECTOR);
    medium.read(into, 0, (fault) => expect(fault).toBeNull());
    expect(into.equals(Buffer.concat(rows.map((at) => block(at + 1))))).toBe(true);
  });

  test('are seen by a read of the same turn, and covered by a flush', async () => {
    const medium = openMedium();
    const syncs = vi.spyOn(fs, 'fdatasync');
    const into = Buffer.alloc(SECTOR);
    let flushed: Promise<StorageFault | null> | undefined;
    inTurn(() => {
      write(medium, block(1), 0, () => {});
      write(medium, block(2), SECTOR, () => {});
      medium.read(into, SECTOR, () => {});
      write(medium, block(3), 2 * SECTOR, () => {});
      flushed = flushOf(medium);
    });
    expect(into.equals(block(2))).toBe(true);
    expect(await flushed).toBeNull();
    expect(syncs).toHaveBeenCalledTimes(1);
    expect(await flushOf(medium)).toBeNull();
    expect(syncs).toHaveBeenCalledTimes(1);
  });

  test('that must be durable, in a row, are one write of a thread; others one each', async () => {
    const medium = openMedium();
    const runs = vi.spyOn(fs, 'writev');
    const single = vi.spyOn(fs, 'write');
    const faults: unknown[] = [];
    inTurn(() => {
      for (const at of rows) medium.write(block(at), at * SECTOR, true, (f) => faults.push(f));
      medium.write(block(77), 100 * SECTOR, true, (f) => faults.push(f));
      expect([runs.mock.calls.length, single.mock.calls.length]).toEqual([1, 0]);
    });
    await flushOf(medium);
    await medium.close();
    opened.pop();
    expect(faults).toEqual(Array(9).fill(null));
    expect([runs.mock.calls[0]?.[1].length, single.mock.calls.length]).toEqual([8, 1]);
    const found = firstFile();
    expect(found.subarray(0, 8 * SECTOR)).toEqual(Buffer.concat(rows.map((at) => block(at))));
  });

  test('closing takes along what the turn had put off', async () => {
    const medium = openMedium();
    const faults: unknown[] = [];
    let closed: Promise<void> | undefined;
    inTurn(() => {
      write(medium, block(1), 0, (fault) => faults.push(fault));
      write(medium, block(2), SECTOR, (fault) => faults.push(fault));
      medium.write(block(3), 2 * SECTOR, true, (fault) => faults.push(fault));
      closed = medium.close();
    });
    await closed;
    opened.pop();
    expect(faults).toEqual([null, null, null]);
    const found = firstFile().subarray(0, 3 * SECTOR);
    expect(found).toEqual(Buffer.concat([block(1), block(2), block(3)]));
  });
});

const operation = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('read' as const, 'write' as const) },
    { weight: 1, arbitrary: fc.constantFrom('durable', 'zeros', 'flush', 'turn') },
  ),
  /** More often than not a write goes on where the last one ended, and a read reads that one. */
  follows: fc.integer({ min: 0, max: 9 }).map((number) => number < 7),
  sector: fc.nat(23),
  count: fc.integer({ min: 1, max: 4 }),
  fill: fc.integer({ min: 1, max: 255 }),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

describe.each([false, true])('any mix of operations in turns, with a ring: %s', (ring) => {
  test('gives the bytes and the answers that they give one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const medium = openMedium(SYSCALLS, ring);
        const model = Buffer.from(PATTERN);
        const checks: (() => void)[] = [];
        await runAll(medium, operations, model, checks);
        for (const check of checks) check();
        const all = Buffer.alloc(PATTERN.length);
        expect(await readFrom(medium, all, 0)).toBeNull();
        expect(all.equals(model)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  async function runAll(
    medium: FdMedium,
    operations: readonly Operation[],
    model: Buffer,
    checks: (() => void)[],
  ): Promise<void> {
    const last = { start: 0, end: 0 };
    const waiting: Promise<unknown>[] = [];
    let lent: Buffer[] = [];
    const turnOver = async (): Promise<void> => {
      if (INPUT_TURN.open) INPUT_TURN.end();
      for (const bytes of lent) bytes.fill(0xee);
      lent = [];
      await Promise.all(waiting.splice(0));
    };
    for (const { kind, follows, sector, count, fill } of operations) {
      // Order among what threads do is nobody's: it is waited for.
      if (kind === 'turn' || kind === 'durable' || kind === 'zeros') await turnOver();
      if (kind === 'turn') continue;
      if (!INPUT_TURN.open) INPUT_TURN.begin();
      const wanted = kind === 'read' ? last.start : last.end;
      const first = follows && wanted + count <= SECTORS ? wanted : sector;
      const [at, length] = [first * SECTOR, count * SECTOR];
      if (kind !== 'read') Object.assign(last, { start: first, end: first + count });
      const answer = (start: (done: (fault: StorageFault | null) => void) => void): void => {
        let answers = 0;
        const fault = new Promise<StorageFault | null>((resolve) =>
          start((given) => {
            answers++;
            resolve(given);
          }),
        );
        waiting.push(fault.then((given) => expect([given, answers]).toEqual([null, 1])));
      };
      if (kind === 'read') {
        const into = Buffer.alloc(length);
        const stored = Buffer.from(model.subarray(at, at + length));
        answer((done) => medium.read(into, at, done));
        checks.push(() => expect(into.equals(stored)).toBe(true));
      } else if (kind === 'flush') {
        answer((done) => medium.flush(done));
        await turnOver();
      } else if (kind === 'zeros') {
        model.fill(0, at, at + length);
        answer((done) => medium.deallocate(at, length, done));
        await turnOver();
      } else {
        model.fill(fill, at, at + length);
        const bytes = Buffer.alloc(length, fill);
        lent.push(bytes);
        if (kind === 'write') answer((done) => write(medium, bytes, at, done));
        else answer((done) => medium.write(Buffer.from(bytes), at, true, done));
        if (kind === 'durable') await turnOver();
      }
    }
    await turnOver();
  }
});

/** Calls fail or fall short, and all that touches the bad sector fails. */
function failing(bad: number, cut: number): void {
  const touches = (at: number, length: number): boolean =>
    at < (bad + 1) * SECTOR && at + length > bad * SECTOR;
  const total = (pieces: readonly Uint8Array[]): number =>
    pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const eio = (): Error => Object.assign(new Error('EIO'), { code: 'EIO' });
  const { writevSync, writeSync, writev, write: writeAsync } = fs;
  vi.spyOn(fs, 'writevSync').mockImplementation(((fd: number, pieces: Buffer[], at: number) => {
    if (!touches(at, total(pieces))) return writevSync(fd, pieces, at);
    const whole = Buffer.concat(pieces).subarray(0, Math.max(0, bad * SECTOR - at - cut));
    return whole.length === 0 ? 0 : writeSync(fd, whole, 0, whole.length, at);
  }) as typeof fs.writevSync);
  vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, from: Buffer, ...rest: number[]) => {
    const [start = 0, length = 0, at = 0] = rest;
    if (touches(at, length)) throw eio();
    return writeSync(fd, from, start, length, at);
  }) as typeof fs.writeSync);
  type Answer = (error: Error | null, bytes: number, what?: unknown) => void;
  vi.spyOn(fs, 'writev').mockImplementation(((
    fd: number,
    pieces: Buffer[],
    at: number,
    done: Answer,
  ) => {
    if (!touches(at, total(pieces))) writev(fd, pieces, at, done);
    else setImmediate(() => (cut % 2 === 0 ? done(eio(), 0) : done(null, cut)));
  }) as typeof fs.writev);
  vi.spyOn(fs, 'write').mockImplementation(((fd: number, from: Buffer, ...rest: unknown[]) => {
    const [start, length, at, done] = rest as [number, number, number, Answer];
    if (touches(at, length)) setImmediate(() => done(eio(), 0));
    else writeAsync(fd, from, start, length, at, done);
  }) as typeof fs.write);
}

test('a fault in the midst of a run is that of its command alone, wherever it lies', async () => {
  const shape = fc.record({
    counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 20 }),
    bad: fc.nat(30),
    cut: fc.nat(1500),
    fua: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ counts, bad, cut, fua }) => {
      const medium = openMedium();
      failing(bad, cut);
      const faults: Promise<StorageFault | null>[] = [];
      const pieces: { at: number; bytes: Buffer }[] = [];
      INPUT_TURN.begin();
      let at = 0;
      for (const [number, count] of counts.entries()) {
        const piece = { at, bytes: block(number + 1, count) };
        pieces.push(piece);
        faults.push(
          new Promise((resolve) => {
            if (fua) medium.write(piece.bytes, piece.at, true, resolve);
            else write(medium, piece.bytes, piece.at, resolve);
          }),
        );
        at += count * SECTOR;
      }
      INPUT_TURN.end();
      const answers = await Promise.all(faults);
      vi.restoreAllMocks();
      const found = Buffer.alloc(PATTERN.length);
      expect(await readFrom(medium, found, 0)).toBeNull();
      pieces.forEach((piece, number) => {
        const end = piece.at + piece.bytes.length;
        const hit = piece.at < (bad + 1) * SECTOR && end > bad * SECTOR;
        expect(answers[number]?.kind ?? null).toBe(hit ? 'writeError' : null);
        if (!hit) expect(found.subarray(piece.at, end).equals(piece.bytes)).toBe(true);
      });
      expect(found.subarray(at).equals(PATTERN.subarray(at))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
