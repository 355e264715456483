/**
 * Terminate messages (RFC 5040 §4.8): which layer found what wrong, and the header of the segment
 * that it was wrong with.
 *
 *     0 layer(4) type(4)   1 code   2 M D R .....   3 .
 *     M: 4 length of the segment (2)   D: then its DDP header   R: then the RDMA Read Request
 */
import { READ_REQUEST_LENGTH } from './rdmap.ts';
import type { DdpSegment } from './ddp.ts';

export interface Fault {
  readonly layer: number;
  readonly type: number;
  readonly code: number;
  readonly text: string;
}

const LAYER = { RDMAP: 0, DDP: 1, MPA: 2 } as const;
/** RFC 5040 §4.8: kinds of RDMAP errors. */
const RDMAP_TYPE = { CATASTROPHIC: 0, PROTECTION: 1, OPERATION: 2 } as const;
/** RFC 5041 §7.2: kinds of DDP errors. */
const DDP_TYPE = { CATASTROPHIC: 0, TAGGED: 1, UNTAGGED: 2 } as const;

const rdmap = (type: number, code: number, text: string): Fault => ({
  layer: LAYER.RDMAP,
  type,
  code,
  text,
});
const ddp = (type: number, code: number, text: string): Fault => ({
  layer: LAYER.DDP,
  type,
  code,
  text,
});
const mpa = (code: number, text: string): Fault => ({ layer: LAYER.MPA, type: 0, code, text });

const { PROTECTION, OPERATION } = RDMAP_TYPE;
const { TAGGED, UNTAGGED } = DDP_TYPE;

/** Everything that this side finds wrong. */
export const FAULT = {
  readInvalidStag: rdmap(PROTECTION, 0x00, 'RDMA Read of an invalid STag'),
  readOutOfBounds: rdmap(PROTECTION, 0x01, 'RDMA Read outside its region'),
  accessViolation: rdmap(PROTECTION, 0x02, 'access that the region does not allow'),
  readWraps: rdmap(PROTECTION, 0x04, 'RDMA Read over the end of the address space'),
  rdmapVersion: rdmap(OPERATION, 0x05, 'invalid RDMAP version'),
  unexpectedOpcode: rdmap(OPERATION, 0x06, 'unexpected RDMAP opcode'),
  streamCatastrophe: rdmap(OPERATION, 0x07, 'malformed RDMAP message'),
  cannotInvalidate: rdmap(PROTECTION, 0x09, 'an STag that cannot be invalidated'),
  shortSegment: ddp(DDP_TYPE.CATASTROPHIC, 0x00, 'DDP segment shorter than its header'),
  taggedInvalidStag: ddp(TAGGED, 0x00, 'tagged data for an invalid STag'),
  taggedOutOfBounds: ddp(TAGGED, 0x01, 'tagged data outside its region'),
  taggedWraps: ddp(TAGGED, 0x03, 'tagged data over the end of the address space'),
  taggedVersion: ddp(TAGGED, 0x04, 'invalid DDP version in a tagged segment'),
  invalidQueue: ddp(UNTAGGED, 0x01, 'invalid DDP queue number'),
  noBuffer: ddp(UNTAGGED, 0x02, 'message without a buffer to take it'),
  msnRange: ddp(UNTAGGED, 0x03, 'message sequence number out of range'),
  invalidOffset: ddp(UNTAGGED, 0x04, 'invalid message offset'),
  messageTooLong: ddp(UNTAGGED, 0x05, 'message longer than its buffer'),
  untaggedVersion: ddp(UNTAGGED, 0x06, 'invalid DDP version in an untagged segment'),
  badCrc: mpa(0x02, 'MPA CRC error'),
  insufficientIrd: mpa(0x06, 'not as many RDMA Reads are served'),
  noMatchingRtr: mpa(0x07, 'no frame to be ready by that both sides know'),
} as const satisfies Readonly<Record<string, Fault>>;

/** What only a peer finds wrong: RFC 5040 §4.8, RFC 5041 §7.2, RFC 5044 §8, RFC 6581 §9. */
const PEER_FAULTS: readonly Fault[] = [
  rdmap(RDMAP_TYPE.CATASTROPHIC, 0x00, 'RDMAP failed at the peer'),
  rdmap(PROTECTION, 0x03, 'an STag of another RDMAP stream'),
  rdmap(PROTECTION, 0xff, 'RDMAP protection error, unspecified'),
  rdmap(OPERATION, 0x08, 'catastrophic RDMAP error of the peer as a whole'),
  rdmap(OPERATION, 0x09, 'an STag that cannot be invalidated'),
  rdmap(OPERATION, 0xff, 'RDMAP operation error, unspecified'),
  ddp(TAGGED, 0x02, 'an STag of another DDP stream'),
  mpa(0x01, 'TCP connection closed, ended or lost'),
  mpa(0x03, 'MPA marker and length of the ULPDU do not fit'),
  mpa(0x04, 'invalid MPA request or reply frame'),
  mpa(0x05, 'MPA failed at the peer'),
];

const HEADER_FLAG = { LENGTH: 0x80, DDP: 0x40, RDMAP: 0x20 } as const;
const FIELD = { LAYER_TYPE: 0, CODE: 1, HEADERS: 2, SEGMENT_LENGTH: 4 } as const;
const CONTROL_LENGTH = 4;
const LENGTH_FIELD = 2;

/** `segment`: what was wrong, or null where no header is to be trusted. */
export function encodeTerminate(fault: Fault, segment: DdpSegment | null): Buffer {
  const header = segment === null ? 0 : segment.headerLength;
  const request = segment !== null && isReadRequestFault(fault, segment) ? READ_REQUEST_LENGTH : 0;
  const extra = segment === null ? 0 : LENGTH_FIELD + header + request;
  const bytes = Buffer.alloc(CONTROL_LENGTH + extra);
  bytes.writeUInt8((fault.layer << 4) | fault.type, FIELD.LAYER_TYPE);
  bytes.writeUInt8(fault.code, FIELD.CODE);
  if (segment === null) return bytes;
  const flags = HEADER_FLAG.LENGTH | HEADER_FLAG.DDP | (request > 0 ? HEADER_FLAG.RDMAP : 0);
  bytes.writeUInt8(flags, FIELD.HEADERS);
  bytes.writeUInt16BE(segment.length, FIELD.SEGMENT_LENGTH);
  const { at } = segment;
  segment.bytes.copy(bytes, CONTROL_LENGTH + LENGTH_FIELD, at, at + header + request);
  return bytes;
}

/** RFC 5040 §4.8: errors of an RDMA Read Request carry the request. */
function isReadRequestFault(fault: Fault, segment: DdpSegment): boolean {
  if (fault.layer !== LAYER.RDMAP || segment.tagged) return false;
  return segment.queue === 1 && segment.payloadLength === READ_REQUEST_LENGTH;
}

/** What a peer's Terminate says, in words; the bytes may be anything. */
export function describeTerminate(bytes: Buffer): string {
  if (bytes.length < CONTROL_LENGTH) return 'a Terminate message that is too short';
  const first = bytes.readUInt8(FIELD.LAYER_TYPE);
  const layer = first >> 4;
  const type = first & 0x0f;
  const code = bytes.readUInt8(FIELD.CODE);
  const known = [...Object.values(FAULT), ...PEER_FAULTS].find(
    (fault) => fault.layer === layer && fault.type === type && fault.code === code,
  );
  if (known !== undefined) return known.text;
  return `layer ${layer}, type ${type}, code ${code}`;
}
