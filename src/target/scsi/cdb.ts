/** Fields of command descriptor blocks (SPC-4 §4.2), by CDB size. */

/** 64 bits as a number: past 2^53 inexact, but then beyond the end of any medium. */
export function readUInt64(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * 2 ** 32 + from.readUInt32BE(at + 4);
}

export function writeUInt64(value: number, into: Buffer, at: number): void {
  into.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  into.writeUInt32BE(value % 2 ** 32, at + 4);
}

/** SPC-4 §4.2.5.1: the group code in the opcode tells the size; 0 for the reserved groups. */
export function cdbLength(opcode: number): number {
  return [6, 10, 10, 0, 16, 12, 0, 0][opcode >>> 5] ?? 0;
}

/** LBA of a CDB in the usual place for its size. */
export function cdbLba(cdb: Buffer): number {
  switch (cdbLength(cdb[0] ?? 0)) {
    case 6:
      return ((cdb[1] ?? 0) & 0x1f) * 0x10000 + cdb.readUInt16BE(2);
    case 16:
      return readUInt64(cdb, 2);
    default:
      return cdb.readUInt32BE(2);
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
      return cdb.readUInt16BE(7);
    case 12:
      return cdb.readUInt32BE(6);
    default:
      return cdb.readUInt32BE(10);
  }
}

/** Allocation or parameter list length of 6- and 10-byte MODE commands. */
export function cdbParameterLength(cdb: Buffer): number {
  return cdbLength(cdb[0] ?? 0) === 6 ? (cdb[4] ?? 0) : cdb.readUInt16BE(7);
}

export const DPO = 0x10;
export const FUA = 0x08;
