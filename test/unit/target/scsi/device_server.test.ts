import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/target/scsi/command_table.ts';
import { STAGING } from '../../../../src/target/scsi/staging.ts';
import { cdbLength } from '../../../../src/target/scsi/cdb.ts';
import {
  attentions,
  BLOCK,
  cdb10,
  cdb16,
  clearAttentions,
  mapping,
  nexusOn,
  run,
  start,
  TEST_UNIT_READY,
  unit,
} from './bench.ts';

const INQUIRY = [0x12, 0, 0, 0, 96, 0];
const REPORT_LUNS = [0xa0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
const REQUEST_SENSE = [0x03, 0, 0, 0, 252, 0];

describe('the shared checks', () => {
  test('a LUN that is not mapped answers INQUIRY, REPORT LUNS and REQUEST SENSE only', async () => {
    const nexus = nexusOn({ 3: unit().lu, 300: unit().lu });
    for (const lun of [0, 7, -1]) {
      const inquiry = await run(nexus, INQUIRY, { lun, inLength: 96 });
      expect([inquiry.outcome, inquiry.dataIn[0], inquiry.dataIn.length]).toEqual([
        'good',
        0x7f,
        96,
      ]);
      const luns = await run(nexus, REPORT_LUNS, { lun, inLength: 512 });
      expect(luns.dataIn.toString('hex')).toBe(
        '0000001000000000' + '0003000000000000' + '412c000000000000',
      );
      const sense = await run(nexus, REQUEST_SENSE, { lun, inLength: 252 });
      expect([sense.outcome, sense.dataIn[2], sense.dataIn[12]]).toEqual(['good', 5, 0x25]);
      expect((await run(nexus, TEST_UNIT_READY, { lun })).outcome).toBe('05/25/00');
      expect((await run(nexus, [0xff], { lun })).outcome).toBe('05/25/00');
      expect((await run(nexus, [0x12, 1, 0x83, 0, 96, 0], { lun })).outcome).toBe('05/24/00');
    }
  });

  test('a unit attention is told once, and not by INQUIRY or REPORT LUNS', async () => {
    const nexus = nexusOn({ 0: unit().lu }, { keepAttentions: true });
    expect((await run(nexus, INQUIRY, { inLength: 96 })).outcome).toBe('good');
    expect((await run(nexus, REPORT_LUNS, { inLength: 96 })).outcome).toBe('good');
    expect((await run(nexus, cdb10(0x28, 0, 1), { inLength: BLOCK })).outcome).toBe('06/29/00');
    expect((await run(nexus, TEST_UNIT_READY)).outcome).toBe('good');
  });

  test('REQUEST SENSE tells a unit attention, readiness or nothing, in either form', async () => {
    const { lu, medium } = unit();
    const nexus = nexusOn({ 0: lu }, { keepAttentions: true });
    const sense = async (flags = 0) =>
      (await run(nexus, [3, flags, 0, 0, 252, 0], { inLength: 252 })).dataIn.toString('hex', 0, 14);
    expect(await sense()).toBe('70000600000000' + '0a' + '00000000' + '2900');
    expect(await sense(1)).toBe('7200000000000000');
    medium.fault = { kind: 'notReady', reason: 'gone' };
    expect(await sense(1)).toBe('7202040000000000');
  });

  test('REPORT LUNS clears what it answers; an autosense of it clears all LUNs', async () => {
    const { lu } = unit();
    const units = { 0: lu, 1: unit().lu };
    const nexus = nexusOn(units);
    nexus.setLuns(mapping({ ...units, 2: unit().lu }));
    expect((await run(nexus, REPORT_LUNS, { inLength: 96 })).outcome).toBe('good');
    expect([attentions(nexus, 0), attentions(nexus, 1)]).toEqual([[], []]);
    nexus.setLuns(mapping(units));
    expect((await run(nexus, TEST_UNIT_READY, { lun: 1 })).outcome).toBe('06/3f/0e');
    expect(attentions(nexus, 0)).toEqual([]);
  });

  test('a medium that is away is NOT READY to what needs it, and capacity comes back', async () => {
    const { lu, medium } = unit();
    const nexus = nexusOn({ 0: lu });
    medium.fault = { kind: 'notReady', reason: 'gone' };
    for (const cdb of [TEST_UNIT_READY, cdb10(0x28, 0, 1), [0x25], [0x9e, 0x10]]) {
      expect((await run(nexus, cdb, { inLength: BLOCK })).outcome).toBe('02/04/00');
    }
    expect((await run(nexus, INQUIRY, { inLength: 96 })).outcome).toBe('good');
    medium.fault = null;
    expect((await run(nexus, TEST_UNIT_READY)).outcome).toBe('good');
  });

  test('a write-protected mapping refuses every command that writes', async () => {
    const { lu } = unit({ attributes: { emulate_tpu: true } });
    const nexus = nexusOn({ 0: lu }, { writeProtect: true });
    const writes = COMMANDS.filter((row) => row.checks.writes === true);
    expect(writes.map(({ name }) => name)).toContain('UNMAP');
    for (const { opcode } of writes) {
      expect((await run(nexus, [opcode], { out: Buffer.alloc(BLOCK) })).outcome).toBe('07/27/00');
    }
    expect((await run(nexus, cdb10(0x28, 0, 1), { inLength: BLOCK })).outcome).toBe('good');
  });

  test('unknown operations and service actions are refused', async () => {
    const nexus = nexusOn({ 0: unit().lu });
    for (const cdb of [[0xff], [0x5f], [0x9e, 0x12], [0xa3, 0x0b]]) {
      expect((await run(nexus, cdb)).outcome).toBe('05/20/00');
    }
  });

  test('each bit that is not served is refused, and pointed at', async () => {
    const nexus = nexusOn({ 0: unit().lu });
    for (const row of COMMANDS.filter(({ served }) => served === undefined)) {
      for (let at = 1; at < row.usage.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          if ((((row.usage[at] ?? 0) >>> bit) & 1) !== 0) continue;
          const cdb = [row.opcode, row.serviceAction ?? 0, ...Array<number>(14).fill(0)];
          cdb[at] = (cdb[at] ?? 0) | (1 << bit);
          const task = await run(nexus, cdb);
          expect(task.outcome, `${row.name} byte ${at} bit ${bit}`).toBe('05/24/00');
          expect([...(task.sense?.subarray(15, 18) ?? [])]).toEqual([0xc8 | bit, 0, at]);
        }
      }
    }
  });

  test('task attributes that are not served are refused', async () => {
    const nexus = nexusOn({ 0: unit().lu });
    expect((await run(nexus, TEST_UNIT_READY, { attribute: 4 })).outcome).toBe('05/49/00');
    expect((await run(nexus, TEST_UNIT_READY, { attribute: 7 })).outcome).toBe('05/49/00');
    expect((await run(nexus, TEST_UNIT_READY, { attribute: 0 })).outcome).toBe('good');
  });

  test('whatever a peer sends is answered once, within what it expects', async () => {
    const { lu } = unit({ blocks: 64, attributes: { emulate_tpu: true, emulate_tpws: true } });
    const nexus = nexusOn({ 0: lu });
    const opcode = fc.oneof(
      fc.constantFrom(...COMMANDS.map((row) => row.opcode)),
      fc.integer({ min: 0, max: 255 }),
    );
    const small = fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      fc.integer({ min: 0, max: 255 }),
    );
    await fc.assert(
      fc.asyncProperty(
        opcode,
        fc.array(small, { minLength: 15, maxLength: 15 }),
        fc.nat(70_000),
        fc.uint8Array({ maxLength: 2048 }),
        fc.boolean(),
        async (code, rest, inLength, out, input) => {
          const task = await run(nexus, [code, ...rest], {
            inLength: input ? inLength : 0,
            out: input ? Buffer.alloc(0) : Buffer.from(out),
          });
          expect(task.completions).toBe(1);
          expect(task.dataIn.length).toBeLessThanOrEqual(task.dataInExpected);
          clearAttentions(nexus);
        },
      ),
      { numRuns: 2000 },
    );
    expect(STAGING.usedBytes).toBe(0);
  });
});

