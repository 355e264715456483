import { beforeEach, describe, expect, test } from 'vitest';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { STAGING } from '../../../../src/target/scsi/staging.ts';
import {
  BLOCK,
  cdb10,
  cdb12,
  cdb16,
  cdb6,
  nexusOn,
  run,
  start,
  unit,
  type ScriptedMedium,
} from './bench.ts';

const pattern = (blocks: number, seed = 1): Buffer =>
  Buffer.from(Array.from({ length: blocks * BLOCK }, (_, index) => (index * 7 + seed) & 0xff));

let nexus: ItNexus;
let medium: ScriptedMedium;
beforeEach(() => {
  const made = unit({ blocks: 32768, attributes: { emulate_write_cache: true } });
  medium = made.medium;
  nexus = nexusOn({ 0: made.lu });
  medium.calls.length = 0;
});

const FORMS = [
  ['6', 0x08, 0x0a, cdb6],
  ['10', 0x28, 0x2a, cdb10],
  ['12', 0xa8, 0xaa, cdb12],
  ['16', 0x88, 0x8a, cdb16],
] as const;

describe.each(FORMS)('READ and WRITE (%s)', (_name, read, write, cdb) => {
  test('move whole blocks to where they belong', async () => {
    const data = pattern(3);
    const written = await run(nexus, cdb(write, 4091, 3), { out: data });
    expect([written.outcome, written.dataOutLength]).toEqual(['good', 3 * BLOCK]);
    const back = await run(nexus, cdb(read, 4090, 5), { inLength: 5 * BLOCK });
    expect([back.outcome, back.dataInLength]).toEqual(['good', 5 * BLOCK]);
    expect(back.dataIn.subarray(BLOCK, 4 * BLOCK).equals(data)).toBe(true);
    expect(back.dataIn.subarray(0, BLOCK).equals(Buffer.alloc(BLOCK))).toBe(true);
    expect(back.dataIn.subarray(4 * BLOCK).equals(Buffer.alloc(BLOCK))).toBe(true);
  });

  test('beyond the last block are refused before anything moves', async () => {
    for (const [lba, count] of [
      [32767, 2],
      [32768, 1],
      [0x1fffff, 1],
    ] as const) {
      const task = await run(nexus, cdb(read, lba, count), { inLength: count * BLOCK });
      expect(task.outcome).toBe('05/21/00');
      const out = await run(nexus, cdb(write, lba, count), { out: pattern(count) });
      expect(out.outcome).toBe('05/21/00');
    }
    expect(medium.calls).toEqual([]);
  });
});

describe('READ', () => {
  test('(6) of length 0 means 256 blocks, of the others none', async () => {
    const six = await run(nexus, cdb6(0x08, 0, 0), { inLength: 256 * BLOCK });
    expect(six.dataIn.length).toBe(256 * BLOCK);
    for (const cdb of [cdb10(0x28, 5, 0), cdb12(0xa8, 5, 0), cdb16(0x88, 32768, 0)]) {
      const task = await run(nexus, cdb, { inLength: BLOCK });
      expect([task.outcome, task.dataInLength, task.dataIn.length]).toEqual(['good', 0, 0]);
    }
    expect((await run(nexus, cdb10(0x28, 32769, 0))).outcome).toBe('05/21/00');
  });

  test('with an LBA past 2^53 is out of range, not wrapped', async () => {
    const cdb = [0x88, 0, ...Array<number>(8).fill(0xff), 0, 0, 0, 1, 0, 0];
    expect((await run(nexus, cdb, { inLength: BLOCK })).outcome).toBe('05/21/00');
  });

  test.each([
    [0, 0],
    [200, 200],
    [BLOCK, BLOCK],
    [10_000, 2 * BLOCK],
  ])('with an expected length of %i moves %i and tells what it wanted', async (expected, moved) => {
    const task = await run(nexus, cdb10(0x28, 0, 2), { inLength: expected });
    expect([task.outcome, task.dataIn.length, task.dataInLength]).toEqual([
      'good',
      moved,
      2 * BLOCK,
    ]);
  });

  test('of many chunks holds one share of memory and gives it back when sent', async () => {
    const data = pattern(5000);
    await run(nexus, cdb10(0x2a, 0, 5000), { out: data });
    const before = STAGING.usedBytes;
    const task = start(nexus, cdb10(0x28, 0, 5000), {
      inLength: data.length,
      holdsTransfers: true,
    });
    for (let chunks = 0; chunks < 3; chunks++) {
      expect(STAGING.usedBytes - before).toBe(1024 * 1024);
      expect(task.done).toBe(chunks === 2);
      task.continue();
    }
    expect(STAGING.usedBytes).toBe(before);
    expect(task.dataIn.equals(data)).toBe(true);
  });

  test('that fails says so with the block, and sends none of what was not read', async () => {
    medium.failing['read'] = { kind: 'readError', reason: 'EIO' };
    const task = await run(nexus, cdb10(0x28, 77, 1), { inLength: BLOCK });
    expect([task.outcome, task.dataIn.length]).toEqual(['03/11/00', 0]);
    expect(task.sense?.readUInt32BE(3)).toBe(77);
  });

  test('with FUA reads the medium: what is cached goes there first', async () => {
    await run(nexus, cdb10(0x28, 0, 1, 0x08), { inLength: BLOCK });
    expect(medium.calls.splice(0)).toEqual(['flush', 'read']);
    medium.setWriteCache(false);
    await run(nexus, cdb10(0x28, 0, 1, 0x08), { inLength: BLOCK });
    expect(medium.calls).toEqual(['read']);
  });
});

