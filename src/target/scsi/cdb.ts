/** Fields of command descriptor blocks (SPC-4 §4.2), by CDB size. */
import { putUint32, uint16At, uint32At } from '../../util/big_endian.ts';

/** SPC-4 §4.2.5.1: by group code; 0 for the reserved groups. */
const LENGTHS = [6, 10, 10, 0, 16, 12, 0, 0] as const;

/** 64 bits as a number: past 2^53 inexact, but then beyond the end of any medium. */
export function readUInt64(from: Buffer, at: number): number {
  return uint32At(from, at) * 2 ** 32 + uint32At(from, at + 4);
}

export function writeUInt64(value: number, into: Buffer, at: number): void {
  putUint32(into, at, Math.floor(value / 2 ** 32));
  putUint32(into, at + 4, value % 2 ** 32);
}

/** SPC-4 §4.2.5.1: the group code in the opcode tells the size; 0 for the reserved groups. */
export function cdbLength(opcode: number): number {
  return LENGTHS[opcode >>> 5] ?? 0;
}

/** LBA of a CDB in the usual place for its size. */
export function cdbLba(cdb: Buffer): number {
  switch (cdbLength(cdb[0] ?? 0)) {
    case 6:
      return ((cdb[1] ?? 0) & 0x1f) * 0x10000 + uint16At(cdb, 2);
    case 16:
      return readUInt64(cdb, 2);
    default:
      return uint32At(cdb, 2);
  }
}

/** Where the transfer length begins. */
export function cdbCountField(cdb: Buffer): number {
  switch (cdbLength(cdb[0] ?? 0)) {
    case 6:
      return 4;
    case 10:
      return 7;
    case 12:
      return 6;
    default:
      return 10;
  }
}

/** Transfer length in blocks, as written (SBC-3 §5.7: READ(6) has its own meaning of 0). */
export function cdbBlockCount(cdb: Buffer): number {
  switch (cdbLength(cdb[0] ?? 0)) {
    case 6:
      return cdb[4] === 0 ? 256 : (cdb[4] ?? 0);
    case 10:
      return uint16At(cdb, 7);
    case 12:
      return uint32At(cdb, 6);
    default:
      return uint32At(cdb, 10);
  }
}

/** Allocation or parameter list length of 6- and 10-byte MODE commands. */
export function cdbParameterLength(cdb: Buffer): number {
  return cdbLength(cdb[0] ?? 0) === 6 ? (cdb[4] ?? 0) : uint16At(cdb, 7);
}

export const DPO = 0x10;
export const FUA = 0x08;