describe('capacity', () => {
  const capacity = async (blocks: number, attributes = {}) => {
    const { lu, medium } = unit({ attributes });
    medium.sizeBytes = blocks * lu.blockSize + 100;
    const nexus = nexusOn({ 0: lu });
    const ten = await run(nexus, [0x25], { inLength: 8 });
    const sixteen = await run(nexus, [0x9e, 0x10, ...Array<number>(11).fill(0), 32, 0, 0], {
      inLength: 32,
    });
    return [ten.dataIn.toString('hex'), sixteen.dataIn.toString('hex')];
  };
  test('is the last whole block, in both forms', async () => {
    const zeros = (bytes: number) => '00'.repeat(bytes);
    expect(await capacity(4096)).toEqual([
      '00000fff00000200',
      `0000000000000fff00000200${zeros(20)}`,
    ]);
    const large = { block_size: 4096, emulate_tpws: true };
    expect(await capacity(2 ** 32 + 5, large)).toEqual([
      'ffffffff00001000',
      `000000010000000400001000${'0000c000'}${zeros(16)}`,
    ]);
  });

  test('change is told on every nexus, once, and only when there is one', async () => {
    const { lu, medium } = unit();
    const nexuses = [nexusOn({ 0: lu }), nexusOn({ 5: lu })];
    medium.sizeBytes += 100;
    lu.capacityChanged();
    expect(attentions(nexuses[0]!)).toEqual([]);
    medium.sizeBytes *= 2;
    lu.capacityChanged();
    lu.capacityChanged();
    expect([attentions(nexuses[0]!), attentions(nexuses[1]!, 5)]).toEqual([['2a09'], ['2a09']]);
    const far = await run(nexuses[0]!, cdb10(0x28, 8000, 1), { inLength: BLOCK });
    expect(far.outcome).toBe('good');
  });
});

