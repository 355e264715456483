import { describe, expect, test } from 'vitest';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { naaIdentifier } from '../../../../src/target/scsi/vpd.ts';
import { nexusOn, run, unit, WWN, type UnitOptions } from './bench.ts';

const inquire = async (nexus: ItNexus, page: number | null, length = 255) => {
  const cdb = [0x12, page === null ? 0 : 1, page ?? 0, length >>> 8, length & 0xff, 0];
  return run(nexus, cdb, { inLength: length });
};
const of = (options: UnitOptions) => nexusOn({ 0: unit(options).lu });
const text = (data: Buffer, from: number, to: number) => data.toString('latin1', from, to);

describe('standard INQUIRY data', () => {
  test('names us, the kind, and the standards', async () => {
    const { dataIn } = await inquire(of({ kind: 'fileio' }), null);
    expect(dataIn.length).toBe(96);
    expect([...dataIn.subarray(0, 8)]).toEqual([0, 0, 6, 0x12, 91, 0x30, 0, 2]);
    expect(text(dataIn, 8, 36)).toBe('LUNSMITHFILEIO          0001');
    expect(dataIn.toString('hex', 58, 66)).toBe('00a0046004c00960');
  });

  test('shows the object’s name with emulate_model_alias, in ASCII of 16 bytes', async () => {
    const attributes = { emulate_model_alias: true };
    const { dataIn } = await inquire(of({ name: 'näme-of-a-long-disk', attributes }), null);
    expect(text(dataIn, 16, 32)).toBe('n?me-of-a-long-d');
  });

  test('is cut to the allocation length', async () => {
    for (const length of [0, 5, 36, 95]) {
      const { dataIn, dataInLength, outcome } = await inquire(of({}), null, length);
      expect([outcome, dataIn.length, dataInLength]).toEqual(['good', length, length]);
    }
  });

  test('refuses a page code without EVPD, and a page that is not there', async () => {
    expect((await run(of({}), [0x12, 0, 1, 0, 96, 0])).outcome).toBe('05/24/00');
    expect((await inquire(of({}), 0xb5)).outcome).toBe('05/24/00');
  });
});

describe('vital product data', () => {
  test('lists each page that is served, ascending', async () => {
    const nexus = of({});
    const { dataIn } = await inquire(nexus, 0);
    const pages = [...dataIn.subarray(4)];
    expect(pages).toEqual([0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2]);
    for (const page of pages) {
      const answer = await inquire(nexus, page, 1024);
      expect(answer.dataIn[1]).toBe(page);
      expect(answer.dataIn.readUInt16BE(2)).toBe(answer.dataIn.length - 4);
    }
  });

  test('80h is the unit serial number', async () => {
    const { dataIn } = await inquire(of({}), 0x80);
    expect(text(dataIn, 4, 4 + WWN.length)).toBe(WWN);
  });

  test('83h identifies unit and port', async () => {
    const { dataIn } = await inquire(of({ kind: 'fileio' }), 0x83, 1024);
    const found = new Map<string, string>();
    for (let at = 4; at < dataIn.length; at += 4 + (dataIn[at + 3] ?? 0)) {
      const association = ((dataIn[at + 1] ?? 0) >>> 4) & 3;
      const type = (dataIn[at + 1] ?? 0) & 0xf;
      const value = dataIn.subarray(at + 4, at + 4 + (dataIn[at + 3] ?? 0));
      const printable = type === 1 || type === 8;
      found.set(`${association}:${type}`, value.toString(printable ? 'latin1' : 'hex'));
    }
    expect(Object.fromEntries(found)).toEqual({
      '0:3': '60014053f0c8a127b5e4d219c4401234',
      '0:1': `LUNSMITHfileio:${WWN}`,
      '1:4': '00000003',
      '1:5': '00000000',
      '0:6': '00000000',
      '1:8': 'iqn.2003-01.example:t,t,0x000A\0\0',
    });
  });

  test('the NAA identifier of a short or odd serial is padded', () => {
    expect(naaIdentifier('abc').toString('hex')).toBe(`6001405abc${'0'.repeat(22)}`);
    expect(naaIdentifier('zz-12').toString('hex')).toBe(`600140512${'0'.repeat(23)}`);
  });

  test('B0h, B1h and B2h follow the attributes', async () => {
    const thick = (await inquire(of({ kind: 'fileio' }), 0xb0)).dataIn;
    expect(thick.readUInt16BE(2)).toBe(0x3c);
    expect(thick[4]).toBe(1);
    expect(thick.readUInt32BE(8)).toBe(16384);
    expect(thick.readUInt32BE(20)).toBe(0);
    expect(thick.readUInt32BE(40)).toBe(4096);
    expect((await inquire(of({}), 0xb2)).dataIn.toString('hex')).toBe('00b2000400000000');
    const attributes = {
      emulate_tpu: true,
      emulate_tpws: true,
      is_nonrot: true,
      unmap_granularity: 8,
      unmap_granularity_alignment: 4,
    };
    const thin = of({ kind: 'fileio', attributes });
    const limits = (await inquire(thin, 0xb0)).dataIn;
    expect([20, 24, 28, 32].map((at) => limits.readUInt32BE(at))).toEqual([
      8192, 1, 8, 0x8000_0004,
    ]);
    expect((await inquire(thin, 0xb2)).dataIn.toString('hex')).toBe('00b2000400e40200');
    expect((await inquire(thin, 0xb1)).dataIn.readUInt16BE(4)).toBe(1);
  });

  test('UNMAP limits of 0 mean no limit, which VPD says in its own way', async () => {
    const { dataIn } = await inquire(
      of({ kind: 'block', attributes: { emulate_tpu: true } }),
      0xb0,
    );
    expect([dataIn.readUInt32BE(20), dataIn.readUInt32BE(24)]).toEqual([0xffff_ffff, 4095]);
  });
});
