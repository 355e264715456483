/** Writes whose data goes to the medium from where it was received, piece by piece. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { MAX_CHUNK_BYTES, STAGING } from '../../../../src/target/scsi/staging.ts';
import { BLOCK, cdb10, nexusOn, run, start, unit, type ScriptedMedium } from './bench.ts';

const KIB = 1024;
const PAGE = 4 * KIB;
const BLOCKS = 8192;
const FUA = 0x08;

let nexus: ItNexus;
let medium: ScriptedMedium;
/** What the medium was given within the call: first and last byte. */
let given: [number, number][];
/** How many such writes it takes, before it takes only a part of one. */
let takes: number;

beforeEach(() => {
  const made = unit({ blocks: BLOCKS, attributes: { emulate_write_cache: true } });
  medium = made.medium;
  nexus = nexusOn({ 0: made.lu });
  given = [];
  takes = Infinity;
  medium.writeAtOnce = (from, byteOffset) => {
    if (!medium.writeCache) return false;
    const all = takes-- > 0;
    const part = all ? from : from.subarray(0, from.length >> 1);
    medium.ram.write(part, byteOffset, false, () => {});
    if (all) given.push([byteOffset, byteOffset + from.length]);
    return all;
  };
  medium.calls.length = 0;
});

const random = (bytes: number): Buffer => {
  const data = Buffer.alloc(bytes);
  for (let at = 0, x = 1; at < bytes; at += 4) {
    x = (x * 1_103_515_245 + 12_345) >>> 0;
    data.writeUInt32LE(x, at);
  }
  return data;
};

const write = (lba: number, out: Buffer, cuts: readonly number[]) =>
  run(nexus, cdb10(0x2a, lba, out.length / BLOCK), { out, cuts });

function onMedium(lba: number, bytes: number): Buffer {
  const back = Buffer.alloc(bytes);
  medium.ram.read(back, lba * BLOCK, () => {});
  return back;
}

describe('data that the medium takes at once', () => {
  test('is not staged where its pieces end with pages', async () => {
    const data = random(512 * KIB);
    const task = await write(8, data, [64 * KIB, 320 * KIB]);
    expect(task.outcome).toBe('good');
    expect(medium.calls).toEqual([]);
    const at = 8 * BLOCK;
    expect(given.map(([from, to]) => [from - at, to - at])).toEqual([
      [0, 64 * KIB],
      [64 * KIB, 320 * KIB],
      [320 * KIB, 512 * KIB],
    ]);
    expect(onMedium(8, data.length).equals(data)).toBe(true);
  });

  test('goes there in whole pages when a piece ends within one', async () => {
    const data = random(256 * KIB);
    await write(0, data, [100_000]);
    const page = 100_000 - (100_000 % PAGE);
    expect(given).toEqual([
      [0, page],
      [page, page + PAGE],
      [page + PAGE, 256 * KIB],
    ]);
    expect(onMedium(0, data.length).equals(data)).toBe(true);
  });

  test('in short pieces is written together', async () => {
    const data = random(64 * KIB);
    await write(
      0,
      data,
      [8, 16, 24, 32, 40, 48, 56].map((end) => end * KIB),
    );
    expect([given, medium.calls]).toEqual([[], ['write']]);
    expect(onMedium(0, data.length).equals(data)).toBe(true);
  });

  test('is right whatever the pieces and whenever the medium refuses', async () => {
    const cut = fc.integer({ min: 1, max: 2200 * KIB });
    const plan = fc.record({
      lba: fc.integer({ min: 0, max: 64 }),
      blocks: fc.integer({ min: 1, max: 4400 }),
      cuts: fc.array(cut, { maxLength: 24 }),
      refusesAfter: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 12 })),
    });
    const check = async (lba: number, blocks: number, cuts: number[]): Promise<void> => {
      const data = random(blocks * BLOCK);
      const task = await write(lba, data, cuts);
      expect([task.outcome, task.dataOutLength]).toEqual(['good', data.length]);
      expect(onMedium(lba, data.length).equals(data)).toBe(true);
      const end = lba * BLOCK + data.length;
      const chunkEnd = (at: number): boolean => (at - lba * BLOCK) % MAX_CHUNK_BYTES === 0;
      for (const [, to] of given) {
        expect(to % PAGE === 0 || to === end || chunkEnd(to)).toBe(true);
      }
      expect(STAGING.usedBytes).toBe(0);
    };
    await fc.assert(
      fc.asyncProperty(plan, async ({ lba, blocks, cuts, refusesAfter }) => {
        takes = refusesAfter;
        given = [];
        await check(lba, blocks, cuts);
      }),
      { numRuns: 60 },
    );
  });
});

describe('data that is not to be taken at once', () => {
  test.each([
    ['with FUA', FUA, true],
    ['without a write cache', 0, false],
  ])('%s is written in whole', async (_name, flags, cache) => {
    medium.setWriteCache(cache);
    const data = random(256 * KIB);
    const cdb = cdb10(0x2a, 0, data.length / BLOCK);
    cdb[1] = flags;
    const task = await run(nexus, cdb, { out: data, cuts: [128 * KIB] });
    expect([task.outcome, given]).toEqual(['good', []]);
    expect(onMedium(0, data.length).equals(data)).toBe(true);
  });
});

describe('a command of which a part is on the medium', () => {
  test('fails when the medium then refuses the rest', async () => {
    takes = 1;
    medium.failing['write'] = { kind: 'writeError', reason: 'test' };
    const task = await write(0, random(256 * KIB), [128 * KIB]);
    expect(given.length).toBe(1);
    expect(task.outcome).toBe('03/0c/00');
    expect(STAGING.usedBytes).toBe(0);
  });

  test('fails when its further data never comes', () => {
    const out = random(2 * MAX_CHUNK_BYTES);
    const cdb = cdb10(0x2a, 0, out.length / BLOCK);
    const task = start(nexus, cdb, { out, cuts: [], holdsTransfers: true });
    task.continue();
    expect(given.length).toBe(1);
    task.status = 0x40;
    task.stopData();
    expect([task.done, task.outcome]).toEqual([true, 'task aborted']);
    expect(STAGING.usedBytes).toBe(0);
  });
});
