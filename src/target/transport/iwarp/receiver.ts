/**
 * What a DDP segment does (RFC 5041 §5, RFC 5040 §5): places it, or says what is wrong with it.
 * Nothing is written that was not registered or posted for it. Parsing never throws.
 */
import { serialAdd } from '../../../util/serial32.ts';
import { DDP_VERSION, DdpSegment, isTagged, QUEUE, RDMAP_VERSION } from './ddp.ts';
import type { Found, MemoryTable } from './memory_table.ts';
import {
  invalidates,
  isSend,
  isSolicited,
  RDMAP_OPCODE,
  READ_REQUEST_LENGTH,
  readRequestOf,
  type PeerReadRequest,
} from './rdmap.ts';
import type { ReadQueue } from './read_queue.ts';
import { FAULT, type Fault } from './terminate.ts';

/** Buffers posted and not filled yet. */
export const MAX_POSTED_RECEIVES = 4096;

const TAGGED_FAULT = {
  stag: FAULT.taggedInvalidStag,
  bounds: FAULT.taggedOutOfBounds,
  access: FAULT.accessViolation,
  wrap: FAULT.taggedWraps,
} as const;
const READ_FAULT = {
  stag: FAULT.readInvalidStag,
  bounds: FAULT.readOutOfBounds,
  access: FAULT.accessViolation,
  wrap: FAULT.readWraps,
} as const;

export interface ReceiverSink {
  received(buffer: Buffer, length: number, invalidated: number | null, solicited: boolean): void;
  /** False: more at a time than we serve. */
  readRequested(request: PeerReadRequest, source: Buffer): boolean;
  terminated(message: Buffer): void;
}

export class Receiver {
  readonly segment = new DdpSegment();
  readonly #sink: ReceiverSink;
  readonly #memory: MemoryTable;
  readonly #reads: ReadQueue;
  readonly #posted: Buffer[] = [];
  /** Of the next message of each queue (RFC 5041 §4.3: from 1). */
  #sendMsn = 1;
  #readMsn = 1;
  /** Of the payload that comes in parts. */
  #placed = 0;
  /** Of the message that is coming in. */
  #have = 0;
  #opcode = 0;
  #invalidate = 0;

  constructor(sink: ReceiverSink, memory: MemoryTable, reads: ReadQueue) {
    this.#sink = sink;
    this.#memory = memory;
    this.#reads = reads;
  }

  get postedReceives(): number {
    return this.#posted.length;
  }

  post(buffer: Buffer): void {
    if (this.#posted.length >= MAX_POSTED_RECEIVES) throw new RangeError('too many receives');
    this.#posted.push(buffer);
  }

  clear(): void {
    this.#posted.length = 0;
  }

  /** A ULPDU of `length` bytes. After a fault nothing more is to be handed in. */
  take(bytes: Buffer, at: number, length: number): Fault | null {
    const { segment } = this;
    if (!segment.read(bytes, at, length)) return FAULT.shortSegment;
    if (segment.ddpVersion !== DDP_VERSION) {
      return segment.tagged ? FAULT.taggedVersion : FAULT.untaggedVersion;
    }
    if (segment.rdmapVersion !== RDMAP_VERSION) return FAULT.rdmapVersion;
    return segment.tagged ? this.#tagged(segment) : this.#untagged(segment);
  }

  /**
   * Of a ULPDU, as many bytes are here as the header of a tagged segment has. True: its payload has
   * a place, and is handed to `part` as it comes; then `ends`. False: it is to be handed in whole.
   */
  begins(bytes: Buffer, at: number, length: number): boolean {
    const { segment } = this;
    // The header of untagged data is longer than what is here.
    if (!isTagged(bytes, at) || !segment.read(bytes, at, length)) return false;
    if (segment.ddpVersion !== DDP_VERSION || segment.rdmapVersion !== RDMAP_VERSION) return false;
    this.#placed = 0;
    const { opcode, payloadLength } = segment;
    if (opcode === RDMAP_OPCODE.READ_RESPONSE) return this.#reads.faultOf(segment) === null;
    if (opcode !== RDMAP_OPCODE.WRITE) return false;
    return this.#memory.find(segment, payloadLength, 'remoteWrite').ok;
  }

  part(bytes: Buffer, from: number, to: number): void {
    const { segment } = this;
    if (segment.opcode === RDMAP_OPCODE.READ_RESPONSE) return this.#reads.place(bytes, from, to);
    // Looked up for each part: in between the region may have been given up.
    const found = this.#memory.find(segment, segment.payloadLength, 'remoteWrite');
    if (found.ok) bytes.copy(found.memory, found.offset + this.#placed, from, to);
    this.#placed += to - from;
    return undefined;
  }

  ends(): void {
    if (this.segment.opcode === RDMAP_OPCODE.READ_RESPONSE) this.#reads.placed();
  }

  #tagged(segment: DdpSegment): Fault | null {
    switch (segment.opcode) {
      case RDMAP_OPCODE.WRITE:
        return this.#write(segment);
      case RDMAP_OPCODE.READ_RESPONSE:
        return this.#readResponse(segment);
      default:
        return FAULT.unexpectedOpcode;
    }
  }

  #readResponse(segment: DdpSegment): Fault | null {
    const fault = this.#reads.faultOf(segment);
    if (fault !== null) return fault;
    const { bytes, at, headerLength, length } = segment;
    this.#reads.place(bytes, at + headerLength, at + length);
    this.#reads.placed();
    return null;
  }

