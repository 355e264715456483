import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatSize, parseSize } from '../../../src/util/sizes.ts';

describe('parseSize', () => {
  test.each([
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['1k', 1024],
    ['1K', 1024],
    ['1kB', 1024],
    ['1KiB', 1024],
    ['1ki', 1024],
    ['64M', 64 * 1024 ** 2],
    ['64mib', 64 * 1024 ** 2],
    ['10GiB', 10 * 1024 ** 3],
    ['2t', 2 * 1024 ** 4],
    [' 4096k ', 4096 * 1024],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toEqual({ ok: true, bytes });
  });

  test.each(['', 'M', '1.5G', '1,5G', '10P', '1ib', '1i', '0x10', '1e9', '10 G', 'abc'])(
    '%j is refused as a wrong format',
    (text) => {
      const parsed = parseSize(text);
      expect(parsed.ok ? '' : parsed.reason).toMatch(/^Cannot interpret size, wrong format: /);
    },
  );

  test('a negative size is named as such', () => {
    expect(parseSize('-1G')).toEqual({ ok: false, reason: 'Size -1G is negative' });
  });

  test.each(['9007199254740992', '9000000t', '99999999999999999999999g'])(
    '%s, beyond what a number holds exactly, is too large',
    (text) => {
      const parsed = parseSize(text);
      expect(parsed.ok ? '' : parsed.reason).toBe(`The size is too large (${text})`);
    },
  );
});

describe('formatSize', () => {
  test.each([
    [0, '0 bytes'],
    [1023, '1023 bytes'],
    [1024, '1.0KiB'],
    [64 * 1024 ** 2, '64.0MiB'],
    [1.5 * 1024 ** 3, '1.5GiB'],
    [1024 ** 5, '1.0PiB'],
    [1024 ** 2 - 1, '1.0MiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test('a shown size from 1 KiB on reads back within its one decimal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        const [, number = '', unit = ''] = /^([\d.]+)([KMGTP])iB$/.exec(formatSize(bytes)) ?? [];
        const factor = 1024 ** ('KMGTP'.indexOf(unit) + 1);
        expect(Math.abs(Number(number) * factor - bytes)).toBeLessThanOrEqual(0.051 * factor);
        expect(Number(number)).toBeLessThan(1024);
      }),
    );
  });
});
