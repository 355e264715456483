import { beforeEach, describe, expect, test } from 'vitest';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { BLOCK, cdb10, cdb12, cdb16, nexusOn, run, unit, type ScriptedMedium } from './bench.ts';

const COMPARE = 0x02;
const ONE_BLOCK = 0x06;
/** More than two chunks. */
const BLOCKS = 3000;
const data = Buffer.from(Array.from({ length: BLOCKS * BLOCK }, (_, index) => (index * 11) & 0xff));

let nexus: ItNexus;
let medium: ScriptedMedium;
beforeEach(() => {
  const made = unit();
  medium = made.medium;
  medium.ram.write(data, 0, false, () => {});
  nexus = nexusOn({ 0: made.lu });
});

describe.each([
  ['10', 0x2f, cdb10],
  ['12', 0xaf, cdb12],
  ['16', 0x8f, cdb16],
] as const)('VERIFY(%s)', (_name, opcode, cdb) => {
  test('compares each byte and points at the first that differs', async () => {
    expect((await run(nexus, cdb(opcode, 0, BLOCKS, COMPARE), { out: data })).outcome).toBe('good');
    for (const at of [0, 700_001, data.length - 1]) {
      const changed = Buffer.from(data);
      changed[at] = (changed[at] ?? 0) ^ 0x58;
      const task = await run(nexus, cdb(opcode, 0, BLOCKS, COMPARE), { out: changed });
      expect(task.outcome).toBe('0e/1d/00');
      expect(task.sense?.[0]).toBe(0xf0);
      expect(task.sense?.readUInt32BE(3)).toBe(at);
    }
  });

  test('without BYTCHK reads the medium and takes no data', async () => {
    medium.calls.length = 0;
    const task = await run(nexus, cdb(opcode, 0, BLOCKS), { out: Buffer.alloc(BLOCK) });
    expect([task.outcome, task.dataOutLength]).toEqual(['good', 0]);
    expect(medium.calls).toEqual(['read', 'read']);
    medium.failing['read'] = { kind: 'readError', reason: 'EIO' };
    expect((await run(nexus, cdb(opcode, 0, 1))).outcome).toBe('03/11/00');
  });

  test('with BYTCHK 11b compares one block with all', async () => {
    const block = Buffer.alloc(BLOCK, 0x33);
    medium.ram.write(Buffer.alloc(2600 * BLOCK, 0x33), 0, false, () => {});
    expect((await run(nexus, cdb(opcode, 0, 2600, ONE_BLOCK), { out: block })).outcome).toBe(
      'good',
    );
    const task = await run(nexus, cdb(opcode, 0, 2601, ONE_BLOCK), { out: block });
    expect([task.outcome, task.dataOutLength]).toEqual(['0e/1d/00', BLOCK]);
  });

  test('refuses BYTCHK 10b and VRPROTECT, and ranges beyond the end', async () => {
    expect((await run(nexus, cdb(opcode, 0, 1, 0x04))).outcome).toBe('05/24/00');
    expect((await run(nexus, cdb(opcode, 0, 1, 0x22), { out: data })).outcome).toBe('05/24/00');
    expect((await run(nexus, cdb(opcode, 4097, 0, COMPARE))).outcome).toBe('05/21/00');
    expect((await run(nexus, cdb(opcode, 4096, 1, COMPARE))).outcome).toBe('05/21/00');
  });
});

describe.each([
  ['10', 0x2e, cdb10],
  ['12', 0xae, cdb12],
  ['16', 0x8e, cdb16],
] as const)('WRITE AND VERIFY(%s)', (_name, opcode, cdb) => {
  test('makes the data durable and reads it back', async () => {
    const next = Buffer.alloc(BLOCK * 2, 5);
    medium.calls.length = 0;
    const task = await run(nexus, cdb(opcode, 10, 2, COMPARE), { out: next });
    expect([task.outcome, medium.calls]).toEqual(['good', ['write fua', 'read']]);
    const back = await run(nexus, cdb10(0x28, 10, 2), { inLength: 2 * BLOCK });
    expect(back.dataIn.equals(next)).toBe(true);
  });

  test('tells when the medium does not hold what was written', async () => {
    medium.write = (_from, _at, _fua, done) => done(null);
    const task = await run(nexus, cdb(opcode, 10, 1), { out: Buffer.alloc(BLOCK, 5) });
    expect(task.outcome).toBe('0e/1d/00');
  });
});
