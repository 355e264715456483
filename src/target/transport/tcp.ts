/** The data mover on TCP: RFC 7143's own Data-In, R2T and Data-Out PDUs and digests. */
import type { Socket } from 'node:net';
import { putUint32LE } from '../../util/big_endian.ts';
import { NO_BYTES, ownedCopy } from '../../util/bytes.ts';
import type { Clock } from '../../util/clock.ts';
import { BUSY_POLL } from '../../util/busy_poll.ts';
import { crc32c, crc32cTable } from '../../util/crc32c.ts';
import { INPUT_TURN } from '../../util/input_turn.ts';
import { BHS_LENGTH, DIGEST_LENGTH, OPCODE, opcodeOf, padded, RESERVED_TAG } from '../pdu/bhs.ts';
import { addStatus, DataOut, encodeDataIn, encodeR2t } from '../pdu/data.ts';
import { Framer, type FramerFault, type FramerSink } from '../pdu/framer.ts';
import { LentSocket, onInput } from './lent_socket.ts';
import type { DataDone, DataMover, MoverEvents, MoverSettings, Transfer } from './datamover.ts';
import { COPY_UP_TO, OUTPUT_HIGH_WATER, OutputQueue } from './output_queue.ts';
import { Solicited, type SolicitedSink } from './solicited.ts';
import { TURNS } from './turns.ts';

/** RFC 7143 §13.12: during login 8192 bytes; more is taken, as initiators get it wrong. */
export const MAX_LOGIN_DATA_SEGMENT = 65_536;
/** The most that TotalAHSLength can say. What they hold is judged where the PDU is. */
export const MAX_AHS_LENGTH = 1020;
/** Time for the peer to take what is queued and to close, once we are done with it. */
const CLOSE_GRACE_MS = 2_000;
const MAX_SPARE_HEADERS = 256;
/** Bytes of one read beside others: a few commands, or the beginning of one with much data. */
export const SHARED_READ = 8 * 1024;
/** When others have been there lately: what the first of them to come back then waits for. */
const WARY_READ = 128 * 1024;
const WARY_MS = 1000;

/** The Data-In queued last, while status can still be added to it. */
interface Tail {
  /** Its number in the output queue; -1: none. */
  batch: number;
  transfer: Transfer | null;
  stage: Buffer;
  at: number;
}

export interface TcpMoverOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly events: MoverEvents;
}

export class TcpMover implements DataMover, FramerSink, SolicitedSink {
  readonly transport = 'TCP';
  heardMs: number;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #events: MoverEvents;
  readonly #framer: Framer;
  readonly #output: OutputQueue;
  readonly #solicited: Solicited;
  readonly #spareHeaders: Buffer[] = [];
  /** Of the header that is made at the moment. */
  readonly #dataIn = { itt: 0, dataSN: 0, bufferOffset: 0, dataLength: 0, final: false };
  readonly #tail: Tail = { batch: -1, transfer: null, stage: NO_BYTES, at: 0 };
  #settings: MoverSettings | null = null;
  #maxSend = 0;
  #paused = false;
  #outputFull = false;
  /** Input whose turn has not come. */
  #backlog: Buffer | null = null;
  #deadlineMs = Infinity;
  /** Bytes that one read brings at most. */
  #readAtMost = Infinity;
  /** Input had to wait for others, who are still there. */
  #sharing = false;
  #sharedMs = -Infinity;
  /** PDUs that were served when the socket was last empty. */
  #pdusBefore = 0;
  #terminated = false;
  #why = 'connection closed by the initiator';

