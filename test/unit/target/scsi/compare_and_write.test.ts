import { beforeEach, describe, expect, test } from 'vitest';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { MAX_COMPARE_AND_WRITE_BLOCKS } from '../../../../src/target/scsi/compare_and_write.ts';
import {
  attentions,
  attributesOf,
  BLOCK,
  caw,
  cdb10,
  nexusOn,
  run,
  unit,
  type Options,
  type ScriptedMedium,
} from './bench.ts';

const BLOCKS = 4096;
const FUA = 0x08;

const filled = (count: number, byte: number): Buffer => Buffer.alloc(count * BLOCK, byte);
const pair = (before: Buffer, after: Buffer): Buffer => Buffer.concat([before, after]);
const fieldOf = (sense: Buffer | null): number[] => [...(sense?.subarray(15, 18) ?? [])];

let lu: LogicalUnit;
let medium: ScriptedMedium;
let nexus: ItNexus;
beforeEach(() => {
  ({ lu, medium } = unit({ blocks: BLOCKS }));
  nexus = nexusOn({ 0: lu });
});

const stored = async (lba: number, count = 1): Promise<Buffer> =>
  (await run(nexus, cdb10(0x28, lba, count), { inLength: count * BLOCK })).dataIn;

describe('COMPARE AND WRITE', () => {
  test.each([1, 2, MAX_COMPARE_AND_WRITE_BLOCKS])('replaces %i blocks that fit', async (count) => {
    const before = filled(count, 1);
    medium.ram.write(before, 9 * BLOCK, false, () => {});
    const task = await run(nexus, caw(9, count), { out: pair(before, filled(count, 2)) });
    expect([task.outcome, task.dataOutLength]).toEqual(['good', 2 * count * BLOCK]);
    expect(medium.calls).toEqual(['read', 'write']);
    expect((await stored(9, count)).equals(filled(count, 2))).toBe(true);
    expect(await stored(8)).toEqual(filled(1, 0));
    expect(await stored(9 + count)).toEqual(filled(1, 0));
    expect(lu.io.snapshot(0).writtenBytes).toBe(count * BLOCK);
  });

  test('the largest one works on blocks of 4096 bytes', async () => {
    const made = unit({ attributes: { block_size: 4096 } });
    const length = MAX_COMPARE_AND_WRITE_BLOCKS * 4096;
    const out = pair(Buffer.alloc(length), Buffer.alloc(length, 5));
    const cdb = caw(3, MAX_COMPARE_AND_WRITE_BLOCKS);
    expect((await run(nexusOn({ 0: made.lu }), cdb, { out })).outcome).toBe('good');
    const back = Buffer.alloc(length);
    made.medium.ram.read(back, 3 * 4096, () => {});
    expect(back.equals(Buffer.alloc(length, 5))).toBe(true);
  });

  test('a miscompare names the first byte that differs, and writes nothing', async () => {
    const before = Buffer.from(Array.from({ length: 3 * BLOCK }, (_, at) => (at * 7) & 0xff));
    medium.ram.write(before, 0, false, () => {});
    for (const at of [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK - 1]) {
      const given = Buffer.from(before);
      given[at] = (given[at] ?? 0) ^ 0x10;
      given[3 * BLOCK - 1] = (given[3 * BLOCK - 1] ?? 0) ^ 0x01;
      medium.calls.length = 0;
      const task = await run(nexus, caw(0, 3), { out: pair(given, filled(3, 9)) });
      expect([task.outcome, medium.calls]).toEqual(['0e/1d/00', ['read']]);
      // VALID, fixed format.
      expect(task.sense?.[0]).toBe(0xf0);
      expect(task.sense?.readUInt32BE(3)).toBe(at);
    }
    expect((await stored(0, 3)).equals(before)).toBe(true);
  });

  test('in descriptor format the offset is of 64 bits', async () => {
    lu.descriptorSense = true;
    const given = filled(2, 0);
    given[BLOCK + 4] = 1;
    const { sense } = await run(nexus, caw(0, 2), { out: pair(given, filled(2, 9)) });
    const header = '720e1d000000000c';
    expect(sense?.toString('hex')).toBe(`${header}000a8000${'0000000000000204'}`);
  });

  test('FUA: what is cached goes to the medium first, and what is written is durable', async () => {
    const out = pair(filled(1, 0), filled(1, 1));
    await run(nexus, caw(0, 1, FUA), { out });
    expect(medium.calls).toEqual(['read', 'write fua']);
    medium.setWriteCache(true);
    medium.calls.length = 0;
    expect((await run(nexus, caw(1, 1, FUA), { out })).outcome).toBe('good');
    expect(medium.calls).toEqual(['flush', 'read', 'write fua']);
    medium.failing['flush'] = { kind: 'writeError', reason: 'EIO' };
    expect((await run(nexus, caw(2, 1, FUA), { out })).outcome).toBe('03/0c/00');
    expect((await run(nexus, caw(2, 1), { out })).outcome).toBe('good');
  });
});

