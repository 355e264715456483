/**
 * Messages to DDP segments to FPDUs (RFC 5041 §5.2, RFC 5044 §4): each as long as fits in one TCP
 * segment of the connection. Headers are zeroed or written in full before they leave.
 */
import { crc32c } from '../../../util/crc32c.ts';
import { COPY_UP_TO, type OutputQueue } from '../output_queue.ts';
import { writeAddress, type RemoteBuffer } from '../rdma_connection.ts';
import {
  encodeTagged,
  encodeUntagged,
  TAGGED_LENGTH,
  TAGGED_OFFSET_AT,
  UNTAGGED_LENGTH,
  type UntaggedFields,
} from './ddp.ts';
import { FPDU_CRC_FIELD, FPDU_LENGTH_FIELD, fpduPadding, ulpduWithin } from './fpdu.ts';

/** Longest FPDU sent, however long the segments are: Linux's siw takes 65,000 bytes. */
const LONGEST_FPDU = 64_512;
/** Shortest that makes sense: a header and some data. */
const SHORTEST_FPDU = 128;
const PADDING = Buffer.alloc(4);

export interface SenderOptions {
  readonly output: OutputQueue;
  readonly crc: boolean;
  /** Bytes that one TCP segment carries. */
  readonly emss: number;
}

export class Sender {
  readonly #output: OutputQueue;
  readonly #crc: boolean;
  readonly #maxUlpdu: number;
  readonly #tagged = Buffer.alloc(FPDU_LENGTH_FIELD + TAGGED_LENGTH);
  readonly #untagged = Buffer.alloc(FPDU_LENGTH_FIELD + UNTAGGED_LENGTH);

  constructor({ output, crc, emss }: SenderOptions) {
    this.#output = output;
    this.#crc = crc;
    this.#maxUlpdu = ulpduWithin(Math.max(SHORTEST_FPDU, Math.min(emss, LONGEST_FPDU)));
  }

  /** `message` is copied. */
  untagged(fields: UntaggedFields, message: Buffer): void {
    const room = this.#maxUlpdu - UNTAGGED_LENGTH;
    let at = 0;
    do {
      const end = Math.min(at + room, message.length);
      const header = this.#untagged;
      header.writeUInt16BE(UNTAGGED_LENGTH + end - at, 0);
      encodeUntagged(header, FPDU_LENGTH_FIELD, fields, at, end === message.length);
      this.#fpdu(header, message.subarray(at, end), true);
      at = end;
    } while (at < message.length);
  }

  /** True: `data` was copied in full and may change. */
  tagged(opcode: number, remote: RemoteBuffer, offset: number, data: Buffer): boolean {
    const room = this.#maxUlpdu - TAGGED_LENGTH;
    // All of it or nothing, so that one answer holds for the whole.
    const copied = Math.min(data.length, room) <= COPY_UP_TO;
    let at = 0;
    do {
      const end = Math.min(at + room, data.length);
      const header = this.#tagged;
      header.writeUInt16BE(TAGGED_LENGTH + end - at, 0);
      encodeTagged(header, FPDU_LENGTH_FIELD, opcode, end === data.length, remote.stag);
      writeAddress(header, FPDU_LENGTH_FIELD + TAGGED_OFFSET_AT, remote, offset + at);
      this.#fpdu(header, data.subarray(at, end), copied);
      at = end;
    } while (at < data.length);
    return copied;
  }

  /** RFC 6581 §4: an FPDU with nothing in it, to say that one is ready to receive. */
  empty(): void {
    const header = this.#untagged.subarray(0, FPDU_LENGTH_FIELD);
    header.writeUInt16BE(0, 0);
    this.#fpdu(header, PADDING.subarray(0, 0), true);
  }

  #copy(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += COPY_UP_TO) {
      this.#output.copy(payload.subarray(at, at + COPY_UP_TO));
    }
  }

  #fpdu(header: Buffer, payload: Buffer, copied: boolean): void {
    const output = this.#output;
    const padding = fpduPadding(header.length - FPDU_LENGTH_FIELD + payload.length);
    output.copy(header);
    if (!copied) output.pass(payload);
    else this.#copy(payload);
    if (!this.#crc) return output.zeros(padding + FPDU_CRC_FIELD);
    if (padding > 0) output.zeros(padding);
    const crc = crc32c(payload, crc32c(header));
    output.uint32LE(padding > 0 ? crc32c(PADDING.subarray(0, padding), crc) : crc);
    return undefined;
  }
}
