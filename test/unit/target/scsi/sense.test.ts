import { describe, expect, test } from 'vitest';
import { buildSense, SENSE, unitAttentionSense } from '../../../../src/target/scsi/sense.ts';

const hex = (data: Buffer): string => data.toString('hex');

describe('fixed format', () => {
  test('is 18 bytes with key, ASC and ASCQ', () => {
    expect(hex(buildSense(SENSE.LBA_OUT_OF_RANGE, false))).toBe(
      '700005000000000a' + '00000000' + '2100' + '00000000',
    );
    expect(hex(buildSense(unitAttentionSense(0x2a09), false)).slice(4, 6)).toBe('06');
  });

  test('has INFORMATION with VALID, and none that does not fit', () => {
    const fits = buildSense(SENSE.MISCOMPARE, false, { information: 0xffff_ffff });
    expect(hex(fits.subarray(0, 7))).toBe('f0000effffffff');
    const large = buildSense(SENSE.MISCOMPARE, false, { information: 2 ** 32 });
    expect(hex(large.subarray(0, 7))).toBe('70000e00000000');
  });

  test('points at the field, of CDB or parameter list', () => {
    const pointer = (detail: object) =>
      hex(buildSense(SENSE.INVALID_FIELD_IN_CDB, false, detail).subarray(15));
    expect(pointer({ field: 0x102, bit: 5 })).toBe('cd0102');
    expect(pointer({ field: 3 })).toBe('c00003');
    expect(pointer({ field: 3, inParameters: true })).toBe('800003');
  });
});

describe('descriptor format', () => {
  test('is 8 bytes and a descriptor per detail', () => {
    expect(hex(buildSense(SENSE.NOT_READY, true))).toBe('7202040000000000');
    const detail = { information: 2 ** 32 + 5, field: 2, bit: 7 };
    expect(hex(buildSense(SENSE.INVALID_FIELD_IN_CDB, true, detail))).toBe(
      '7205240000000014' + '000a8000' + '0000000100000005' + '02060000' + 'cf000200',
    );
  });
});
