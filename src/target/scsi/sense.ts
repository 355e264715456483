/** Statuses and sense data (SPC-4 §4.5, SAM-5 §5.3) as named values. */
export const STATUS = {
  GOOD: 0x00,
  CHECK_CONDITION: 0x02,
  BUSY: 0x08,
  TASK_SET_FULL: 0x28,
  TASK_ABORTED: 0x40,
} as const;

export interface Sense {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
}
const sense = (key: number, asc: number, ascq: number): Sense => ({ key, asc, ascq });

const KEY = {
  NO_SENSE: 0x0,
  NOT_READY: 0x2,
  MEDIUM_ERROR: 0x3,
  ILLEGAL_REQUEST: 0x5,
  UNIT_ATTENTION: 0x6,
  DATA_PROTECT: 0x7,
  ABORTED_COMMAND: 0xb,
  MISCOMPARE: 0xe,
} as const;

export const SENSE = {
  NO_SENSE: sense(KEY.NO_SENSE, 0x00, 0x00),
  NOT_READY: sense(KEY.NOT_READY, 0x04, 0x00),
  ACCESS_STATE_TRANSITION: sense(KEY.NOT_READY, 0x04, 0x0a),
  TARGET_PORT_IN_STANDBY: sense(KEY.NOT_READY, 0x04, 0x0b),
  TARGET_PORT_UNAVAILABLE: sense(KEY.NOT_READY, 0x04, 0x0c),
  LOGICAL_UNIT_OFFLINE: sense(KEY.NOT_READY, 0x04, 0x12),
  WRITE_ERROR: sense(KEY.MEDIUM_ERROR, 0x0c, 0x00),
  INITIALIZING_COMMAND_REQUIRED: sense(KEY.NOT_READY, 0x04, 0x02),
  UNRECOVERED_READ_ERROR: sense(KEY.MEDIUM_ERROR, 0x11, 0x00),
  /** The initiator's expected length cannot be that of the command (FCP-4, taken over by iSCSI). */
  INVALID_FIELD_IN_INFORMATION_UNIT: sense(KEY.ILLEGAL_REQUEST, 0x0e, 0x03),
  PARAMETER_LIST_LENGTH_ERROR: sense(KEY.ILLEGAL_REQUEST, 0x1a, 0x00),
  INVALID_OPERATION_CODE: sense(KEY.ILLEGAL_REQUEST, 0x20, 0x00),
  LBA_OUT_OF_RANGE: sense(KEY.ILLEGAL_REQUEST, 0x21, 0x00),
  INVALID_FIELD_IN_CDB: sense(KEY.ILLEGAL_REQUEST, 0x24, 0x00),
  LOGICAL_UNIT_NOT_SUPPORTED: sense(KEY.ILLEGAL_REQUEST, 0x25, 0x00),
  INVALID_FIELD_IN_PARAMETER_LIST: sense(KEY.ILLEGAL_REQUEST, 0x26, 0x00),
  SAVING_PARAMETERS_NOT_SUPPORTED: sense(KEY.ILLEGAL_REQUEST, 0x39, 0x00),
  INVALID_MESSAGE_ERROR: sense(KEY.ILLEGAL_REQUEST, 0x49, 0x00),
  SET_TARGET_PORT_GROUPS_FAILED: sense(KEY.ILLEGAL_REQUEST, 0x67, 0x0a),
  WRITE_PROTECTED: sense(KEY.DATA_PROTECT, 0x27, 0x00),
  SPACE_ALLOCATION_FAILED: sense(KEY.DATA_PROTECT, 0x27, 0x07),
  MISCOMPARE: sense(KEY.MISCOMPARE, 0x1d, 0x00),
} as const;

/** A unit attention condition (`ASC << 8 | ASCQ`) as sense. */
export function unitAttentionSense(condition: number): Sense {
  return sense(KEY.UNIT_ATTENTION, condition >>> 8, condition & 0xff);
}

export interface SenseDetail {
  /** INFORMATION: an LBA, or the byte offset of a miscompare. */
  readonly information?: number;
  /** SPC-4 §4.5.2.4.2: the byte at fault, of the CDB or (`inParameters`) of the parameter list. */
  readonly field?: number;
  readonly bit?: number;
  readonly inParameters?: boolean;
}

const FIXED_LENGTH = 18;
const VALID = 0x80;
const SKSV = 0x80;
const CD = 0x40;
const BPV = 0x08;

/** SPC-4 §4.5.2.4.2 (field pointer): 3 bytes at `at`. */
function putFieldPointer(into: Buffer, at: number, detail: SenseDetail): void {
  const bit = detail.bit === undefined ? 0 : BPV | detail.bit;
  into[at] = SKSV | (detail.inParameters === true ? 0 : CD) | bit;
  into.writeUInt16BE(detail.field ?? 0, at + 1);
}

const NO_DETAIL: SenseDetail = {};

/** Sense data in descriptor (SPC-4 §4.5.2) or fixed format (§4.5.3). */
export function buildSense(
  what: Sense,
  descriptorFormat: boolean,
  detail: SenseDetail = NO_DETAIL,
): Buffer {
  return descriptorFormat ? descriptorSense(what, detail) : fixedSense(what, detail);
}

function fixedSense(what: Sense, detail: SenseDetail): Buffer {
  const data = Buffer.alloc(FIXED_LENGTH);
  data[0] = 0x70;
  data[2] = what.key;
  data[7] = FIXED_LENGTH - 8;
  data[12] = what.asc;
  data[13] = what.ascq;
  // SPC-4 §4.5.3: what does not fit in 4 bytes is left out, with VALID zero.
  if (detail.information !== undefined && detail.information <= 0xffff_ffff) {
    data[0] |= VALID;
    data.writeUInt32BE(detail.information, 3);
  }
  if (detail.field !== undefined) putFieldPointer(data, 15, detail);
  return data;
}

function descriptorSense(what: Sense, detail: SenseDetail): Buffer {
  const parts: Buffer[] = [];
  if (detail.information !== undefined) {
    const information = Buffer.alloc(12);
    information[1] = 10;
    information[2] = VALID;
    information.writeUInt32BE(Math.floor(detail.information / 2 ** 32), 4);
    information.writeUInt32BE(detail.information >>> 0, 8);
    parts.push(information);
  }
  if (detail.field !== undefined) {
    const pointer = Buffer.alloc(8);
    pointer[0] = 0x02;
    pointer[1] = 6;
    putFieldPointer(pointer, 4, detail);
    parts.push(pointer);
  }
  const descriptors = Buffer.concat(parts);
  const header = Buffer.from([0x72, what.key, what.asc, what.ascq, 0, 0, 0, descriptors.length]);
  return Buffer.concat([header, descriptors]);
}