  constructor(options: TcpMoverOptions) {
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#events = options.events;
    this.heardMs = options.clock.nowMs();
    this.#framer = new Framer(this, { ahs: MAX_AHS_LENGTH, dataSegment: MAX_LOGIN_DATA_SEGMENT });
    this.#output = new OutputQueue(options.socket, () => this.#roomAgain());
    this.#solicited = new Solicited(this);
    const socket = options.socket;
    onInput(socket, (chunk) => this.#receive(chunk));
    socket.on('error', (error) => {
      if (!this.#terminated) this.#why = `connection lost: ${error.message}`;
    });
    socket.once('close', () => this.#closed());
  }

  newHeader(): Buffer {
    const header = this.#spareHeaders.pop();
    if (header === undefined) return Buffer.alloc(BHS_LENGTH);
    return header.fill(0);
  }

  sendControl(bhs: Buffer, data: Buffer | null): void {
    this.#tail.batch = -1;
    this.#queueHeader(bhs);
    if (data !== null && data.length > 0) {
      if (data.length <= COPY_UP_TO) this.#queueData(data, true);
      else this.#queueData(ownedCopy(data), false);
    }
  }

  putData(transfer: Transfer, data: Buffer, offset: number, last: boolean, sent: () => void): void {
    const settings = this.#settings;
    if (settings === null || this.#terminated || data.length === 0) return sent();
    const copied = data.length <= COPY_UP_TO;
    for (let at = 0; at < data.length;) {
      if (transfer.burstLeft === 0) transfer.burstLeft = settings.maxBurstLength;
      const dataLength = Math.min(this.#maxSend, transfer.burstLeft, data.length - at);
      transfer.burstLeft -= dataLength;
      // RFC 7143 §11.7.1: F ends each sequence of MaxBurstLength, and the last one.
      const final = transfer.burstLeft === 0 || (last && at + dataLength === data.length);
      const batch = this.#output.open;
      this.#queueDataIn(transfer, offset + at, dataLength, final);
      const whole = dataLength === data.length;
      this.#queueData(whole ? data : data.subarray(at, at + dataLength), copied);
      // A full batch has left already: nothing can be added to it.
      this.#tail.batch = batch === this.#output.open ? batch : -1;
      at += dataLength;
    }
    transfer.moved += data.length;
    if (copied) this.#output.whenRoom(sent);
    else this.#output.whenSent(sent);
  }

  /** The header is made where it leaves from. */
  #queueDataIn(transfer: Transfer, bufferOffset: number, dataLength: number, final: boolean): void {
    const stage = this.#output.reserve(BHS_LENGTH + DIGEST_LENGTH);
    const { at } = this.#output;
    const end = at + BHS_LENGTH;
    const fields = this.#dataIn;
    fields.itt = transfer.itt;
    fields.dataSN = transfer.dataSN;
    fields.bufferOffset = bufferOffset;
    fields.dataLength = dataLength;
    fields.final = final;
    encodeDataIn(stage, fields, at);
    this.#events.stamp(stage, at, 'none');
    transfer.dataSN++;
    const tail = this.#tail;
    tail.stage = stage;
    tail.at = at;
    tail.transfer = transfer;
    const digest = this.#settings?.headerDigest === true;
    if (digest) putUint32LE(stage, end, crc32cTable(stage, 0, at, end));
    this.#output.advance(digest ? BHS_LENGTH + DIGEST_LENGTH : BHS_LENGTH);
  }

  putStatus(transfer: Transfer, status: number, residualFlag: number, residual: number): boolean {
    const tail = this.#tail;
    if (tail.transfer !== transfer || tail.batch !== this.#output.open) return false;
    tail.batch = -1;
    addStatus(tail.stage, tail.at, status, residualFlag, residual);
    this.#events.stamp(tail.stage, tail.at, 'take');
    if (this.#settings?.headerDigest === true) {
      const end = tail.at + BHS_LENGTH;
      putUint32LE(tail.stage, end, crc32cTable(tail.stage, 0, tail.at, end));
    }
    return true;
  }

  getData(transfer: Transfer, into: Buffer, offset: number, done: DataDone): void {
    if (this.#terminated) return;
    transfer.into = into;
    transfer.offset = offset;
    transfer.done = done;
    this.#solicited.begin(transfer);
  }

  deallocateTaskResources(transfer: Transfer): void {
    if (this.#tail.transfer === transfer) this.#tail.batch = -1;
    if (transfer.slot >= 0) this.#solicited.giveUp(transfer);
  }

  enableDatamover(settings: MoverSettings): void {
    this.#settings = settings;
    this.#maxSend = settings.maxSendDataSegmentLength;
    this.#solicited.settings = settings;
    this.#framer.setDigests(settings.headerDigest, settings.dataDigest);
    this.#framer.limits = {
      ahs: MAX_AHS_LENGTH,
      dataSegment: settings.maxRecvDataSegmentLength,
    };
  }

  noticeMaxSendDataSegmentLength(bytes: number): void {
    this.#maxSend = bytes;
  }

  connectionTerminate(graceful: boolean): void {
    if (this.#terminated) return;
    this.#terminated = true;
    this.#framer.stop();
    this.#why = 'connection closed by the target';
    const socket = this.#socket;
    if (!graceful || socket.destroyed) {
      socket.destroy();
      return;
    }
    this.#output.flush();
    // What still comes is read and dropped: unread input would turn our FIN into a reset, which
    // can overtake the last response.
    socket.resume();
    this.#output.whenSent(() => socket.end());
    this.#clock.after(CLOSE_GRACE_MS, () => socket.destroy());
  }

  // FramerSink

  place(bhs: Buffer, length: number): Buffer | null {
    if (!isSolicited(bhs)) return null;
    return this.#solicited.place(bhs, length);
  }

  take(data: Buffer, at: number): number {
    return this.#solicited.take(data, at);
  }

  pdu(bhs: Buffer, ahs: Buffer, data: Buffer, dataDigestOk: boolean): void {
    if (!dataDigestOk) this.#events.dataDigestError(bhs);
    if (isSolicited(bhs)) {
      this.#solicited.arrived(bhs, data.length, dataDigestOk);
    } else if (dataDigestOk) {
      this.#events.controlNotify(bhs, ahs, data);
    }
  }

  fault(fault: FramerFault, detail: string): void {
    // RFC 7143 §7.8: after a header digest error the stream cannot be trusted; level 0 closes.
    this.#fail(`${FAULT_TEXT[fault]}: ${detail}`);
  }

  // SolicitedSink

  sendR2t(transfer: Transfer, ttt: number, bufferOffset: number, desiredLength: number): void {
    const bhs = this.newHeader();
    const { itt, dataSN: r2tSN } = transfer;
    encodeR2t(bhs, transfer.lunField, { itt, ttt, r2tSN, bufferOffset, desiredLength });
    this.#events.stamp(bhs, 0, 'next');
    transfer.dataSN++;
    this.sendControl(bhs, null);
  }

  withdraw(buffer: Buffer): void {
    this.#framer.withdraw(buffer);
  }

  strayData(bhs: Buffer): void {
    this.#events.strayData(bhs);
  }

  #receive(chunk: Buffer): void {
    if (this.#terminated) return;
    this.heardMs = this.#clock.nowMs();
    const { pdus } = this.#framer;
    this.#output.gather();
    const rest = this.#parse(chunk, this.heardMs);
    this.#output.release();
    BUSY_POLL.cameAtOnce(this.#framer.pdus - pdus);
    if (rest === null && chunk.length < this.#readAtMost) this.#drained();
    // The chunk is lent.
    if (rest !== null) this.#goOnNextTurn(ownedCopy(rest));
    this.#limitReads(rest !== null);
    // A peer that sends without reading must not make us keep the answers without end.
    if (this.#output.pending > OUTPUT_HIGH_WATER) this.#outputFull = true;
    this.#pauseOrResume();
  }

  /** All that the peer has sent is served: whether that was much tells how deep its queue is. */
  #drained(): void {
    const { pdus } = this.#framer;
    if (TURNS.served(this, pdus - this.#pdusBefore, this.heardMs)) this.#sharing = false;
    this.#pdusBefore = pdus;
  }

  /**
   * Once input had to wait for others, a read brings what one turn can serve: what stays in the
   * socket need not be copied. It ends with a data segment and the header that follows, so that the
   * data of that one lies in one piece.
   */
  #limitReads(hadToWait: boolean): void {
    this.#sharing = this.#deadlineMs < Infinity && (hadToWait || this.#sharing);
    if (this.#sharing) this.#sharedMs = this.heardMs;
    const wary = this.heardMs - this.#sharedMs < WARY_MS;
    const most = this.#sharing ? SHARED_READ : wary ? WARY_READ : Infinity;
    this.#readAtMost = Math.max(most, this.#framer.toNextData);
    if (this.#socket instanceof LentSocket) this.#socket.readAtMost(this.#readAtMost);
  }

  /** What must wait for the next turn, or null. */
  #parse(chunk: Buffer, nowMs: number): Buffer | null {
    try {
      this.#deadlineMs = TURNS.deadline(this, nowMs);
      const alone = this.#deadlineMs === Infinity;
      if (!alone || chunk.length < 2 * BHS_LENGTH) return this.#push(chunk, alone);
      INPUT_TURN.begin();
      try {
        return this.#push(chunk, alone);
      } finally {
        INPUT_TURN.end();
      }
    } catch (error) {
      this.#events.internalError(error);
      return null;
    } finally {
      this.#framer.turnOver();
    }
  }

  #push(chunk: Buffer, alone: boolean): Buffer | null {
    const used = this.#framer.push(chunk, alone ? null : this.#mayGoOn);
    return used < chunk.length && !this.#terminated ? chunk.subarray(used) : null;
  }

  readonly #mayGoOn = (): boolean => this.#clock.nowMs() < this.#deadlineMs;

  #goOnNextTurn(rest: Buffer): void {
    this.#backlog = rest;
    setImmediate(this.#goOn);
  }

  readonly #goOn = (): void => {
    const backlog = this.#backlog;
    this.#backlog = null;
    if (this.#terminated || backlog === null) return;
    this.#output.gather();
    const rest = this.#parse(backlog, this.#clock.nowMs());
    this.#output.release();
    if (rest !== null) this.#goOnNextTurn(rest);
    this.#limitReads(true);
    this.#pauseOrResume();
  };

  #roomAgain(): void {
    if (!this.#outputFull || this.#output.pending > OUTPUT_HIGH_WATER / 2) return;
    this.#outputFull = false;
    this.#pauseOrResume();
  }

  #pauseOrResume(): void {
    const pause = this.#outputFull || this.#backlog !== null;
    if (pause === this.#paused || this.#terminated) return;
    this.#paused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }

  #queueHeader(bhs: Buffer): void {
    this.#output.copy(bhs);
    if (this.#settings?.headerDigest === true) this.#output.uint32LE(crc32c(bhs));
    if (this.#spareHeaders.length < MAX_SPARE_HEADERS) this.#spareHeaders.push(bhs);
  }

  #queueData(data: Buffer, copied: boolean): void {
    const padding = padded(data.length) - data.length;
    if (copied) this.#output.copy(data);
    else this.#output.pass(data);
    if (padding > 0) this.#output.zeros(padding);
    if (this.#settings?.dataDigest === true) {
      // RFC 7143 §11.2.4: over the padding too.
      const crc = crc32c(data);
      this.#output.uint32LE(padding > 0 ? crc32c(PADDING.subarray(0, padding), crc) : crc);
    }
  }

  #fail(why: string): void {
    if (this.#terminated) return;
    this.#why = why;
    this.#terminated = true;
    this.#framer.stop();
    this.#socket.destroy();
  }

  #closed(): void {
    this.#terminated = true;
    this.#framer.stop();
    this.#output.close();
    this.#events.connectionTerminateNotify(this.#why);
  }
}

const PADDING = Buffer.alloc(4);

const FAULT_TEXT: Readonly<Record<FramerFault, string>> = {
  headerDigest: 'header digest error',
  ahsTooLong: 'additional header segments too long',
  dataSegmentTooLong: 'data segment longer than MaxRecvDataSegmentLength',
};

function isSolicited(bhs: Buffer): boolean {
  return opcodeOf(bhs) === OPCODE.DATA_OUT && new DataOut(bhs).ttt !== RESERVED_TAG;
}
