import { beforeEach, describe, expect, test } from 'vitest';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { MODE_PAGES } from '../../../../src/target/scsi/mode_pages.ts';
import {
  attentions,
  BLOCK,
  cdb10,
  clearAttentions,
  nexusOn,
  run,
  unit,
  type ScriptedMedium,
} from './bench.ts';

let nexus: ItNexus;
let other: ItNexus;
let lu: LogicalUnit;
let medium: ScriptedMedium;
beforeEach(() => {
  ({ lu, medium } = unit());
  nexus = nexusOn({ 0: lu });
  other = nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' });
});

const sense6 = (page: number, flags = 0, subpage = 0, length = 255) =>
  run(nexus, [0x1a, flags, page, subpage, length, 0], { inLength: length });
const sense10 = (page: number, flags = 0) =>
  run(nexus, [0x5a, flags, page, 0, 0, 0, 0, 2, 0, 0], { inLength: 512 });
const select6 = (list: Buffer | number[], flags = 0x10) => {
  const out = Buffer.from(list);
  return run(nexus, [0x15, flags, 0, 0, out.length, 0], { out });
};
const DBD = 0x08;
const CHANGEABLE = 0x40;
const DEFAULT = 0x80;
const SAVED = 0xc0;
const page = async (code: number) => (await sense6(code, DBD)).dataIn.subarray(4);

describe('MODE SENSE', () => {
  test('all pages are the pages, one after the other', async () => {
    const { dataIn, dataInLength } = await sense6(0x3f);
    expect(dataIn[0]).toBe(dataIn.length - 1);
    expect(dataInLength).toBe(dataIn.length);
    expect([...dataIn.subarray(1, 4)]).toEqual([0, 0x10, 8]);
    expect(dataIn.toString('hex', 4, 12)).toBe('0000100000000200');
    const pages = Buffer.concat(MODE_PAGES.map((each) => each.current(lu)));
    expect(dataIn.subarray(12).equals(pages)).toBe(true);
    expect((await sense6(0x3f, 0, 0xff)).dataIn.equals(dataIn)).toBe(true);
  });

  test('(10) has room for a long block descriptor', async () => {
    const long = (await sense10(0x08, 0x10)).dataIn;
    expect(long.readUInt16BE(0)).toBe(long.length - 2);
    expect([long[3], long[4], long.readUInt16BE(6)]).toEqual([0x10, 1, 16]);
    expect(long.readBigUInt64BE(8)).toBe(4096n);
    expect(long.readUInt32BE(20)).toBe(BLOCK);
    expect((await sense10(0x08)).dataIn.readUInt16BE(6)).toBe(8);
    expect((await sense10(0x08, DBD)).dataIn.readUInt16BE(6)).toBe(0);
  });

  test('tells what may be changed, and the defaults; nothing is saved', async () => {
    const values = async (control: number, code: number) =>
      (await sense6(control | code, DBD)).dataIn.subarray(4).toString('hex');
    expect(await values(CHANGEABLE, 0x0a)).toBe('0a0a04000800000000000000');
    expect((await values(CHANGEABLE, 0x08)).startsWith('08120400')).toBe(true);
    await select6([0, 0, 0, 0, ...(await page(0x0a)).with(4, 0x08)]);
    expect(await values(0, 0x0a)).toBe('0a0a021008400000ffff0000');
    expect(await values(DEFAULT, 0x0a)).toBe('0a0a021000400000ffff0000');
    expect((await sense6(SAVED | 0x0a)).outcome).toBe('05/39/00');
  });

  test('shows write protection by mapping, medium and SWP, and DPOFUA by attribute', async () => {
    const flags = async (of: ItNexus) =>
      (await run(of, [0x1a, DBD, 8, 0, 255, 0], { inLength: 255 })).dataIn[2];
    expect(await flags(nexus)).toBe(0x10);
    expect(await flags(nexusOn({ 0: lu }, { writeProtect: true }))).toBe(0x90);
    medium.readOnly = true;
    expect(await flags(nexus)).toBe(0x90);
    expect(await flags(nexusOn({ 0: unit({ attributes: { emulate_dpo: false } }).lu }))).toBe(0);
  });

  test('refuses pages and subpages that are not there', async () => {
    expect((await sense6(0x1c)).outcome).toBe('05/24/00');
    expect((await sense6(0x0a, 0, 1)).outcome).toBe('05/24/00');
  });

  test('is answered while the medium is away', async () => {
    medium.fault = { kind: 'notReady', reason: 'gone' };
    expect((await sense6(0x3f)).outcome).toBe('good');
  });
});

