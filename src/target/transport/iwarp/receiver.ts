/**
 * What a DDP segment does (RFC 5041 §5, RFC 5040 §5): places it, or says what is wrong with it.
 * Nothing is written that was not registered or posted for it. Parsing never throws.
 */
import { serialAdd } from '../../../util/serial32.ts';
import { DDP_VERSION, DdpSegment, QUEUE, RDMAP_VERSION } from './ddp.ts';
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

  /** Null: all is well. After a fault nothing more is to be handed in. */
  take(ulpdu: Buffer): Fault | null {
    const { segment } = this;
    if (!segment.read(ulpdu)) return FAULT.shortSegment;
    if (segment.ddpVersion !== DDP_VERSION) {
      return segment.tagged ? FAULT.taggedVersion : FAULT.untaggedVersion;
    }
    if (segment.rdmapVersion !== RDMAP_VERSION) return FAULT.rdmapVersion;
    return segment.tagged ? this.#tagged(segment) : this.#untagged(segment);
  }

  #tagged(segment: DdpSegment): Fault | null {
    switch (segment.opcode) {
      case RDMAP_OPCODE.WRITE:
        return this.#write(segment);
      case RDMAP_OPCODE.READ_RESPONSE:
        return this.#reads.take(segment);
      default:
        return FAULT.unexpectedOpcode;
    }
  }

  #write(segment: DdpSegment): Fault | null {
    const { payloadLength } = segment;
    // RFC 5041 §5.1: without payload the tag is not looked at.
    if (payloadLength === 0) return null;
    const found = this.#memory.find(segment, payloadLength, 'remoteWrite');
    if (!found.ok) return TAGGED_FAULT[found.why];
    segment.bytes.copy(found.bytes, 0, segment.headerLength);
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
    if (this.#have === 0 && messageOffset === 0) {
      this.#opcode = opcode;
      this.#invalidate = stag;
    } else if (opcode !== this.#opcode || (invalidates(opcode) && stag !== this.#invalidate)) {
      return FAULT.unexpectedOpcode;
    }
    // TCP keeps the order, so that a gap would be handed up unwritten.
    if (messageOffset !== this.#have) return FAULT.invalidOffset;
    if (this.#have + payloadLength > buffer.length) return FAULT.messageTooLong;
    segment.bytes.copy(buffer, this.#have, segment.headerLength);
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
    const request = readRequestOf(segment.bytes.subarray(segment.headerLength));
    const found = this.#source(request);
    if (!found.ok) return READ_FAULT[found.why];
    return this.#sink.readRequested(request, found.bytes) ? null : FAULT.noBuffer;
  }

  /** RFC 5040 §5.2: a read of nothing looks at no tag. */
  #source({ source, size }: PeerReadRequest): Found {
    if (size === 0) return { ok: true, bytes: NOTHING };
    return this.#memory.find(source, size, 'remoteRead');
  }

  #terminate(segment: DdpSegment): Fault | null {
    if (segment.opcode !== RDMAP_OPCODE.TERMINATE) return FAULT.unexpectedOpcode;
    if (segment.msn !== 1) return FAULT.msnRange;
    if (segment.messageOffset !== 0) return FAULT.invalidOffset;
    this.#sink.terminated(segment.bytes.subarray(segment.headerLength));
    return null;
  }
}

const NOTHING = Buffer.alloc(0);