  #write(segment: DdpSegment): Fault | null {
    const { payloadLength } = segment;
    // RFC 5041 §5.1: without payload the tag is not looked at.
    if (payloadLength === 0) return null;
    const found = this.#memory.find(segment, payloadLength, 'remoteWrite');
    if (!found.ok) return TAGGED_FAULT[found.why];
    segment.copyPayload(found.memory, found.offset);
    return null;
  }

  #untagged(segment: DdpSegment): Fault | null {
    switch (segment.queue) {
      case QUEUE.SEND:
        return this.#send(segment);
      case QUEUE.READ_REQUEST:
        return this.#readRequest(segment);
      case QUEUE.TERMINATE:
        return this.#terminate(segment);
      default:
        return FAULT.invalidQueue;
    }
  }

  #send(segment: DdpSegment): Fault | null {
    const { opcode, payloadLength, messageOffset, stag } = segment;
    if (!isSend(opcode)) return FAULT.unexpectedOpcode;
    if (segment.msn !== this.#sendMsn) return FAULT.msnRange;
    const buffer = this.#posted[0];
    if (buffer === undefined) return FAULT.noBuffer;
    // TCP keeps the order, so that a gap would be handed up unwritten.
    if (messageOffset !== this.#have) return FAULT.invalidOffset;
    if (this.#have === 0) {
      this.#opcode = opcode;
      this.#invalidate = stag;
    } else if (opcode !== this.#opcode || (invalidates(opcode) && stag !== this.#invalidate)) {
      return FAULT.unexpectedOpcode;
    }
    if (this.#have + payloadLength > buffer.length) return FAULT.messageTooLong;
    segment.copyPayload(buffer, this.#have);
    this.#have += payloadLength;
    return segment.last ? this.#deliver(buffer) : null;
  }

  #deliver(buffer: Buffer): Fault | null {
    const length = this.#have;
    const invalidated = invalidates(this.#opcode) ? this.#invalidate : null;
    if (invalidated !== null && !this.#memory.invalidate(invalidated)) {
      return FAULT.cannotInvalidate;
    }
    this.#posted.shift();
    this.#have = 0;
    this.#sendMsn = serialAdd(this.#sendMsn, 1);
    this.#sink.received(buffer, length, invalidated, isSolicited(this.#opcode));
    return null;
  }

  #readRequest(segment: DdpSegment): Fault | null {
    if (segment.opcode !== RDMAP_OPCODE.READ_REQUEST) return FAULT.unexpectedOpcode;
    if (segment.msn !== this.#readMsn) return FAULT.msnRange;
    if (segment.messageOffset !== 0) return FAULT.invalidOffset;
    if (segment.payloadLength > READ_REQUEST_LENGTH) return FAULT.messageTooLong;
    if (!segment.last || segment.payloadLength < READ_REQUEST_LENGTH) {
      return FAULT.streamCatastrophe;
    }
    this.#readMsn = serialAdd(this.#readMsn, 1);
    const request = readRequestOf(payloadOf(segment));
    const found = this.#source(request);
    if (!found.ok) return READ_FAULT[found.why];
    const { memory, offset } = found;
    const source = memory.subarray(offset, offset + request.size);
    return this.#sink.readRequested(request, source) ? null : FAULT.noBuffer;
  }

  /** RFC 5040 §5.2: a read of nothing looks at no tag. */
  #source({ source, size }: PeerReadRequest): Found {
    if (size === 0) return { ok: true, memory: NOTHING, offset: 0 };
    return this.#memory.find(source, size, 'remoteRead');
  }

  #terminate(segment: DdpSegment): Fault | null {
    if (segment.opcode !== RDMAP_OPCODE.TERMINATE) return FAULT.unexpectedOpcode;
    if (segment.msn !== 1) return FAULT.msnRange;
    if (segment.messageOffset !== 0) return FAULT.invalidOffset;
    this.#sink.terminated(payloadOf(segment));
    return null;
  }
}

const NOTHING = Buffer.alloc(0);

function payloadOf({ bytes, at, headerLength, length }: DdpSegment): Buffer {
  return bytes.subarray(at + headerLength, at + length);
}
