/**
 * Data-Out, Data-In and Ready To Transfer (RFC 7143 §11.7, §11.8):
 *
 *     Data-Out: 1 F          8 LUN   16 ITT   20 TTT   28 ExpStatSN   36 DataSN   40 Buffer Offset
 *     Data-In:  1 F A . . . O U S   3 Status   8 LUN   16 ITT   20 TTT   24 StatSN   28 ExpCmdSN
 *               32 MaxCmdSN   36 DataSN   40 Buffer Offset   44 Residual
 *     R2T:      1 F          8 LUN   16 ITT   20 TTT   24 StatSN   28 ExpCmdSN   32 MaxCmdSN
 *               36 R2TSN     40 Buffer Offset   44 Desired Data Transfer Length
 */
import { BHS, FINAL, ittOf, OPCODE, RESERVED_TAG, setDataSegmentLength } from './bhs.ts';

const DATA_OUT = { TTT: 20, DATA_SN: 36, BUFFER_OFFSET: 40 } as const;
const DATA_IN = { STATUS: 3, TTT: 20, DATA_SN: 36, BUFFER_OFFSET: 40, RESIDUAL: 44 } as const;
const R2T = { TTT: 20, R2T_SN: 36, BUFFER_OFFSET: 40, DESIRED_LENGTH: 44 } as const;

/** RFC 7143 §11.7.3: Data-In with status. */
const STATUS_FLAG = 0x01;

export class DataOut {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get final(): boolean {
    return (this.bhs.readUInt8(BHS.FLAGS) & FINAL) !== 0;
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get ttt(): number {
    return this.bhs.readUInt32BE(DATA_OUT.TTT);
  }
  get dataSN(): number {
    return this.bhs.readUInt32BE(DATA_OUT.DATA_SN);
  }
  get bufferOffset(): number {
    return this.bhs.readUInt32BE(DATA_OUT.BUFFER_OFFSET);
  }
}

/** Why the header is no legal Data-Out, or undefined. */
export function invalidDataOut(bhs: Buffer): string | undefined {
  if (ittOf(bhs) === RESERVED_TAG) return 'Data-Out with the reserved Initiator Task Tag';
  return undefined;
}

export interface DataInFields {
  readonly itt: number;
  readonly dataSN: number;
  readonly bufferOffset: number;
  readonly dataLength: number;
  /** F: the last of its sequence. */
  readonly final: boolean;
}

/**
 * Fills the zeroed header that begins at `at`, without status; `addStatus` turns it into the last
 * of its command.
 */
export function encodeDataIn(buffer: Buffer, fields: DataInFields, at = 0): void {
  buffer.writeUInt8(OPCODE.DATA_IN, at + BHS.OPCODE);
  buffer.writeUInt8(fields.final ? FINAL : 0, at + BHS.FLAGS);
  setDataSegmentLength(buffer, fields.dataLength, at);
  buffer.writeUInt32BE(fields.itt, at + BHS.ITT);
  // RFC 7143 §11.7.4: without the A bit LUN and TTT are reserved, TTT as all ones.
  buffer.writeUInt32BE(RESERVED_TAG, at + DATA_IN.TTT);
  buffer.writeUInt32BE(fields.dataSN, at + DATA_IN.DATA_SN);
  buffer.writeUInt32BE(fields.bufferOffset, at + DATA_IN.BUFFER_OFFSET);
}

/** RFC 7143 §11.7.3: S only together with F, status GOOD or CONDITION MET, never with sense. */
export function addStatus(
  buffer: Buffer,
  at: number,
  status: number,
  residualFlag: number,
  residual: number,
): void {
  buffer.writeUInt8(FINAL | STATUS_FLAG | residualFlag, at + BHS.FLAGS);
  buffer.writeUInt8(status, at + DATA_IN.STATUS);
  buffer.writeUInt32BE(residual, at + DATA_IN.RESIDUAL);
}

export interface R2tFields {
  readonly itt: number;
  readonly ttt: number;
  readonly r2tSN: number;
  readonly bufferOffset: number;
  readonly desiredLength: number;
}

/** Fills a zeroed header; `lunField` is the command's own. */
export function encodeR2t(bhs: Buffer, lunField: Buffer, fields: R2tFields): void {
  bhs.writeUInt8(OPCODE.R2T, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  lunField.copy(bhs, BHS.LUN);
  bhs.writeUInt32BE(fields.itt, BHS.ITT);
  bhs.writeUInt32BE(fields.ttt, R2T.TTT);
  bhs.writeUInt32BE(fields.r2tSN, R2T.R2T_SN);
  bhs.writeUInt32BE(fields.bufferOffset, R2T.BUFFER_OFFSET);
  bhs.writeUInt32BE(fields.desiredLength, R2T.DESIRED_LENGTH);
}
