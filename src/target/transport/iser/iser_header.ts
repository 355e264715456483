/**
 * The header in front of each iSCSI PDU that iSER sends (RFC 7145 §9.2), and Hello (§9.3, §9.4):
 *
 *     control    0 opcode(4) W R ..   4 write STag   8 write address (8)   16 read STag   20 …(8)
 *     Hello      0 opcode(4) ....     1 MaxVer(4) MinVer(4)   2 iSER-IRD
 *     HelloReply 0 opcode(4) ...REJ   1 MaxVer(4) CurVer(4)   2 iSER-ORD
 */
import type { RemoteBuffer } from '../rdma_connection.ts';

export const ISER_HEADER_LENGTH = 28;
export const ISER_OPCODE = { CONTROL: 1, HELLO: 2, HELLO_REPLY: 3 } as const;

const FIELD = {
  FLAGS: 0,
  WRITE_STAG: 4,
  WRITE_ADDRESS: 8,
  READ_STAG: 16,
  READ_ADDRESS: 20,
  VERSIONS: 1,
  DEPTH: 2,
} as const;
const FLAG = { WRITE_VALID: 0x08, READ_VALID: 0x04, REJECT: 0x01 } as const;
const OPCODE_SHIFT = 4;
/** RFC 5046 counted 1, RFC 7145 counts 10; what moves over the wire is the same. */
const VERSIONS_SERVED = { LOWEST: 1, HIGHEST: 10 } as const;

export function iserOpcodeOf(message: Buffer): number {
  return message.readUInt8(FIELD.FLAGS) >> OPCODE_SHIFT;
}

/** The initiator's buffer that a command writes from; null: none was given. */
export function writeBufferOf(message: Buffer): RemoteBuffer | null {
  return bufferAt(message, FLAG.WRITE_VALID, FIELD.WRITE_STAG, FIELD.WRITE_ADDRESS);
}
/** The initiator's buffer that a command reads into. */
export function readBufferOf(message: Buffer): RemoteBuffer | null {
  return bufferAt(message, FLAG.READ_VALID, FIELD.READ_STAG, FIELD.READ_ADDRESS);
}

function bufferAt(message: Buffer, flag: number, stag: number, at: number): RemoteBuffer | null {
  if ((message.readUInt8(FIELD.FLAGS) & flag) === 0) return null;
  return {
    stag: message.readUInt32BE(stag),
    high: message.readUInt32BE(at),
    low: message.readUInt32BE(at + 4),
  };
}

/** What we send gives no buffers. `into` is zeroed. */
export function encodeControlHeader(into: Buffer): void {
  into.writeUInt8(ISER_OPCODE.CONTROL << OPCODE_SHIFT, FIELD.FLAGS);
}

export interface Hello {
  readonly maxVersion: number;
  readonly minVersion: number;
  /** RDMA Reads that the initiator serves at a time. */
  readonly ird: number;
}

export function helloOf(message: Buffer): Hello {
  const versions = message.readUInt8(FIELD.VERSIONS);
  return {
    maxVersion: versions >> 4,
    minVersion: versions & 0x0f,
    ird: message.readUInt16BE(FIELD.DEPTH),
  };
}

/** The version that both sides know, or null. */
export function versionFor(hello: Hello): number | null {
  const version = Math.min(hello.maxVersion, VERSIONS_SERVED.HIGHEST);
  return version >= Math.max(hello.minVersion, VERSIONS_SERVED.LOWEST) ? version : null;
}

/** `version` null: rejected. */
export function encodeHelloReply(version: number | null, ord: number): Buffer {
  const bytes = Buffer.alloc(ISER_HEADER_LENGTH);
  const reject = version === null ? FLAG.REJECT : 0;
  bytes.writeUInt8((ISER_OPCODE.HELLO_REPLY << OPCODE_SHIFT) | reject, FIELD.FLAGS);
  const { HIGHEST } = VERSIONS_SERVED;
  bytes.writeUInt8((HIGHEST << 4) | (version ?? HIGHEST), FIELD.VERSIONS);
  bytes.writeUInt16BE(Math.min(ord, 0xffff), FIELD.DEPTH);
  return bytes;
}

/** What either side says when connecting: four bytes, of which one is used. */
const CONNECT = { FLAGS: 0, LENGTH: 4 } as const;
const CONNECT_FLAG = { NO_ZERO_BASED: 0x80, NO_SEND_INVALIDATE: 0x40 } as const;

/** Whether the initiator takes Send with Invalidate; without a word from it, it does not. */
export function takesSendInvalidate(privateData: Buffer): boolean {
  if (privateData.length < CONNECT.LENGTH) return false;
  return (privateData.readUInt8(CONNECT.FLAGS) & CONNECT_FLAG.NO_SEND_INVALIDATE) === 0;
}

export function encodeConnectData(sendInvalidate: boolean): Buffer {
  const bytes = Buffer.alloc(CONNECT.LENGTH);
  const flags = CONNECT_FLAG.NO_ZERO_BASED | (sendInvalidate ? 0 : CONNECT_FLAG.NO_SEND_INVALIDATE);
  bytes.writeUInt8(flags, CONNECT.FLAGS);
  return bytes;
}
