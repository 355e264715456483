/**
 * The frames that open an MPA connection (RFC 5044 §7.1, RFC 6581 §4):
 *
 *     bytes 0-15  key   16  M C R S . . . .   17 revision   18-19 length of private data
 *     with S, the private data begins with two words:  A B IRD(14)   C D ORD(14)
 *
 * M: markers are wanted, C: CRC is wanted, R: rejected, S: enhanced startup.
 */
export const MPA_KEY_LENGTH = 16;
export const MPA_HEADER_LENGTH = 20;
/** RFC 5044 §7.1: more is an error. */
export const PRIVATE_DATA_MAX = 512;
/** RFC 6581 §4: the value of IRD or ORD that leaves the matter open. */
export const DEPTH_OPEN = 0x3fff;
export const MPA_REVISIONS = { BASIC: 1, ENHANCED: 2 } as const;

const FIELD = { FLAGS: 16, REVISION: 17, PRIVATE_LENGTH: 18 } as const;
const FLAG = { MARKERS: 0x80, CRC: 0x40, REJECT: 0x20, ENHANCED: 0x10 } as const;
const WORDS = { IRD: 0, ORD: 2, LENGTH: 4 } as const;
const WORD_FLAG = { FIRST: 0x8000, SECOND: 0x4000, DEPTH: 0x3fff } as const;

const KEYS = {
  request: Buffer.from('MPA ID Req Frame', 'latin1'),
  reply: Buffer.from('MPA ID Rep Frame', 'latin1'),
} as const;
export type MpaFrameKind = keyof typeof KEYS;

/** Depths of the queues of RDMA Reads, and the ready-to-receive frame of RFC 6581 §4. */
export interface MpaDepths {
  readonly ird: number;
  readonly ord: number;
  /** A: the responder wants to send first, so the initiator sends one empty frame before. */
  readonly peerToPeer: boolean;
  /** B, C, D: that frame is an empty FPDU, an empty RDMA Write, an empty RDMA Read. */
  readonly rtrEmpty: boolean;
  readonly rtrWrite: boolean;
  readonly rtrRead: boolean;
}

export interface MpaFrame {
  readonly markers: boolean;
  readonly crc: boolean;
  readonly reject: boolean;
  readonly revision: number;
  /** Present in frames of enhanced startup. */
  readonly depths: MpaDepths | null;
  /** Of the user, without the words of enhanced startup. */
  readonly privateData: Buffer;
}

export type MpaParsed =
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid'; readonly why: string }
  | { readonly state: 'complete'; readonly frame: MpaFrame; readonly length: number };

const INCOMPLETE: MpaParsed = { state: 'incomplete' };
const invalid = (why: string): MpaParsed => ({ state: 'invalid', why });

/** Whether a stream that begins with `bytes` opens with an MPA request; `maybe`: too few yet. */
export function opensWithMpa(bytes: Buffer): 'yes' | 'no' | 'maybe' {
  const length = Math.min(bytes.length, MPA_KEY_LENGTH);
  if (KEYS.request.compare(bytes, 0, length, 0, length) !== 0) return 'no';
  return length === MPA_KEY_LENGTH ? 'yes' : 'maybe';
}

export function parseMpaFrame(bytes: Buffer, kind: MpaFrameKind): MpaParsed {
  const keyLength = Math.min(bytes.length, MPA_KEY_LENGTH);
  if (KEYS[kind].compare(bytes, 0, keyLength, 0, keyLength) !== 0) {
    return invalid(`no MPA ${kind} at the start of the stream`);
  }
  if (bytes.length < MPA_HEADER_LENGTH) return INCOMPLETE;
  const flags = bytes.readUInt8(FIELD.FLAGS);
  const revision = bytes.readUInt8(FIELD.REVISION);
  const privateLength = bytes.readUInt16BE(FIELD.PRIVATE_LENGTH);
  if (privateLength > PRIVATE_DATA_MAX) {
    return invalid(`${privateLength} bytes of private data, at most ${PRIVATE_DATA_MAX}`);
  }
  // RFC 6581 §4: the bit was reserved in revision 1, and is to be ignored there.
  const enhanced = revision >= MPA_REVISIONS.ENHANCED && (flags & FLAG.ENHANCED) !== 0;
  if (enhanced && privateLength < WORDS.LENGTH) {
    return invalid('enhanced startup without its words');
  }
  const length = MPA_HEADER_LENGTH + privateLength;
  if (bytes.length < length) return INCOMPLETE;
  const carried = Buffer.from(bytes.subarray(MPA_HEADER_LENGTH, length));
  const frame: MpaFrame = {
    markers: (flags & FLAG.MARKERS) !== 0,
    crc: (flags & FLAG.CRC) !== 0,
    reject: (flags & FLAG.REJECT) !== 0,
    revision,
    depths: enhanced ? depthsOf(carried) : null,
    privateData: enhanced ? carried.subarray(WORDS.LENGTH) : carried,
  };
  return { state: 'complete', frame, length };
}

function depthsOf(carried: Buffer): MpaDepths {
  const first = carried.readUInt16BE(WORDS.IRD);
  const second = carried.readUInt16BE(WORDS.ORD);
  return {
    ird: first & WORD_FLAG.DEPTH,
    ord: second & WORD_FLAG.DEPTH,
    peerToPeer: (first & WORD_FLAG.FIRST) !== 0,
    rtrEmpty: (first & WORD_FLAG.SECOND) !== 0,
    rtrWrite: (second & WORD_FLAG.FIRST) !== 0,
    rtrRead: (second & WORD_FLAG.SECOND) !== 0,
  };
}

export function encodeMpaFrame(kind: MpaFrameKind, frame: MpaFrame): Buffer {
  const { depths, privateData } = frame;
  const wordsLength = depths === null ? 0 : WORDS.LENGTH;
  const privateLength = wordsLength + privateData.length;
  if (privateLength > PRIVATE_DATA_MAX) throw new RangeError('too much private data');
  const bytes = Buffer.alloc(MPA_HEADER_LENGTH + privateLength);
  KEYS[kind].copy(bytes);
  const flags =
    (frame.markers ? FLAG.MARKERS : 0) |
    (frame.crc ? FLAG.CRC : 0) |
    (frame.reject ? FLAG.REJECT : 0) |
    (depths === null ? 0 : FLAG.ENHANCED);
  bytes.writeUInt8(flags, FIELD.FLAGS);
  bytes.writeUInt8(frame.revision, FIELD.REVISION);
  bytes.writeUInt16BE(privateLength, FIELD.PRIVATE_LENGTH);
  if (depths !== null) {
    const first = wordOf(depths.ird, depths.peerToPeer, depths.rtrEmpty);
    const second = wordOf(depths.ord, depths.rtrWrite, depths.rtrRead);
    bytes.writeUInt16BE(first, MPA_HEADER_LENGTH + WORDS.IRD);
    bytes.writeUInt16BE(second, MPA_HEADER_LENGTH + WORDS.ORD);
  }
  privateData.copy(bytes, MPA_HEADER_LENGTH + wordsLength);
  return bytes;
}

function wordOf(depth: number, first: boolean, second: boolean): number {
  const flags = (first ? WORD_FLAG.FIRST : 0) | (second ? WORD_FLAG.SECOND : 0);
  return flags | Math.min(depth, DEPTH_OPEN);
}
