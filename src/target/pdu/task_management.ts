/**
 * Task Management Function Request and Response (RFC 7143 §11.5, §11.6):
 *
 *     request:  1 F Function(7)   8 LUN   16 ITT   20 Referenced Task Tag   24 CmdSN   28 ExpStatSN
 *               32 RefCmdSN   36 ExpDataSN
 *     response: 1 F   2 Response   16 ITT   24 StatSN   28 ExpCmdSN   32 MaxCmdSN
 */
import { BHS, FINAL, ittOf, OPCODE, RESERVED_TAG } from './bhs.ts';
import { lunOf } from './lun.ts';

const REQUEST = { REFERENCED_TASK_TAG: 20, REF_CMD_SN: 32 } as const;
const RESPONSE = { RESPONSE: 2 } as const;
const FUNCTION_MASK = 0x7f;

/** RFC 7143 §11.5.1. */
export const TMF_FUNCTION = {
  ABORT_TASK: 1,
  ABORT_TASK_SET: 2,
  CLEAR_ACA: 3,
  CLEAR_TASK_SET: 4,
  LOGICAL_UNIT_RESET: 5,
  TARGET_WARM_RESET: 6,
  TARGET_COLD_RESET: 7,
  TASK_REASSIGN: 8,
} as const;

/** RFC 7143 §11.6.1. */
export const TMF_RESPONSE = {
  COMPLETE: 0,
  TASK_DOES_NOT_EXIST: 1,
  LUN_DOES_NOT_EXIST: 2,
  TASK_STILL_ALLEGIANT: 3,
  REASSIGN_NOT_SUPPORTED: 4,
  NOT_SUPPORTED: 5,
  NOT_AUTHORISED: 6,
  REJECTED: 255,
} as const;

export class TaskManagementRequest {
  readonly bhs: Buffer;
  constructor(bhs: Buffer) {
    this.bhs = bhs;
  }
  get function(): number {
    return this.bhs.readUInt8(BHS.FLAGS) & FUNCTION_MASK;
  }
  get lun(): number {
    return lunOf(this.bhs, BHS.LUN);
  }
  get itt(): number {
    return ittOf(this.bhs);
  }
  get referencedTaskTag(): number {
    return this.bhs.readUInt32BE(REQUEST.REFERENCED_TASK_TAG);
  }
  get refCmdSN(): number {
    return this.bhs.readUInt32BE(REQUEST.REF_CMD_SN);
  }
}

/** Why the header is no legal request, or undefined. Functions not served are no violation. */
export function invalidTaskManagementRequest(bhs: Buffer): string | undefined {
  if (ittOf(bhs) === RESERVED_TAG) {
    return 'Task Management Function Request with the reserved Initiator Task Tag';
  }
  return undefined;
}

/** Fills a zeroed header; the connection stamps the sequence numbers. */
export function encodeTaskManagementResponse(bhs: Buffer, itt: number, response: number): void {
  bhs.writeUInt8(OPCODE.TASK_MANAGEMENT_RESPONSE, BHS.OPCODE);
  bhs.writeUInt8(FINAL, BHS.FLAGS);
  bhs.writeUInt8(response, RESPONSE.RESPONSE);
  bhs.writeUInt32BE(itt, BHS.ITT);
}
