/**
 * SCSI Command and SCSI Response (RFC 7143 §11.3, §11.4):
 *
 *     command:  1 F R W . . ATTR(3)   8-15 LUN   16 ITT   20 EDTL   24 CmdSN
 *               28 ExpStatSN   32-47 CDB
 *     response: 1 . . . o u O U .     2 Response   3 Status   16 ITT   20 SNACK Tag   24 StatSN
 *               28 ExpCmdSN   32 MaxCmdSN   36 ExpDataSN   40 Bidi Read Residual   44 Residual
 */
import { copyFew, putUint32, uint32At } from '../../util/big_endian.ts';
import { BHS, FINAL, ittOf, OPCODE, RESERVED_TAG, setDataSegmentLength } from './bhs.ts';
import { lunOf } from './lun.ts';

const COMMAND = { EDTL: 20, CDB: 32 } as const;
const RESPONSE = { RESPONSE: 2, STATUS: 3, EXP_DATA_SN: 36, RESIDUAL: 44 } as const;
export const CDB_LENGTH = 16;

const READ = 0x40;
const WRITE = 0x20;
const ATTRIBUTE_MASK = 0x07;
const ATTRIBUTE_MAX = 4;

/** RFC 7143 §11.4.1: residual flags, the same bits in SCSI Response and Data-In. */
export const OVERFLOW = 0x04;
export const UNDERFLOW = 0x02;

export class ScsiCommand {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get final(): boolean {
    return ((this.bhs[BHS.FLAGS] ?? 0) & FINAL) !== 0;
  }
  get read(): boolean {
    return ((this.bhs[BHS.FLAGS] ?? 0) & READ) !== 0;
  }
  get write(): boolean {
    return ((this.bhs[BHS.FLAGS] ?? 0) & WRITE) !== 0;
  }
  get attribute(): number {
    return (this.bhs[BHS.FLAGS] ?? 0) & ATTRIBUTE_MASK;
  }
  get lun(): number {
    return lunOf(this.bhs, BHS.LUN);
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get edtl(): number {
    return uint32At(this.bhs, COMMAND.EDTL);
  }
  copyCdb(into: Buffer): void {
    copyFew(this.bhs, COMMAND.CDB, into, 0, CDB_LENGTH);
  }
}

/** Why the header is no legal SCSI Command, or undefined. */
export function invalidScsiCommand(bhs: Buffer): string | undefined {
  const pdu = new ScsiCommand(bhs);
  if (pdu.itt === RESERVED_TAG) return 'SCSI Command with the reserved Initiator Task Tag';
  if (pdu.attribute > ATTRIBUTE_MAX) return `no such task attribute, ${pdu.attribute}`;
  // RFC 7143 §11.3.1: F is 0 only where unsolicited Data-Out follows, so never without W.
  if (!pdu.final && !pdu.write) return 'SCSI Command with neither F nor W';
  return undefined;
}

/** RFC 7143 §11.4.3: the target had the command, whatever its status. */
export const COMMAND_COMPLETED_AT_TARGET = 0x00;

export interface ScsiResponseFields {
  readonly itt: number;
  readonly status: number;
  /** `OVERFLOW`, `UNDERFLOW` or 0. */
  readonly residualFlag: number;
  readonly residual: number;
  /** Data-In and R2T PDUs sent for the command (RFC 7143 §11.4.8). */
  readonly expDataSN: number;
  readonly dataLength: number;
}

/** Fills a zeroed header; the connection stamps the sequence numbers. */
export function encodeScsiResponse(bhs: Buffer, fields: ScsiResponseFields): void {
  bhs[BHS.OPCODE] = OPCODE.SCSI_RESPONSE;
  bhs[BHS.FLAGS] = FINAL | fields.residualFlag;
  bhs[RESPONSE.RESPONSE] = COMMAND_COMPLETED_AT_TARGET;
  bhs[RESPONSE.STATUS] = fields.status;
  setDataSegmentLength(bhs, fields.dataLength);
  putUint32(bhs, BHS.ITT, fields.itt);
  putUint32(bhs, RESPONSE.EXP_DATA_SN, fields.expDataSN);
  putUint32(bhs, RESPONSE.RESIDUAL, fields.residual);
}

const SENSE_LENGTH_BYTES = 2;

/** Data segment of a response with sense data: SenseLength, then the sense (RFC 7143 §11.4.7). */
export function senseSegment(sense: Buffer): Buffer {
  const segment = Buffer.alloc(SENSE_LENGTH_BYTES + sense.length);
  segment.writeUInt16BE(sense.length, 0);
  sense.copy(segment, SENSE_LENGTH_BYTES);
  return segment;
}
