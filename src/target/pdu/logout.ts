/**
 * Logout Request and Logout Response (RFC 7143 §11.14, §11.15):
 *
 *     request:  1 F Reason(7)   16 ITT   20-21 CID   24 CmdSN   28 ExpStatSN
 *     response: 1 F   2 Response   16 ITT   24 StatSN   28   32   40 Time2Wait   42 Time2Retain
 */
import { BHS, FINAL, ittOf, OPCODE, RESERVED_TAG } from './bhs.ts';

const REQUEST = { CID: 20 } as const;
const RESPONSE = { RESPONSE: 2, TIME_2_WAIT: 40, TIME_2_RETAIN: 42 } as const;
const REASON_MASK = 0x7f;

/** RFC 7143 §11.14.1. */
export const LOGOUT_REASON = { CLOSE_SESSION: 0, CLOSE_CONNECTION: 1, RECOVERY: 2 } as const;
/** RFC 7143 §11.15.1. */
export const LOGOUT_RESPONSE = {
  SUCCESS: 0,
  CID_NOT_FOUND: 1,
  RECOVERY_NOT_SUPPORTED: 2,
  CLEANUP_FAILED: 3,
} as const;

export class LogoutRequest {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get reason(): number {
    return this.bhs.readUInt8(BHS.FLAGS) & REASON_MASK;
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get cid(): number {
    return this.bhs.readUInt16BE(REQUEST.CID);
  }
}

/** Why the header is no legal Logout Request, or undefined. */
export function invalidLogoutRequest(bhs: Buffer): string | undefined {
  const pdu = new LogoutRequest(bhs);
  if (pdu.itt === RESERVED_TAG) return 'Logout Request with the reserved Initiator Task Tag';
  if (pdu.reason > LOGOUT_REASON.RECOVERY) return `no such logout reason, ${pdu.reason}`;
  return undefined;
}

export interface LogoutResponseFields {
  readonly itt: number;
  readonly response: number;
  /** Seconds. */
  readonly time2Wait: number;
  readonly time2Retain: number;
}

/** Fills a zeroed header; the connection stamps the sequence numbers. */
export function encodeLogoutResponse(bhs: Buffer, fields: LogoutResponseFields): void {
  bhs.writeUInt8(OPCODE.LOGOUT_RESPONSE, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  bhs.writeUInt8(fields.response, RESPONSE.RESPONSE);
  bhs.writeUInt32BE(fields.itt, BHS.ITT);
  bhs.writeUInt16BE(fields.time2Wait, RESPONSE.TIME_2_WAIT);
  bhs.writeUInt16BE(fields.time2Retain, RESPONSE.TIME_2_RETAIN);
}