describe('WRITE', () => {
  test('honours FUA, and takes DPO and FUA_NV', async () => {
    await run(nexus, cdb10(0x2a, 0, 1, 0x08), { out: pattern(1) });
    await run(nexus, cdb10(0x2a, 0, 1, 0x12), { out: pattern(1) });
    expect(medium.calls).toEqual(['write fua', 'write']);
  });

  test('whose data is here goes straight to a medium that takes it at once', async () => {
    medium.atOnce = true;
    const data = pattern(3);
    const staged = STAGING.usedBytes;
    const task = start(nexus, cdb10(0x2a, 7, 3), { out: data, immediate: true });
    expect([task.outcome, task.done, STAGING.usedBytes]).toEqual(['good', true, staged]);
    expect(medium.calls).toEqual(['write at once']);
    const back = await run(nexus, cdb10(0x28, 7, 3), { inLength: 3 * BLOCK });
    expect(back.dataIn.equals(data)).toBe(true);
  });

  test('takes the long way when it must be durable, or the medium cannot now', async () => {
    medium.atOnce = false;
    await run(nexus, cdb10(0x2a, 0, 1, 0x08), { out: pattern(1), immediate: true });
    expect(medium.calls).toEqual(['write fua']);
    await run(nexus, cdb10(0x2a, 0, 1), { out: pattern(1), immediate: true });
    expect(medium.calls).toEqual(['write fua', 'write at once', 'write']);
  });

  test('(6) has no FUA: those bits are the LBA', async () => {
    const task = await run(nexus, cdb6(0x0a, 0x80000, 1), { out: pattern(1) });
    expect(task.outcome).toBe('05/21/00');
  });

  test('writes the whole blocks that the initiator gives', async () => {
    const task = await run(nexus, cdb10(0x2a, 0, 2), { out: pattern(1) });
    expect([task.outcome, task.dataOutLength]).toEqual(['good', 2 * BLOCK]);
    const back = await run(nexus, cdb10(0x28, 0, 2), { inLength: 2 * BLOCK });
    expect(back.dataIn.equals(Buffer.concat([pattern(1), Buffer.alloc(BLOCK)]))).toBe(true);
  });

  test('never writes a part of a block', async () => {
    const task = await run(nexus, cdb10(0x2a, 0, 1), { out: Buffer.alloc(200, 1) });
    expect([task.outcome, task.dataOutLength]).toEqual(['05/0e/03', BLOCK]);
    expect(medium.calls).toEqual([]);
  });

  test('without any data expected moves nothing', async () => {
    const task = await run(nexus, cdb10(0x2a, 0, 1));
    expect([task.outcome, task.dataOutLength, medium.calls]).toEqual(['good', BLOCK, []]);
  });

  test.each([
    ['writeError', '03/0c/00'],
    ['noSpace', '07/27/07'],
    ['readOnly', '07/27/00'],
    ['notReady', '02/04/00'],
  ] as const)('that meets %s ends with %s', async (kind, outcome) => {
    medium.failing['write'] = { kind, reason: 'test' };
    const task = await run(nexus, cdb10(0x2a, 9, 1), { out: pattern(1) });
    expect(task.outcome).toBe(outcome);
  });

  test('whose data never comes keeps the status that the transport set', () => {
    const task = start(nexus, cdb10(0x2a, 0, 1), { out: pattern(1), holdsTransfers: true });
    task.status = 2;
    task.stopData();
    expect([task.done, task.status, medium.calls]).toEqual([true, 2, []]);
    expect(STAGING.usedBytes).toBe(0);
  });
});

describe('transfers', () => {
  test('longer than VPD B0 allows are refused', async () => {
    expect((await run(nexus, cdb10(0x28, 0, 16385), { inLength: BLOCK })).outcome).toBe('05/24/00');
    expect((await run(nexus, cdb16(0x8a, 0, 16385), { out: pattern(1) })).outcome).toBe('05/24/00');
  });

  test('with protection information are refused, with the bit', async () => {
    const task = await run(nexus, cdb10(0x28, 0, 1, 0x20), { inLength: BLOCK });
    expect(task.outcome).toBe('05/24/00');
    expect([...(task.sense?.subarray(15, 18) ?? [])]).toEqual([0xcd, 0, 1]);
  });

  test('of all forms with DPO or FUA are refused when these are not served', async () => {
    const { lu } = unit({ attributes: { emulate_dpo: false } });
    const plain = nexusOn({ 0: lu });
    const outcome = async (cdb: number[]) => (await run(plain, cdb, { inLength: BLOCK })).outcome;
    expect(await outcome(cdb10(0x28, 0, 1, 0x10))).toBe('05/24/00');
    expect(await outcome(cdb10(0x28, 0, 1, 0x08))).toBe('05/24/00');
    expect(await outcome(cdb10(0x28, 0, 1))).toBe('good');
  });
});
