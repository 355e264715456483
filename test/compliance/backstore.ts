/** What every medium must hold, run for each implementation. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backstore, StorageFault } from '../../src/target/storage/backstore.ts';

export interface BackstoreSuite {
  /** A writable medium of at least 3 MiB and an odd number of KiB, that reads as zeros. */
  setup(): Promise<Backstore>;
  teardown(): Promise<void>;
}

type Fault = StorageFault | null;
export const readFrom = (medium: Backstore, into: Buffer, at: number): Promise<Fault> =>
  new Promise((resolve) => medium.read(into, at, resolve));
export const writeTo = (medium: Backstore, from: Buffer, at: number, fua = false): Promise<Fault> =>
  new Promise((resolve) => medium.write(from, at, fua, resolve));
export const flushOf = (medium: Backstore): Promise<Fault> =>
  new Promise((resolve) => medium.flush(resolve));
export const deallocateOn = (medium: Backstore, at: number, length: number): Promise<Fault> =>
  new Promise((resolve) => medium.deallocate(at, length, resolve));

const SECTOR = 512;

async function contents(medium: Backstore, at: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  expect(await readFrom(medium, into, at)).toBeNull();
  return into;
}

export function backstoreSuite(name: string, { setup, teardown }: BackstoreSuite): void {
  describe(`${name} as a medium`, () => {
    let medium: Backstore;
    beforeEach(async () => {
      medium = await setup();
    });
    afterEach(teardown);

    test('reads zeros where nothing was written', async () => {
      const into = await contents(medium, medium.sizeBytes - 8192, 8192);
      expect(into.equals(Buffer.alloc(8192))).toBe(true);
    });

    test('what is written at once reads back; beyond the end it is refused', async () => {
      medium.setWriteCache(true);
      const data = Buffer.from(Array.from({ length: 3 * SECTOR }, (_, at) => at % 251));
      const at = 1024 * 1024 - SECTOR;
      // Where a medium has no such way, or not now, the other one is asked.
      if (medium.writeAtOnce?.(data, at) !== true) await writeTo(medium, data, at);
      data.fill(0, 0, SECTOR);
      const found = await contents(medium, at, data.length);
      expect(found.subarray(SECTOR).equals(data.subarray(SECTOR))).toBe(true);
      expect(found.subarray(0, SECTOR).equals(data.subarray(0, SECTOR))).toBe(false);
      expect(medium.writeAtOnce?.(data, medium.sizeBytes - SECTOR) ?? false).toBe(false);
    });

    test('reads back what was written, in both cache modes and with fua', async () => {
      for (const cache of [false, true]) {
        medium.setWriteCache(cache);
        expect(medium.writeCache).toBe(cache);
        for (const fua of [false, true]) {
          const data = Buffer.alloc(70_000 - (70_000 % SECTOR), fua ? 0x5a : 0xa5);
          expect(await writeTo(medium, data, 1024 * 1024 - 1024, fua)).toBeNull();
          expect((await contents(medium, 1024 * 1024 - 1024, data.length)).equals(data)).toBe(true);
        }
      }
      expect(await flushOf(medium)).toBeNull();
    });

    test('never serves a byte beyond its end, nor grows', async () => {
      const before = medium.sizeBytes;
      const data = Buffer.alloc(2 * SECTOR, 1);
      expect((await readFrom(medium, data, before - SECTOR))?.kind).toBe('readError');
      expect((await writeTo(medium, data, before - SECTOR))?.kind).toBe('writeError');
      expect((await deallocateOn(medium, before - SECTOR, 2 * SECTOR))?.kind).toBe('writeError');
      expect(medium.sizeBytes).toBe(before);
      const last = await contents(medium, before - SECTOR, SECTOR);
      expect(last.equals(Buffer.alloc(SECTOR))).toBe(true);
    });

    test('its extents cover it without a gap; no written byte counts as given back', async () => {
      const at = 2 * 1024 * 1024;
      expect(await writeTo(medium, Buffer.alloc(64 * 1024, 7), at)).toBeNull();
      expect(await flushOf(medium)).toBeNull();
      let offset = 0;
      while (offset < medium.sizeBytes) {
        const { mapped, byteLength } = medium.extentAt(offset);
        expect(byteLength).toBeGreaterThan(0);
        const overlaps = offset < at + 64 * 1024 && offset + byteLength > at;
        if (overlaps) expect(mapped).toBe(true);
        offset += byteLength;
      }
      expect(offset).toBe(medium.sizeBytes);
    });

    test('a deallocated range reads as zeros and its neighbours stay', async () => {
      const size = 3 * 1024 * 1024;
      expect(await writeTo(medium, Buffer.alloc(size, 7), 0)).toBeNull();
      const [from, length] = [3 * SECTOR, size - 8 * SECTOR];
      expect(await deallocateOn(medium, from, length)).toBeNull();
      const all = await contents(medium, 0, size);
      expect(all.subarray(0, from).equals(Buffer.alloc(from, 7))).toBe(true);
      expect(all.subarray(from, from + length).equals(Buffer.alloc(length))).toBe(true);
      expect(all.subarray(from + length).equals(Buffer.alloc(5 * SECTOR, 7))).toBe(true);
    });

    test('holds what a plain array holds after any row of operations', async () => {
      const sectors = 5000;
      const range = fc.record({
        first: fc.nat(sectors - 1),
        count: fc.integer({ min: 1, max: 2500 }),
        fill: fc.integer({ min: 0, max: 255 }),
        fua: fc.boolean(),
      });
      const model = Buffer.alloc(sectors * SECTOR);
      await fc.assert(
        fc.asyncProperty(fc.array(range, { maxLength: 6 }), async (operations) => {
          for (const { first, count, fill, fua } of operations) {
            const at = first * SECTOR;
            const length = Math.min(count, sectors - first) * SECTOR;
            model.fill(fill, at, at + length);
            // Fill 0 goes the other way to zeros.
            const fault =
              fill < 64
                ? await deallocateOn(medium, at, length)
                : await writeTo(medium, Buffer.alloc(length, fill), at, fua);
            if (fill < 64) model.fill(0, at, at + length);
            expect(fault).toBeNull();
          }
          expect((await contents(medium, 0, model.length)).equals(model)).toBe(true);
        }),
        { numRuns: 15 },
      );
    });

    test('answers everything that runs at once, each once', async () => {
      const size = 64 * 1024;
      const writes = Array.from({ length: 24 }, (_, index) =>
        writeTo(medium, Buffer.alloc(size, index + 1), index * size),
      );
      const flushes = Array.from({ length: 5 }, () => flushOf(medium));
      expect((await Promise.all([...writes, ...flushes])).every((fault) => fault === null)).toBe(
        true,
      );
      for (let index = 0; index < 24; index++) {
        const found = await contents(medium, index * size, size);
        expect(found.equals(Buffer.alloc(size, index + 1))).toBe(true);
      }
    });

    test('waits on close for what is in flight', async () => {
      const answers: Fault[] = [];
      medium.write(Buffer.alloc(1024 * 1024, 9), 0, true, (fault) => answers.push(fault));
      await medium.close();
      expect(answers).toEqual([null]);
    });
  });
}
