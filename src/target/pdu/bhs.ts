/**
 * Basic header segment, common to all iSCSI PDUs (RFC 7143 §11.2.1):
 *
 *     byte 0      . I opcode(6)        byte 4      TotalAHSLength (4-byte words)
 *     byte 1      F, opcode-specific   bytes 5-7   DataSegmentLength
 *     bytes 8-15  LUN or specific      bytes 16-19 Initiator Task Tag
 */
import { putUint24, uint24At, uint32At } from '../../util/big_endian.ts';

export const BHS_LENGTH = 48;
export const DIGEST_LENGTH = 4;
export const RESERVED_TAG = 0xffff_ffff;

export const BHS = {
  OPCODE: 0,
  FLAGS: 1,
  TOTAL_AHS_LENGTH: 4,
  DATA_SEGMENT_LENGTH: 5,
  LUN: 8,
  ITT: 16,
} as const;

export const IMMEDIATE = 0x40;
export const FINAL = 0x80;
export const OPCODE_MASK = 0x3f;

/** RFC 7143 §11.2.1.2. */
export const OPCODE = {
  NOP_OUT: 0x00,
  SCSI_COMMAND: 0x01,
  TASK_MANAGEMENT_REQUEST: 0x02,
  LOGIN_REQUEST: 0x03,
  TEXT_REQUEST: 0x04,
  DATA_OUT: 0x05,
  LOGOUT_REQUEST: 0x06,
  SNACK_REQUEST: 0x10,
  NOP_IN: 0x20,
  SCSI_RESPONSE: 0x21,
  TASK_MANAGEMENT_RESPONSE: 0x22,
  LOGIN_RESPONSE: 0x23,
  TEXT_RESPONSE: 0x24,
  DATA_IN: 0x25,
  LOGOUT_RESPONSE: 0x26,
  R2T: 0x31,
  ASYNC_MESSAGE: 0x32,
  REJECT: 0x3f,
} as const;

export function opcodeOf(bhs: Buffer): number {
  return (bhs[BHS.OPCODE] ?? 0) & OPCODE_MASK;
}
export function isImmediate(bhs: Buffer): boolean {
  return ((bhs[BHS.OPCODE] ?? 0) & IMMEDIATE) !== 0;
}
/** Bytes of the additional header segments. */
export function ahsLengthOf(bhs: Buffer): number {
  return (bhs[BHS.TOTAL_AHS_LENGTH] ?? 0) * 4;
}
/** Bytes of the data segment, without padding. */
export function dataSegmentLengthOf(bhs: Buffer): number {
  return uint24At(bhs, BHS.DATA_SEGMENT_LENGTH);
}
/** `at`: where the header begins in `buffer`. */
export function setDataSegmentLength(buffer: Buffer, length: number, at = 0): void {
  putUint24(buffer, at + BHS.DATA_SEGMENT_LENGTH, length);
}
export function ittOf(bhs: Buffer): number {
  return uint32At(bhs, BHS.ITT);
}
/** Length with padding to a multiple of four (RFC 7143 §11.2.3). */
export function padded(length: number): number {
  return (length + 3) & ~3;
}
