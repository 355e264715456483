import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeBinary,
  decodeNumber,
  decodeText,
  encodeText,
  TEXT_BYTES_MAX,
} from '../../../../src/target/pdu/text.ts';

const decode = (text: string) => {
  const result = decodeText(Buffer.from(text, 'latin1'));
  return result.ok ? [...result.pairs] : result.reason;
};

describe('text keys', () => {
  test('pairs keep their order; empty values, "=" in values, a missing NUL are fine', () => {
    expect(decode('B=1\0A=\0C=x=y\0\0D=2')).toEqual([
      ['B', '1'],
      ['A', ''],
      ['C', 'x=y'],
      ['D', '2'],
    ]);
    expect(decode('')).toEqual([]);
  });

  test.each([
    ['no equals', 'abc\0', /without "="/],
    ['no key', '=abc\0', /without a key/],
    ['a key of 64 bytes', `${'k'.repeat(64)}=1\0`, /longer than 63/],
    ['a value of 256 bytes', `K=${'v'.repeat(256)}\0`, /longer than 255/],
    ['a key twice', 'K=1\0K=2\0', /sent twice/],
    ['a blank in a key', 'K K=1\0', /impossible key/],
    ['bytes above ASCII in a key', 'K\xe4=1\0', /impossible key/],
    ['more than the limit', `K=1\0${'\0'.repeat(TEXT_BYTES_MAX)}`, /longer than 16384/],
  ])('%s is refused', (_what, text, reason) => expect(decode(text)).toMatch(reason));

  test('63 bytes of key and 255 of value are accepted', () => {
    const key = 'k'.repeat(63);
    expect(decode(`${key}=${'v'.repeat(255)}\0`)).toEqual([[key, 'v'.repeat(255)]]);
  });

  test('reasons are printable whatever the peer sends', () => {
    expect(decode('\u001b[31m\0')).toBe('text without "=": "\\u001b[31m"');
  });

  test('encode and decode are inverse', () => {
    const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.\-+@_]{0,62}$/);
    const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((v) => !v.includes('\0'));
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value), { selector: ([k]) => k }), (pairs) => {
        const decoded = decodeText(encodeText(pairs), () => TEXT_BYTES_MAX);
        expect(decoded.ok && [...decoded.pairs]).toEqual(pairs);
      }),
    );
  });

  test('any bytes decode to pairs or a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeText(Buffer.from(bytes));
        expect(typeof decoded.ok).toBe('boolean');
      }),
    );
  });
});

test.each<[string, number | undefined]>([
  ['0', 0],
  ['0x1F', 31],
  ['65535', 65_535],
  ['', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  [' 1', undefined],
  ['0x', undefined],
  ['99999999999999999999', undefined],
])('the number %j is %s', (text, value) => expect(decodeNumber(text)).toBe(value));

test.each<[string, string | undefined]>([
  ['0x00ff', '00ff'],
  ['0XAbCd', 'abcd'],
  ['0bAP8=', '00ff'],
  ['0BAAAA', '000000'],
  ['0x', undefined],
  ['0x0', undefined],
  ['0xgg', undefined],
  ['0b', undefined],
  ['0bAP8', undefined],
  ['0bAP9=', undefined],
  ['0bAP8=\n', undefined],
  ['00ff', undefined],
  ['', undefined],
  [`0x${'00'.repeat(1025)}`, undefined],
  [`0b${Buffer.alloc(1025).toString('base64')}`, undefined],
])('the binary value %.20s… decodes strictly', (text, hex) => {
  expect(decodeBinary(text, 1024)?.toString('hex')).toBe(hex);
});

test('binary values of 1024 bytes are accepted in both forms', () => {
  expect(decodeBinary(`0x${'ab'.repeat(1024)}`, 1024)).toHaveLength(1024);
  expect(decodeBinary(`0b${Buffer.alloc(1024).toString('base64')}`, 1024)).toHaveLength(1024);
});
