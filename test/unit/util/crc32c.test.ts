import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c, crc32cTable, CRC32C_IMPLEMENTATION } from '../../../src/util/crc32c.ts';

/** RFC 7143 appendix A.4 (iSCSI CRC examples); bytes on the wire are least significant first. */
const EXAMPLES: readonly [string, Buffer, number][] = [
  ['32 bytes of zeros', Buffer.alloc(32, 0), 0x8a91_36aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8_ab43],
  ['32 incrementing bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd_794e],
  ['32 decrementing bytes', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113f_db5c],
  ['the check string', Buffer.from('123456789'), 0xe306_9283],
];

describe('crc32c', () => {
  test.each(EXAMPLES)('of %s is the published value', (_name, data, value) => {
    expect(crc32c(data)).toBe(value);
    expect(crc32cTable(data)).toBe(value);
  });

  test('continues from the bytes before, whichever implementation takes which part', () => {
    const bytes = fc.uint8Array({ maxLength: 3000, size: 'max' });
    fc.assert(
      fc.property(bytes, fc.nat(3000), (array, at) => {
        const data = Buffer.from(array);
        const cut = Math.min(at, data.length);
        const continued = crc32c(data.subarray(cut), crc32c(data.subarray(0, cut)));
        expect(continued).toBe(crc32cTable(data));
      }),
    );
  });

  test('of a part is that of a buffer which holds the part alone', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(bytes, fc.nat(100), fc.nat(100), fc.nat(), (array, a, b, initial) => {
        const data = Buffer.from(array);
        const start = Math.min(a, b, data.length);
        const end = Math.min(Math.max(a, b), data.length);
        const alone = crc32cTable(Buffer.from(data.subarray(start, end)), initial);
        expect(crc32cTable(data, initial, start, end)).toBe(alone);
      }),
    );
  });

  test('is the native module where that is installed', () => {
    expect(CRC32C_IMPLEMENTATION).toMatch(/^(native \(@node-rs\/crc32\)|JavaScript tables)$/);
  });
});