describe('commands without data', () => {
  test('SYNCHRONIZE CACHE flushes, checks its range and tells failure', async () => {
    const { lu, medium } = unit();
    const nexus = nexusOn({ 0: lu });
    for (const cdb of [cdb10(0x35, 0, 0), cdb16(0x91, 5, 1), cdb10(0x35, 0, 0, 0x02)]) {
      medium.calls.length = 0;
      expect([(await run(nexus, cdb)).outcome, medium.calls]).toEqual(['good', ['flush']]);
    }
    expect((await run(nexus, cdb10(0x35, 4097, 0))).outcome).toBe('05/21/00');
    medium.failing['flush'] = { kind: 'writeError', reason: 'EIO' };
    expect((await run(nexus, cdb10(0x35, 0, 0))).outcome).toBe('03/0c/00');
  });

  test('a stopped unit refuses its medium until it is started', async () => {
    const { lu, medium } = unit();
    const nexus = nexusOn({ 0: lu });
    expect((await run(nexus, [0x1b, 0, 0, 0, 0, 0])).outcome).toBe('good');
    expect(medium.calls).toEqual(['flush']);
    expect((await run(nexus, TEST_UNIT_READY)).outcome).toBe('02/04/02');
    expect((await run(nexus, [0x1b, 0, 0, 0, 1, 0])).outcome).toBe('good');
    expect((await run(nexus, TEST_UNIT_READY)).outcome).toBe('good');
    expect((await run(nexus, [0x1b, 0, 0, 0, 2, 0])).outcome).toBe('05/24/00');
  });

  test('PREVENT is refused on a medium that cannot be removed, ALLOW is not', async () => {
    const nexus = nexusOn({ 0: unit().lu });
    expect((await run(nexus, [0x1e, 0, 0, 0, 0, 0])).outcome).toBe('good');
    expect((await run(nexus, [0x1e, 0, 0, 0, 1, 0])).outcome).toBe('05/24/00');
  });
});

