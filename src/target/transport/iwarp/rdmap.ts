/**
 * RDMAP messages (RFC 5040 §4): opcodes and the RDMA Read Request,
 *
 *     0 sink STag   4 sink TO (8)   12 size   16 source STag   20 source TO (8)
 */
import type { RemoteBuffer } from '../rdma_connection.ts';
import { writeAddress } from '../rdma_connection.ts';

export const RDMAP_OPCODE = {
  WRITE: 0,
  READ_REQUEST: 1,
  READ_RESPONSE: 2,
  SEND: 3,
  SEND_INVALIDATE: 4,
  SEND_SOLICITED: 5,
  SEND_SOLICITED_INVALIDATE: 6,
  TERMINATE: 7,
} as const;

export const READ_REQUEST_LENGTH = 28;
const FIELD = {
  SINK_STAG: 0,
  SINK_OFFSET: 4,
  SIZE: 12,
  SOURCE_STAG: 16,
  SOURCE_OFFSET_HIGH: 20,
  SOURCE_OFFSET_LOW: 24,
} as const;

export const isSend = (opcode: number): boolean =>
  opcode >= RDMAP_OPCODE.SEND && opcode <= RDMAP_OPCODE.SEND_SOLICITED_INVALIDATE;
export const isSolicited = (opcode: number): boolean =>
  opcode === RDMAP_OPCODE.SEND_SOLICITED || opcode === RDMAP_OPCODE.SEND_SOLICITED_INVALIDATE;
export const invalidates = (opcode: number): boolean =>
  opcode === RDMAP_OPCODE.SEND_INVALIDATE || opcode === RDMAP_OPCODE.SEND_SOLICITED_INVALIDATE;

/** Which of the four Sends carries what (RFC 5040 §4.1). */
export function sendOpcode(invalidate: boolean, solicited: boolean): number {
  if (solicited) {
    return invalidate ? RDMAP_OPCODE.SEND_SOLICITED_INVALIDATE : RDMAP_OPCODE.SEND_SOLICITED;
  }
  return invalidate ? RDMAP_OPCODE.SEND_INVALIDATE : RDMAP_OPCODE.SEND;
}

export interface ReadRequestFields {
  readonly sinkStag: number;
  readonly size: number;
  readonly source: RemoteBuffer;
  readonly sourceOffset: number;
}

/** The sink is our own and begins at offset 0 of its tag. */
export function encodeReadRequest(into: Buffer, fields: ReadRequestFields): void {
  into.writeUInt32BE(fields.sinkStag, FIELD.SINK_STAG);
  into.fill(0, FIELD.SINK_OFFSET, FIELD.SIZE);
  into.writeUInt32BE(fields.size, FIELD.SIZE);
  into.writeUInt32BE(fields.source.stag, FIELD.SOURCE_STAG);
  writeAddress(into, FIELD.SOURCE_OFFSET_HIGH, fields.source, fields.sourceOffset);
}

/** A peer's request: what it wants, and where its sink is. */
export interface PeerReadRequest {
  readonly sink: RemoteBuffer;
  readonly size: number;
  readonly source: RemoteBuffer;
}

/** `bytes`: exactly a request. */
export function readRequestOf(bytes: Buffer): PeerReadRequest {
  return {
    sink: {
      stag: bytes.readUInt32BE(FIELD.SINK_STAG),
      high: bytes.readUInt32BE(FIELD.SINK_OFFSET),
      low: bytes.readUInt32BE(FIELD.SINK_OFFSET + 4),
    },
    size: bytes.readUInt32BE(FIELD.SIZE),
    source: {
      stag: bytes.readUInt32BE(FIELD.SOURCE_STAG),
      high: bytes.readUInt32BE(FIELD.SOURCE_OFFSET_HIGH),
      low: bytes.readUInt32BE(FIELD.SOURCE_OFFSET_LOW),
    },
  };
}
