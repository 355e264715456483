import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  copyFew,
  putUint16,
  putUint24,
  putUint32,
  putUint32LE,
  uint16At,
  uint24At,
  uint32At,
} from '../../../src/util/big_endian.ts';

describe('big-endian fields', () => {
  test('read as Node reads them, and are written as it writes them', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 8 }), (value, at) => {
        const ours = Buffer.alloc(12, 0xaa);
        const nodes = Buffer.alloc(12, 0xaa);
        putUint32(ours, at, value);
        nodes.writeUInt32BE(value, at);
        expect(ours).toEqual(nodes);
        expect(uint32At(ours, at)).toBe(value);
        putUint24(ours, at, value & 0xff_ffff);
        nodes.writeUIntBE(value & 0xff_ffff, at, 3);
        expect(ours).toEqual(nodes);
        expect(uint24At(ours, at)).toBe(value & 0xff_ffff);
        putUint16(ours, at, value & 0xffff);
        nodes.writeUInt16BE(value & 0xffff, at);
        expect(ours).toEqual(nodes);
        expect(uint16At(ours, at)).toBe(value & 0xffff);
      }),
    );
  });

  test('past the end are zero, and change nothing', () => {
    const bytes = Buffer.from([1, 2, 3]);
    expect(uint32At(bytes, 1)).toBe(0x0203_0000);
    putUint32(bytes, 2, 0x0405_0607);
    expect(bytes).toEqual(Buffer.from([1, 2, 4]));
  });

  test('a digest is written with its least significant byte first, and nothing beside it', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), fc.nat({ max: 8 }), (value, at) => {
        const ours = Buffer.alloc(12, 0xaa);
        const nodes = Buffer.alloc(12, 0xaa);
        putUint32LE(ours, at, value);
        nodes.writeUInt32LE(value, at);
        expect(ours).toEqual(nodes);
      }),
    );
  });

  test('a few bytes are copied to their place, nothing beside it', () => {
    const into = Buffer.alloc(6, 9);
    copyFew(Buffer.from([1, 2, 3, 4]), 1, into, 2, 3);
    expect(into).toEqual(Buffer.from([9, 9, 2, 3, 4, 9]));
  });
});