describe('MODE SELECT', () => {
  test('SWP refuses writes and lets reads through, for all, until it is cleared', async () => {
    const control = await page(0x0a);
    expect((await select6([0, 0, 0, 0, ...control.with(4, 0x08)])).outcome).toBe('good');
    expect(attentions(nexus)).toEqual([]);
    expect(attentions(other)).toEqual(['2a01']);
    for (const each of [nexus, other]) {
      const write = await run(each, cdb10(0x2a, 0, 1), { out: Buffer.alloc(BLOCK) });
      expect(write.outcome).toBe('07/27/00');
      expect((await run(each, cdb10(0x28, 0, 1), { inLength: BLOCK })).outcome).toBe('good');
    }
    await select6([0, 0, 0, 0, ...control]);
    const write = await run(nexus, cdb10(0x2a, 0, 1), { out: Buffer.alloc(BLOCK) });
    expect(write.outcome).toBe('good');
  });

  test('D_SENSE changes the format of sense data', async () => {
    const control = await page(0x0a);
    await select6([0, 0, 0, 0, ...control.with(2, 0x06)]);
    const task = await run(nexus, cdb10(0x28, 4096, 1), { inLength: BLOCK });
    expect(task.sense?.toString('hex')).toBe(`7205210000000${'00c000a8000'}${'0000000000001000'}`);
    clearAttentions(nexus);
  });

  test('WCE off makes durable what was cached', async () => {
    const caching = await page(0x08);
    expect((await select6([0, 0, 0, 0, ...caching.with(2, 0x04)])).outcome).toBe('good');
    expect(medium.writeCache).toBe(true);
    medium.calls.length = 0;
    expect((await select6([0, 0, 0, 0, ...caching])).outcome).toBe('good');
    expect([medium.writeCache, medium.calls]).toEqual([false, ['flush']]);
  });

  test('changes nothing when any part is refused', async () => {
    const control = await page(0x0a);
    const caching = await page(0x08);
    const wce = [...caching.with(2, 0x04)];
    const lists: [number[], string][] = [
      [[0, 0, 0, 0, ...wce, ...control.with(3, 0)], '05/26/00'],
      [[0, 0, 0, 0, ...wce, 0x1c, 0], '05/26/00'],
      [[0, 0, 0, 0, ...wce, 0x8a, ...control.subarray(1)], '05/26/00'],
      [[0, 0, 0, 0, ...wce.slice(0, -1)], '05/1a/00'],
      [[0, 0, 0, 8, ...wce], '05/26/00'],
      [[0, 1, 0, 0, ...wce], '05/26/00'],
      [[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 4, 0, ...wce], '05/26/00'],
      [[0, 0, 0], '05/1a/00'],
    ];
    for (const [list, outcome] of lists) expect((await select6(list)).outcome).toBe(outcome);
    expect((await select6([0, 0, 0, 0, ...wce], 0x11)).outcome).toBe('05/24/00');
    expect((await select6([0, 0, 0, 0, ...wce], 0)).outcome).toBe('05/24/00');
    expect(medium.writeCache).toBe(false);
    expect(attentions(other)).toEqual([]);
  });

  test('takes a block descriptor that changes nothing, and its own data back', async () => {
    const { dataIn } = await sense10(0x3f, 0x10);
    const out = Buffer.from(dataIn).fill(0, 0, 4);
    const task = await run(nexus, [0x55, 0x10, 0, 0, 0, 0, 0, 0, out.length, 0], { out });
    expect(task.outcome).toBe('good');
  });
});
