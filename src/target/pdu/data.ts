/**
 * Data-Out, Data-In and Ready To Transfer (RFC 7143 §11.7, §11.8):
 *
 *     Data-Out: 1 F          8 LUN   16 ITT   20 TTT   28 ExpStatSN   36 DataSN   40 Buffer Offset
 *     Data-In:  1 F A . . . O U S   3 Status   8 LUN   16 ITT   20 TTT   24 StatSN   28 ExpCmdSN
 *               32 MaxCmdSN   36 DataSN   40 Buffer Offset   44 Residual
 *     R2T:      1 F          8 LUN   16 ITT   20 TTT   24 StatSN   28 ExpCmdSN   32 MaxCmdSN
 *               36 R2TSN     40 Buffer Offset   44 Desired Data Transfer Length
 */
import { putUint32, uint32At } from '../../util/big_endian.ts';
import { BHS, FINAL, ittOf, OPCODE, RESERVED_TAG } from './bhs.ts';

const DATA_OUT = { TTT: 20, DATA_SN: 36, BUFFER_OFFSET: 40 } as const;
const DATA_IN = {
  STATUS: 3,
  TTT: 20,
  STAT_SN: 24,
  DATA_SN: 36,
  BUFFER_OFFSET: 40,
  RESIDUAL: 44,
} as const;
const R2T = { TTT: 20, R2T_SN: 36, BUFFER_OFFSET: 40, DESIRED_LENGTH: 44 } as const;

/** RFC 7143 §11.7.3: Data-In with status. */
const STATUS_FLAG = 0x01;

export class DataOut {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get final(): boolean {
    return ((this.bhs[BHS.FLAGS] ?? 0) & FINAL) !== 0;
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get ttt(): number {
    return uint32At(this.bhs, DATA_OUT.TTT);
  }
  get dataSN(): number {
    return uint32At(this.bhs, DATA_OUT.DATA_SN);
  }
  get bufferOffset(): number {
    return uint32At(this.bhs, DATA_OUT.BUFFER_OFFSET);
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
 * Writes the whole header that begins at `at`, whatever was there, but for the sequence numbers,
 * which are the connection's. It is without status; `addStatus` turns it into the last of its
 * command.
 */
export function encodeDataIn(buffer: Buffer, fields: DataInFields, at = 0): void {
  putUint32(buffer, at, (OPCODE.DATA_IN << 24) | ((fields.final ? FINAL : 0) << 16));
  putUint32(buffer, at + BHS.TOTAL_AHS_LENGTH, fields.dataLength);
  // RFC 7143 §11.7.4: without the A bit LUN and TTT are reserved, TTT as all ones.
  putUint32(buffer, at + BHS.LUN, 0);
  putUint32(buffer, at + BHS.LUN + 4, 0);
  putUint32(buffer, at + BHS.ITT, fields.itt);
  putUint32(buffer, at + DATA_IN.TTT, RESERVED_TAG);
  // Reserved without status.
  putUint32(buffer, at + DATA_IN.STAT_SN, 0);
  putUint32(buffer, at + DATA_IN.DATA_SN, fields.dataSN);
  putUint32(buffer, at + DATA_IN.BUFFER_OFFSET, fields.bufferOffset);
  putUint32(buffer, at + DATA_IN.RESIDUAL, 0);
}

/** RFC 7143 §11.7.3: S only together with F, status GOOD or CONDITION MET, never with sense. */
export function addStatus(
  buffer: Buffer,
  at: number,
  status: number,
  residualFlag: number,
  residual: number,
): void {
  buffer[at + BHS.FLAGS] = FINAL | STATUS_FLAG | residualFlag;
  buffer[at + DATA_IN.STATUS] = status;
  putUint32(buffer, at + DATA_IN.RESIDUAL, residual);
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
  bhs[BHS.OPCODE] = OPCODE.R2T;
  bhs[BHS.FLAGS] = FINAL;
  lunField.copy(bhs, BHS.LUN);
  putUint32(bhs, BHS.ITT, fields.itt);
  putUint32(bhs, R2T.TTT, fields.ttt);
  putUint32(bhs, R2T.R2T_SN, fields.r2tSN);
  putUint32(bhs, R2T.BUFFER_OFFSET, fields.bufferOffset);
  putUint32(bhs, R2T.DESIRED_LENGTH, fields.desiredLength);
}
