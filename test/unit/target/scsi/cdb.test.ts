import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cdbBlockCount,
  cdbLba,
  cdbLength,
  readUInt64,
  writeUInt64,
} from '../../../../src/target/scsi/cdb.ts';
import { cdb10, cdb12, cdb16, cdb6 } from './bench.ts';

test('64-bit fields hold every safe integer', () => {
  const field = Buffer.alloc(8);
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
      writeUInt64(value, field, 0);
      return readUInt64(field, 0) === value && field.readBigUInt64BE() === BigInt(value);
    }),
  );
});

test('LBA and count stand where the size of the CDB puts them', () => {
  const of = (cdb: number[]) => [cdbLba(Buffer.from(cdb)), cdbBlockCount(Buffer.from(cdb))];
  expect(of(cdb6(0x08, 0x1f_fffe, 7))).toEqual([0x1f_fffe, 7]);
  expect(of(cdb6(0x08, 1, 0))).toEqual([1, 256]);
  expect(of(cdb10(0x28, 0xffff_fffe, 0xffff))).toEqual([0xffff_fffe, 0xffff]);
  expect(of(cdb12(0xa8, 0x8000_0000, 0xffff_ffff))).toEqual([0x8000_0000, 0xffff_ffff]);
  expect(of(cdb16(0x88, 2 ** 40 + 3, 9))).toEqual([2 ** 40 + 3, 9]);
});

test('opcode groups tell the size, and reserved ones none', () => {
  expect([0x00, 0x28, 0x5a, 0x7f, 0x9e, 0xa0, 0xc0, 0xff].map(cdbLength)).toEqual([
    6, 10, 10, 0, 16, 12, 0, 0,
  ]);
});
