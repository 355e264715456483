/**
 * Messages to DDP segments to FPDUs (RFC 5041 §5.2, RFC 5044 §4): each as long as fits in one TCP
 * segment of the connection. An FPDU is made where it leaves from; the payload of a long one is
 * passed as it is.
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
import {
  FPDU_CRC_FIELD,
  FPDU_LENGTH_FIELD,
  fpduLengthOf,
  fpduPadding,
  ulpduWithin,
} from './fpdu.ts';

/** Longest FPDU sent, however long the segments are: Linux's siw takes 65,000 bytes. */
const LONGEST_FPDU = 64_512;
/** Shortest that makes sense: a header and some data. */
const SHORTEST_FPDU = 128;
/** Longest ULPDU whose FPDU is copied as a whole. */
const LONGEST_COPIED = ulpduWithin(COPY_UP_TO);
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

  constructor({ output, crc, emss }: SenderOptions) {
    this.#output = output;
    this.#crc = crc;
    this.#maxUlpdu = ulpduWithin(Math.max(SHORTEST_FPDU, Math.min(emss, LONGEST_FPDU)));
  }

  /** `message` is copied. */
  untagged(fields: UntaggedFields, message: Buffer): void {
    const room = Math.min(this.#maxUlpdu, LONGEST_COPIED) - UNTAGGED_LENGTH;
    let at = 0;
    do {
      const end = Math.min(at + room, message.length);
      const length = UNTAGGED_LENGTH + end - at;
      const stage = this.#output.reserve(fpduLengthOf(length));
      const start = this.#output.at;
      stage.writeUInt16BE(length, start);
      const header = start + FPDU_LENGTH_FIELD;
      encodeUntagged(stage, header, fields, at, end === message.length);
      message.copy(stage, header + UNTAGGED_LENGTH, at, end);
      this.#close(stage, start, length);
      at = end;
    } while (at < message.length);
  }

  /** True: `data` was copied in full and may change. */
  tagged(opcode: number, remote: RemoteBuffer, offset: number, data: Buffer): boolean {
    const room = this.#maxUlpdu - TAGGED_LENGTH;
    let copied = true;
    let at = 0;
    do {
      const end = Math.min(at + room, data.length);
      const length = TAGGED_LENGTH + end - at;
      const copy = length <= LONGEST_COPIED;
      const headers = FPDU_LENGTH_FIELD + TAGGED_LENGTH;
      const stage = this.#output.reserve(copy ? fpduLengthOf(length) : headers);
      const start = this.#output.at;
      stage.writeUInt16BE(length, start);
      const header = start + FPDU_LENGTH_FIELD;
      encodeTagged(stage, header, opcode, end === data.length, remote.stag);
      writeAddress(stage, header + TAGGED_OFFSET_AT, remote, offset + at);
      if (copy) {
        data.copy(stage, start + headers, at, end);
        this.#close(stage, start, length);
      } else {
        copied = false;
        this.#output.advance(headers);
        this.#pass(stage.subarray(start, start + headers), data.subarray(at, end));
      }
      at = end;
    } while (at < data.length);
    return copied;
  }

  /** RFC 6581 §4: an FPDU with nothing in it, to say that one is ready to receive. */
  empty(): void {
    const stage = this.#output.reserve(fpduLengthOf(0));
    const start = this.#output.at;
    stage.writeUInt16BE(0, start);
    this.#close(stage, start, 0);
  }

  /** What follows the ULPDU of an FPDU that begins at `start`. */
  #close(stage: Buffer, start: number, ulpduLength: number): void {
    const end = start + FPDU_LENGTH_FIELD + ulpduLength;
    const crcAt = end + fpduPadding(ulpduLength);
    for (let at = end; at < crcAt; at++) stage[at] = 0;
    stage.writeUInt32LE(this.#crc ? crc32c(stage.subarray(start, crcAt)) : 0, crcAt);
    this.#output.advance(crcAt + FPDU_CRC_FIELD - start);
  }

  /** The payload, and what follows it. */
  #pass(headers: Buffer, payload: Buffer): void {
    const output = this.#output;
    output.pass(payload);
    const padding = fpduPadding(headers.length - FPDU_LENGTH_FIELD + payload.length);
    if (!this.#crc) return output.zeros(padding + FPDU_CRC_FIELD);
    if (padding > 0) output.zeros(padding);
    const crc = crc32c(payload, crc32c(headers));
    output.uint32LE(padding > 0 ? crc32c(PADDING.subarray(0, padding), crc) : crc);
    return undefined;
  }
}