describe('REPORT SUPPORTED OPERATION CODES', () => {
  const rsoc = (options: number, opcode = 0, action = 0, attributes = {}) =>
    run(
      nexusOn({ 0: unit({ attributes }).lu }),
      [0xa3, 0x0c, options, opcode, 0, action, 0, 0, 0x10, 0, 0, 0],
      { inLength: 4096 },
    );

  test('lists what is served, and only that', async () => {
    const { dataIn } = await rsoc(0);
    expect(dataIn.readUInt32BE(0)).toBe(dataIn.length - 4);
    const opcodes = [];
    for (let at = 4; at < dataIn.length; at += 8) {
      opcodes.push(dataIn[at]);
      expect(dataIn.readUInt16BE(at + 6)).toBe(cdbLength(dataIn[at] ?? 0));
    }
    expect(opcodes).toHaveLength(COMMANDS.length - 2);
    expect(opcodes).not.toContain(0x42);
    const all = await rsoc(0x80, 0, 0, { emulate_tpu: true });
    expect(all.dataIn.length).toBe(4 + COMMANDS.length * 20);
    expect(all.dataIn[9]).toBe(0x02);
  });

  test('tells the usage bits of one command, as the attributes have them', async () => {
    const read10 = (attributes = {}) => rsoc(1, 0x28, 0, attributes);
    expect((await read10()).dataIn.toString('hex')).toBe('0003000a' + '281affffffff00ffff00');
    expect((await read10({ emulate_dpo: false })).dataIn[5]).toBe(0x02);
    expect((await rsoc(0x81, 0x00)).dataIn.toString('hex')).toBe(
      `008300060000000000${'00'}000a${'00'.repeat(10)}`,
    );
    expect((await rsoc(1, 0x42)).dataIn.toString('hex')).toBe('00010000');
    expect((await rsoc(2, 0x9e, 0x10)).dataIn.toString('hex', 0, 6)).toBe('000300109e10');
    expect((await rsoc(3, 0x9e, 0x12)).dataIn.toString('hex')).toBe('00010000');
    expect((await rsoc(3, 0x28)).dataIn[1]).toBe(3);
  });

  test('refuses an option that does not fit, and is hidden by its attribute', async () => {
    expect((await rsoc(1, 0x9e)).outcome).toBe('05/24/00');
    expect((await rsoc(2, 0x28)).outcome).toBe('05/24/00');
    expect((await rsoc(4)).outcome).toBe('05/24/00');
    expect((await rsoc(0, 0, 0, { emulate_rsoc: false })).outcome).toBe('05/20/00');
  });

  test('the table has each command once, with a CDB as long as its opcode says', () => {
    const keys = COMMANDS.map((row) => `${row.opcode}/${row.serviceAction ?? ''}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const row of COMMANDS) expect(row.usage).toHaveLength(cdbLength(row.opcode));
  });
});

test('REPORT LUNS knows its selections and least length', async () => {
  const nexus = nexusOn({ 0: unit().lu });
  const report = (select: number, length: number) =>
    run(nexus, [0xa0, 0, select, 0, 0, 0, 0, 0, 0, length, 0, 0], { inLength: length });
  expect((await report(2, 16)).dataIn.length).toBe(16);
  expect((await report(1, 16)).dataIn.toString('hex')).toBe('0000000000000000');
  expect((await report(0, 15)).outcome).toBe('05/24/00');
  expect((await report(3, 16)).outcome).toBe('05/24/00');
});

test('parameter data goes with its status, not waiting to be sent', () => {
  const nexus = nexusOn({ 0: unit().lu });
  const task = start(nexus, INQUIRY, { inLength: 96, holdsTransfers: true });
  expect(task.done).toBe(true);
});