describe('COMPARE AND WRITE is refused', () => {
  const refusal = async (cdb: number[], options: Options): Promise<string> => {
    const task = await run(nexus, cdb, options);
    // Nothing is done, not even a look at the medium.
    expect(medium.calls).toEqual([]);
    return task.outcome;
  };

  test('with more blocks than VPD B0h allows, pointed at', async () => {
    for (const count of [MAX_COMPARE_AND_WRITE_BLOCKS + 1, 255]) {
      const task = await run(nexus, caw(0, count), { out: filled(2 * count, 0) });
      expect([task.outcome, fieldOf(task.sense)]).toEqual(['05/24/00', [0xc0, 0, 13]]);
    }
    expect(medium.calls).toEqual([]);
  });

  test('with WRPROTECT, reserved bits or a group number', async () => {
    const out = filled(2, 0);
    for (const flags of [0x20, 0x40, 0x80, 0x01, 0x04]) {
      expect(await refusal(caw(0, 1, flags), { out })).toBe('05/24/00');
    }
    for (const at of [10, 11, 12, 14, 15]) {
      const cdb = caw(0, 1);
      cdb[at] = 1;
      expect(await refusal(cdb, { out })).toBe('05/24/00');
    }
  });

  test('DPO and FUA where they are not served', async () => {
    const made = unit({ attributes: { emulate_dpo: false, emulate_fua_write: false } });
    const out = filled(2, 0);
    for (const flags of [0x08, 0x10]) {
      const task = await run(nexusOn({ 0: made.lu }), caw(0, 1, flags), { out });
      expect(task.outcome).toBe('05/24/00');
    }
    for (const flags of [0x08, 0x10, 0x18]) {
      expect((await run(nexus, caw(0, 1, flags), { out })).outcome).toBe('good');
    }
  });

  test('beyond the end of the medium', async () => {
    const out = filled(4, 0);
    expect(await refusal(caw(BLOCKS, 1), { out })).toBe('05/21/00');
    expect(await refusal(caw(BLOCKS - 1, 2), { out })).toBe('05/21/00');
    expect(await refusal(caw(2 ** 40, 1), { out })).toBe('05/21/00');
    expect(await refusal(caw(BLOCKS + 1, 0), {})).toBe('05/21/00');
    expect((await run(nexus, caw(BLOCKS - 1, 1), { out })).outcome).toBe('good');
  });

  test('but not of zero blocks, which does nothing, unless there is data for more', async () => {
    for (const lba of [0, BLOCKS]) expect(await refusal(caw(lba, 0), {})).toBe('good');
    const task = await run(nexus, caw(0, 0), { out: filled(512, 0) });
    expect([task.outcome, fieldOf(task.sense)]).toEqual(['05/24/00', [0xc0, 0, 13]]);
    expect(medium.calls).toEqual([]);
  });

  test('when the initiator gives less data than both halves: GOOD would be a lie', async () => {
    for (const outLength of [0, BLOCK, 2 * BLOCK, 4 * BLOCK - 1]) {
      const options = { out: filled(4, 0), outLength };
      expect(await refusal(caw(0, 2), options)).toBe('05/0e/03');
      expect((await run(nexus, caw(0, 2), options)).dataOutLength).toBe(4 * BLOCK);
    }
  });

  test('not when it gives more, of which only the residual is told', async () => {
    const out = pair(filled(1, 0), filled(3, 4));
    const task = await run(nexus, caw(0, 1), { out });
    expect([task.outcome, task.dataOutLength]).toEqual(['good', 2 * BLOCK]);
    expect(await stored(0, 2)).toEqual(pair(filled(1, 4), filled(1, 0)));
  });

  test('on what is write-protected: the mapping, the medium, by mode page', async () => {
    const out = filled(2, 0);
    const readOnly = nexusOn({ 0: lu }, { writeProtect: true });
    expect((await run(readOnly, caw(0, 1), { out })).outcome).toBe('07/27/00');
    lu.softwareWriteProtect = true;
    expect(await refusal(caw(0, 1), { out })).toBe('07/27/00');
    lu.softwareWriteProtect = false;
    medium.readOnly = true;
    expect(await refusal(caw(0, 1), { out })).toBe('07/27/00');
  });

  test('when its data never comes whole', async () => {
    const task = run(nexus, caw(0, 1), { out: filled(2, 0), holdsTransfers: true });
    for (const { task: waiting } of lu.taskSet.commands()) waiting.stopData();
    await task;
    expect(medium.calls).toEqual([]);
  });

  test('with what the medium says, and holds nobody up after that', async () => {
    const out = pair(filled(1, 0), filled(1, 1));
    medium.failing['read'] = { kind: 'readError', reason: 'EIO' };
    const unread = await run(nexus, caw(7, 1), { out });
    expect([unread.outcome, unread.sense?.readUInt32BE(3)]).toEqual(['03/11/00', 7]);
    delete medium.failing['read'];
    medium.failing['write'] = { kind: 'writeError', reason: 'EIO' };
    const unwritten = await run(nexus, caw(7, 1), { out });
    expect([unwritten.outcome, unwritten.sense?.readUInt32BE(3)]).toEqual(['03/0c/00', 7]);
    delete medium.failing['write'];
    expect((await run(nexus, caw(7, 1), { out })).outcome).toBe('good');
    expect(lu.storage).toBe(medium);
  });
});

describe('emulate_caw', () => {
  const limits = async (): Promise<number | undefined> =>
    (await run(nexus, [0x12, 1, 0xb0, 0, 64, 0], { inLength: 64 })).dataIn[5];
  const reported = async (): Promise<string> => {
    const cdb = [0xa3, 0x0c, 1, 0x89, 0, 0, 0, 0, 0, 64, 0, 0];
    return (await run(nexus, cdb, { inLength: 64 })).dataIn.toString('hex');
  };

  test('is on by default: VPD B0h and REPORT SUPPORTED OPERATION CODES tell it', async () => {
    expect(await limits()).toBe(MAX_COMPARE_AND_WRITE_BLOCKS);
    expect(await reported()).toBe('00030010' + '891a' + 'ff'.repeat(8) + '000000' + 'ff' + '0000');
  });

  test('off: the command is unknown and the limit 0, and initiators are told', async () => {
    lu.updateAttributes(attributesOf('ramdisk', { emulate_caw: false }));
    expect(attentions(nexus)).toEqual(['3f03']);
    expect((await run(nexus, caw(0, 1), { out: filled(2, 0) })).outcome).toBe('05/20/00');
    expect([await limits(), await reported()]).toEqual([0, '00010000']);
  });
});
