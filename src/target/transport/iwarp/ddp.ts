/**
 * Headers of DDP segments (RFC 5041 §4), with RDMAP's byte in them (RFC 5040 §4.1):
 *
 *     tagged     0 T L .... DV   1 RV .. opcode   2 STag   6 TO (8)
 *     untagged   0 T L .... DV   1 RV .. opcode   2 Invalidate STag   6 QN   10 MSN   14 MO
 */
export const TAGGED_LENGTH = 14;
export const UNTAGGED_LENGTH = 18;

const FIELD = {
  CONTROL: 0,
  RDMAP: 1,
  STAG: 2,
  OFFSET_HIGH: 6,
  OFFSET_LOW: 10,
  QUEUE: 6,
  MSN: 10,
  MESSAGE_OFFSET: 14,
} as const;
const CONTROL = { TAGGED: 0x80, LAST: 0x40, VERSION_MASK: 0x03 } as const;
const RDMAP = { VERSION_SHIFT: 6, OPCODE_MASK: 0x0f } as const;
/** Version 1 of both, the one that exists. */
export const DDP_VERSION = 1;
export const RDMAP_VERSION = 1;

/** RFC 5041 §4.3, RFC 5040 §4: which untagged queue carries what. */
export const QUEUE = { SEND: 0, READ_REQUEST: 1, TERMINATE: 2 } as const;

/** By the first byte at `at`. */
export function isTagged(bytes: Buffer, at: number): boolean {
  return (bytes.readUInt8(at + FIELD.CONTROL) & CONTROL.TAGGED) !== 0;
}

/** A received segment, reused for each: numbers only, and a lent view of the payload. */
export class DdpSegment {
  tagged = false;
  last = false;
  ddpVersion = 0;
  rdmapVersion = 0;
  opcode = 0;
  /** Tagged: where the payload goes. Untagged: the tag to be invalidated. */
  stag = 0;
  high = 0;
  low = 0;
  queue = 0;
  msn = 0;
  messageOffset = 0;
  headerLength = 0;
  /** Header and payload are `length` bytes from `at` on. Lent. */
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  length = 0;

  /** False: shorter than its header. The header must be there; of the payload, nothing. */
  read(bytes: Buffer, at = 0, length = bytes.length): boolean {
    if (length < 2) return false;
    const control = bytes.readUInt8(at + FIELD.CONTROL);
    const rdmap = bytes.readUInt8(at + FIELD.RDMAP);
    this.tagged = (control & CONTROL.TAGGED) !== 0;
    this.last = (control & CONTROL.LAST) !== 0;
    this.ddpVersion = control & CONTROL.VERSION_MASK;
    this.rdmapVersion = rdmap >> RDMAP.VERSION_SHIFT;
    this.opcode = rdmap & RDMAP.OPCODE_MASK;
    this.headerLength = this.tagged ? TAGGED_LENGTH : UNTAGGED_LENGTH;
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    if (length < this.headerLength) return false;
    this.stag = bytes.readUInt32BE(at + FIELD.STAG);
    if (this.tagged) {
      this.high = bytes.readUInt32BE(at + FIELD.OFFSET_HIGH);
      this.low = bytes.readUInt32BE(at + FIELD.OFFSET_LOW);
    } else {
      this.queue = bytes.readUInt32BE(at + FIELD.QUEUE);
      this.msn = bytes.readUInt32BE(at + FIELD.MSN);
      this.messageOffset = bytes.readUInt32BE(at + FIELD.MESSAGE_OFFSET);
    }
    return true;
  }

  get payloadLength(): number {
    return this.length - this.headerLength;
  }

  copyPayload(into: Buffer, intoAt: number): void {
    const { bytes, at, headerLength, length } = this;
    bytes.copy(into, intoAt, at + headerLength, at + length);
  }
}

export function encodeTagged(
  into: Buffer,
  at: number,
  opcode: number,
  last: boolean,
  stag: number,
): void {
  encodeControl(into, at, CONTROL.TAGGED, opcode, last);
  into.writeUInt32BE(stag, at + FIELD.STAG);
}
/** Where the tagged offset stands, for `writeAddress`. */
export const TAGGED_OFFSET_AT = FIELD.OFFSET_HIGH;

export interface UntaggedFields {
  readonly opcode: number;
  readonly invalidate: number;
  readonly queue: number;
  readonly msn: number;
}

export function encodeUntagged(
  into: Buffer,
  at: number,
  fields: UntaggedFields,
  messageOffset: number,
  last: boolean,
): void {
  encodeControl(into, at, 0, fields.opcode, last);
  into.writeUInt32BE(fields.invalidate, at + FIELD.STAG);
  into.writeUInt32BE(fields.queue, at + FIELD.QUEUE);
  into.writeUInt32BE(fields.msn, at + FIELD.MSN);
  into.writeUInt32BE(messageOffset, at + FIELD.MESSAGE_OFFSET);
}

function encodeControl(
  into: Buffer,
  at: number,
  tagged: number,
  opcode: number,
  last: boolean,
): void {
  into.writeUInt8(tagged | (last ? CONTROL.LAST : 0) | DDP_VERSION, at + FIELD.CONTROL);
  into.writeUInt8((RDMAP_VERSION << RDMAP.VERSION_SHIFT) | opcode, at + FIELD.RDMAP);
}
