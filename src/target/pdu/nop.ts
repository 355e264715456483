/**
 * NOP-Out and NOP-In (RFC 7143 §11.18, §11.19):
 *
 *     1 F   8 LUN   16 ITT   20 TTT   out: 24 CmdSN, 28 ExpStatSN   in: 24 StatSN, 28, 32
 */
import {
  BHS,
  FINAL,
  isImmediate,
  ittOf,
  OPCODE,
  RESERVED_TAG,
  setDataSegmentLength,
} from './bhs.ts';
import { LUN_FIELD_LENGTH } from './lun.ts';

const TTT = 20;

export class NopOut {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get ttt(): number {
    return this.bhs.readUInt32BE(TTT);
  }
}

/** Why the header is no legal NOP-Out, or undefined. */
export function invalidNopOut(bhs: Buffer): string | undefined {
  // RFC 7143 §11.18.1: what wants no answer is no command, so it must not take a CmdSN.
  if (ittOf(bhs) === RESERVED_TAG && !isImmediate(bhs)) {
    return 'NOP-Out with the reserved Initiator Task Tag and without the I bit';
  }
  return undefined;
}

/** Answer to a NOP-Out that carries `itt`; the data segment is an echo. */
export function encodeNopInReply(bhs: Buffer, request: Buffer, dataLength: number): void {
  bhs.writeUInt8(OPCODE.NOP_IN, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  setDataSegmentLength(bhs, dataLength);
  request.copy(bhs, BHS.LUN, BHS.LUN, BHS.LUN + LUN_FIELD_LENGTH);
  bhs.writeUInt32BE(ittOf(request), BHS.ITT);
  bhs.writeUInt32BE(RESERVED_TAG, TTT);
}

/** A ping; `ttt` is never the reserved tag, so an answer must come. */
export function encodeNopInPing(bhs: Buffer, ttt: number): void {
  bhs.writeUInt8(OPCODE.NOP_IN, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  bhs.writeUInt32BE(RESERVED_TAG, BHS.ITT);
  bhs.writeUInt32BE(ttt, TTT);
}
