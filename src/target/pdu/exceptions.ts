/**
 * Reject and Asynchronous Message (RFC 7143 §11.17, §11.9):
 *
 *     Reject: 1 F   2 Reason   16 all ones   24 StatSN   28   32   36 DataSN   data: the bad header
 *     Async:  1 F   8 LUN   16 all ones   24 StatSN   28   32   36 AsyncEvent   37 AsyncVCode
 *             38 Parameter1   40 Parameter2   42 Parameter3
 */
import { BHS, BHS_LENGTH, FINAL, OPCODE, RESERVED_TAG, setDataSegmentLength } from './bhs.ts';

const REJECT = { REASON: 2 } as const;
const ASYNC = { EVENT: 36, PARAMETER_1: 38, PARAMETER_2: 40, PARAMETER_3: 42 } as const;

/** RFC 7143 §11.17.1. */
export const REJECT_REASON = {
  DATA_DIGEST_ERROR: 0x02,
  SNACK_REJECT: 0x03,
  PROTOCOL_ERROR: 0x04,
  COMMAND_NOT_SUPPORTED: 0x05,
  TOO_MANY_IMMEDIATE_COMMANDS: 0x06,
  TASK_IN_PROGRESS: 0x07,
  INVALID_DATA_ACK: 0x08,
  INVALID_PDU_FIELD: 0x09,
  OUT_OF_RESOURCES: 0x0a,
  WAITING_FOR_LOGOUT: 0x0c,
} as const;

/** Fills a zeroed header; the data segment is the complete header of the rejected PDU. */
export function encodeReject(bhs: Buffer, reason: number): void {
  bhs.writeUInt8(OPCODE.REJECT, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  bhs.writeUInt8(reason, REJECT.REASON);
  setDataSegmentLength(bhs, BHS_LENGTH);
  bhs.writeUInt32BE(RESERVED_TAG, BHS.ITT);
}

/** RFC 7143 §11.9.1. */
export const ASYNC_EVENT = {
  SCSI_EVENT: 0,
  LOGOUT_REQUESTED: 1,
  CONNECTION_DROPPED: 2,
  SESSION_DROPPED: 3,
  NEGOTIATION_REQUESTED: 4,
} as const;

export interface AsyncFields {
  readonly event: number;
  readonly parameter1?: number;
  /** Seconds: Time2Wait. */
  readonly parameter2?: number;
  /** Seconds: time to log out in, or Time2Retain. */
  readonly parameter3?: number;
}

/** Fills a zeroed header; the connection stamps the sequence numbers. */
export function encodeAsyncMessage(bhs: Buffer, fields: AsyncFields): void {
  bhs.writeUInt8(OPCODE.ASYNC_MESSAGE, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  bhs.writeUInt32BE(RESERVED_TAG, BHS.ITT);
  bhs.writeUInt8(fields.event, ASYNC.EVENT);
  bhs.writeUInt16BE(fields.parameter1 ?? 0, ASYNC.PARAMETER_1);
  bhs.writeUInt16BE(fields.parameter2 ?? 0, ASYNC.PARAMETER_2);
  bhs.writeUInt16BE(fields.parameter3 ?? 0, ASYNC.PARAMETER_3);
}
