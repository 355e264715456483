/**
 * Text Request and Text Response (RFC 7143 §11.10, §11.11):
 *
 *     byte 1       F C (reserved)    bytes 8-15   LUN    bytes 16-19  ITT    bytes 20-23  TTT
 *     request:  24-27 CmdSN, 28-31 ExpStatSN
 *     response: 24-27 StatSN, 28-31 ExpCmdSN, 32-35 MaxCmdSN
 */
import {
  BHS,
  BHS_LENGTH,
  FINAL,
  ittOf,
  OPCODE,
  RESERVED_TAG,
  setDataSegmentLength,
} from './bhs.ts';

const TTT = 20;
const CONTINUE = 0x40;

export class TextRequest {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get final(): boolean {
    return (this.bhs.readUInt8(BHS.FLAGS) & FINAL) !== 0;
  }
  get continues(): boolean {
    return (this.bhs.readUInt8(BHS.FLAGS) & CONTINUE) !== 0;
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get ttt(): number {
    return this.bhs.readUInt32BE(TTT);
  }
}

/** Why the header is no legal Text Request, or undefined. */
export function invalidTextRequest(bhs: Buffer): string | undefined {
  const pdu = new TextRequest(bhs);
  if (pdu.itt === RESERVED_TAG) return 'Text Request with the reserved Initiator Task Tag';
  // RFC 7143 §11.10.2: with C set, F must be 0.
  if (pdu.continues && pdu.final) return 'Text Request with both C and F';
  return undefined;
}

export interface TextResponseFields {
  readonly itt: number;
  /** `RESERVED_TAG` when the exchange is over. */
  readonly ttt: number;
  readonly final: boolean;
  readonly continues: boolean;
}

/** A header whose StatSN, ExpCmdSN and MaxCmdSN the connection has still to stamp. */
export function encodeTextResponse(fields: TextResponseFields, textLength: number): Buffer {
  const bhs = Buffer.alloc(BHS_LENGTH);
  bhs.writeUInt8(OPCODE.TEXT_RESPONSE, BHS.OPCODE);
  bhs.writeUInt8((fields.final ? FINAL : 0) | (fields.continues ? CONTINUE : 0), BHS.FLAGS);
  setDataSegmentLength(bhs, textLength);
  bhs.writeUInt32BE(fields.itt, BHS.ITT);
  bhs.writeUInt32BE(fields.ttt, TTT);
  return bhs;
}
