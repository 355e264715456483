/**
 * The data mover on RDMA (RFC 7145): control PDUs are messages, Data-In is written straight into
 * the initiator's memory, solicited Data-Out is read from it. Data-In, R2T and solicited Data-Out
 * PDUs never stand on the wire.
 */
import { NO_BYTES, ownedCopy } from '../../../util/bytes.ts';
import {
  ahsLengthOf,
  BHS_LENGTH,
  dataSegmentLengthOf,
  ittOf,
  OPCODE,
  opcodeOf,
  padded,
  RESERVED_TAG,
} from '../../pdu/bhs.ts';
import { DataOut } from '../../pdu/data.ts';
import { ScsiCommand } from '../../pdu/scsi.ts';
import { expStatSNOf, statSNOf } from '../../pdu/sequence.ts';
import type { DataDone, DataMover, MoverEvents, MoverSettings, Transfer } from '../datamover.ts';
import type { PendingRead, RdmaConnection, RdmaEvents, ReadOutcome } from '../rdma_connection.ts';
import { AdvertisedBuffers, type Advertised } from './advertised.ts';
import {
  encodeControlHeader,
  encodeHelloReply,
  helloOf,
  ISER_HEADER_LENGTH,
  ISER_OPCODE,
  iserOpcodeOf,
  readBufferOf,
  takesSendInvalidate,
  versionFor,
  writeBufferOf,
} from './iser_header.ts';
import { SendGate, type HeldPdu } from './send_gate.ts';

/** The most that an initiator may send as data of one PDU: our TargetRecvDataSegmentLength. */
export const MAX_ISER_DATA_SEGMENT = 8192;
/** The most that TotalAHSLength can say. */
const LONGEST_AHS = 1020;
const HEADERS_LENGTH = ISER_HEADER_LENGTH + BHS_LENGTH;
/** One message of the initiator, whatever it is. */
const RECEIVE_LENGTH = HEADERS_LENGTH + LONGEST_AHS + MAX_ISER_DATA_SEGMENT;
/** A message is dealt with before the next is looked at, so that two buffers take turns. */
const RECEIVE_DEPTH = 2;
const SPARE_HEADERS = 256;
/** A longest RDMA Read, whatever MaxBurstLength is: its response is placed as one. */
const LONGEST_READ = 1024 * 1024;
/** Of one command. */
const READS_AT_A_TIME = 4;

export interface IserMoverOptions {
  readonly events: MoverEvents;
  /** Makes the connection; its events come to the mover. */
  readonly connect: (events: RdmaEvents) => RdmaConnection;
}

export class IserMover implements DataMover, RdmaEvents {
  readonly transport = 'iSER';
  readonly #events: MoverEvents;
  readonly #rdma: RdmaConnection;
  readonly #buffers = new AdvertisedBuffers();
  readonly #gate = new SendGate();
  readonly #spareHeaders: Buffer[] = [];
  #out = Buffer.alloc(HEADERS_LENGTH);
  #settings: MoverSettings | null = null;
  #awaitsHello = false;
  #sendInvalidate = false;
  #terminated = false;
  #why: string | null = null;

  constructor({ events, connect }: IserMoverOptions) {
    this.#events = events;
    this.#rdma = connect(this);
  }

  get heardMs(): number {
    return this.#rdma.heardMs;
  }

  newHeader(): Buffer {
    return this.#spareHeaders.pop()?.fill(0) ?? Buffer.alloc(BHS_LENGTH);
  }

  sendControl(bhs: Buffer, data: Buffer | null): void {
    if (this.#terminated) return;
    const opcode = opcodeOf(bhs);
    const buffers = opcode === OPCODE.SCSI_RESPONSE ? this.#buffers.get(ittOf(bhs)) : undefined;
    const readsLeft = buffers !== undefined && this.#abandonReads(buffers);
    const pdu: HeldPdu = {
      bhs,
      data,
      invalidate: this.#sendInvalidate ? tagToReturn(buffers) : null,
      unexpected: opcode === OPCODE.ASYNC_MESSAGE || opcode === OPCODE.REJECT,
      // RFC 7145 §7.3.3: reads of an aborted command are over before its end is told.
      afterReads: readsLeft || opcode === OPCODE.TASK_MANAGEMENT_RESPONSE,
    };
    if (this.#gate.passes(pdu)) return this.#send(pdu);
    const copy = data === null ? null : ownedCopy(data);
    if (!this.#gate.hold({ ...pdu, data: copy })) {
      this.#fail('too many PDUs wait for the initiator');
    }
    return undefined;
  }

  putData(
    transfer: Transfer,
    data: Buffer,
    offset: number,
    _last: boolean,
    sent: () => void,
  ): void {
    if (this.#terminated || data.length === 0) return sent();
    const into = this.#buffers.get(transfer.itt)?.read ?? null;
    if (into === null) {
      this.#fail('a command that reads came without a buffer to read into');
      return sent();
    }
    transfer.moved += data.length;
    return this.#rdma.write(data, into, offset, sent);
  }

  /** Status always has a PDU of its own. */
  putStatus(): boolean {
    return false;
  }

  getData(transfer: Transfer, into: Buffer, offset: number, done: DataDone): void {
    if (this.#terminated) return undefined;
    const buffers = this.#buffers.get(transfer.itt);
    const from = buffers?.write ?? null;
    if (buffers === undefined || from === null || offset < buffers.writeFrom) {
      return this.#fail('a command that writes came without a buffer to write from');
    }
    transfer.into = into;
    transfer.offset = offset - buffers.writeFrom;
    transfer.received = 0;
    transfer.requested = 0;
    transfer.fault = null;
    transfer.done = done;
    transfer.slot = 0;
    return this.#readMore(transfer, buffers);
  }

  deallocateTaskResources(transfer: Transfer): void {
    const { itt } = transfer;
    const buffers = this.#buffers.get(itt);
    if (buffers !== undefined) this.#abandonReads(buffers);
    this.#buffers.forget(itt);
    release(transfer);
  }

  enableDatamover(settings: MoverSettings): void {
    this.#settings = settings;
    this.#awaitsHello = settings.iser?.helloRequired === true;
    const limit = settings.iser?.maxOutstandingUnexpectedPDUs ?? 0;
    this.#gate.unexpectedLimit = limit === 0 ? 0 : Math.max(1, limit - 1);
  }

  /** RFC 7145 §6: MaxRecvDataSegmentLength has no meaning here. */
  noticeMaxSendDataSegmentLength(): void {}

  connectionTerminate(graceful: boolean): void {
    if (this.#terminated) return;
    this.#terminated = true;
    this.#why ??= 'connection closed by the target';
    this.#rdma.disconnect(graceful);
  }

  // RdmaEvents

  established(privateData: Buffer): void {
    this.#sendInvalidate = takesSendInvalidate(privateData);
    for (let count = 0; count < RECEIVE_DEPTH; count++) {
      this.#rdma.postReceive(Buffer.allocUnsafeSlow(RECEIVE_LENGTH));
    }
  }

  received(buffer: Buffer, length: number): void {
    if (!this.#terminated) this.#message(buffer.subarray(0, length));
    if (!this.#terminated) this.#rdma.postReceive(buffer);
  }

  internalError(error: unknown): void {
    this.#events.internalError(error);
  }

  disconnected(why: string): void {
    this.#terminated = true;
    this.#gate.clear();
    this.#buffers.clear();
    this.#events.connectionTerminateNotify(this.#why ?? why);
  }

  #message(message: Buffer): void {
    if (message.length < ISER_HEADER_LENGTH) return this.#fail('a message without iSER header');
    const opcode = iserOpcodeOf(message);
    if (opcode === ISER_OPCODE.HELLO) return this.#hello(message);
    if (opcode !== ISER_OPCODE.CONTROL) return this.#fail(`iSER opcode ${opcode} is not served`);
    // RFC 7145 §5.1.3: where Hello was agreed on nothing comes before it.
    if (this.#awaitsHello) return this.#fail('a PDU before the Hello that was agreed on');
    return this.#control(message);
  }

  #control(message: Buffer): void {
    if (message.length < HEADERS_LENGTH) return this.#fail('a message shorter than its header');
    const bhs = message.subarray(ISER_HEADER_LENGTH, HEADERS_LENGTH);
    const dataAt = HEADERS_LENGTH + ahsLengthOf(bhs);
    const dataLength = dataSegmentLengthOf(bhs);
    const end = dataAt + dataLength;
    // The padding is sent by some and left out by others.
    if (end > message.length || message.length > dataAt + padded(dataLength)) {
      return this.#fail('a message whose length does not fit its PDU');
    }
    if (dataLength > MAX_ISER_DATA_SEGMENT) {
      return this.#fail('a data segment longer than TargetRecvDataSegmentLength');
    }
    const ahs = dataAt === HEADERS_LENGTH ? NO_BYTES : message.subarray(HEADERS_LENGTH, dataAt);
    const data = dataLength === 0 ? NO_BYTES : message.subarray(dataAt, end);
    return this.#deliver(message, bhs, ahs, data);
  }

  #deliver(message: Buffer, bhs: Buffer, ahs: Buffer, data: Buffer): void {
    const opcode = opcodeOf(bhs);
    if (this.#gate.unexpectedLimit > 0) {
      this.#gate.acknowledged(expStatSNOf(bhs));
      this.#release();
    }
    if (opcode === OPCODE.SCSI_COMMAND) this.#advertised(message, bhs, data.length);
    const solicited = opcode === OPCODE.DATA_OUT && new DataOut(bhs).ttt !== RESERVED_TAG;
    // RFC 7145 §7.3.4: solicited data is read by us, never sent.
    if (solicited) this.#events.strayData(bhs);
    else this.#events.controlNotify(bhs, ahs, data);
  }

  #advertised(message: Buffer, bhs: Buffer, immediateLength: number): void {
    const read = readBufferOf(message);
    const write = writeBufferOf(message);
    if (read === null && write === null) return this.#buffers.forget(ittOf(bhs));
    const command = new ScsiCommand(bhs);
    const { firstBurstLength = 0, iser } = this.#settings ?? {};
    const unsolicited = command.final ? immediateLength : Math.min(firstBurstLength, command.edtl);
    const writeFrom = iser?.solicitedOnly === false ? 0 : unsolicited;
    return this.#buffers.set(command.itt, { read, write, writeFrom, reads: [] });
  }

  #hello(message: Buffer): void {
    if (!this.#awaitsHello) return this.#fail('a Hello that was not agreed on');
    this.#awaitsHello = false;
    const hello = helloOf(message);
    const version = versionFor(hello);
    this.#rdma.limitOutgoingReads(hello.ird);
    this.#rdma.send(encodeHelloReply(version, this.#rdma.maxOutgoingReads), null);
    if (version !== null) return undefined;
    this.#why = `iSER versions ${hello.minVersion} to ${hello.maxVersion} are not served`;
    return this.connectionTerminate(true);
  }

  /** RFC 7145 §7.3.6: one RDMA Read for each R2T, none longer than MaxBurstLength. */
  #readMore(transfer: Transfer, buffers: Advertised): void {
    const { into } = transfer;
    const longest = Math.min(this.#settings?.maxBurstLength ?? LONGEST_READ, LONGEST_READ);
    while (into !== null && buffers.reads.length < READS_AT_A_TIME && !this.#terminated) {
      const at = transfer.requested;
      if (at === into.length) return;
      transfer.requested = Math.min(at + longest, into.length);
      this.#read(transfer, buffers, into.subarray(at, transfer.requested), transfer.offset + at);
    }
  }

  #read(transfer: Transfer, buffers: Advertised, into: Buffer, offset: number): void {
    const { write } = buffers;
    if (write === null) return;
    const read = this.#rdma.read(into, write, offset, (outcome) => {
      const at = read === null ? -1 : buffers.reads.indexOf(read);
      if (at < 0) return this.#abandonedReadOver(outcome);
      buffers.reads.splice(at, 1);
      if (outcome === 'done') this.#readOver(transfer, buffers, into.length);
      return undefined;
    });
    if (read === null) this.#fail('the initiator serves no RDMA Read');
    else buffers.reads.push(read);
  }

  #readOver(transfer: Transfer, buffers: Advertised, length: number): void {
    transfer.received += length;
    transfer.moved += length;
    if (transfer.into === null) return;
    if (transfer.received < transfer.into.length) return this.#readMore(transfer, buffers);
    const { done } = transfer;
    release(transfer);
    done?.(null);
    return undefined;
  }

  /** True: some are under way still. */
  #abandonReads(buffers: Advertised): boolean {
    const reads: readonly PendingRead[] = buffers.reads.splice(0);
    for (const read of reads) this.#rdma.abandonRead(read);
    this.#gate.abandonedReads += reads.length;
    return reads.length > 0;
  }

  #abandonedReadOver(outcome: ReadOutcome): void {
    this.#gate.abandonedReads--;
    if (outcome === 'done') this.#release();
  }

  /** What was held back and may go now. */
  #release(): void {
    for (let pdu = this.#gate.next(); pdu !== null; pdu = this.#gate.next()) this.#send(pdu);
  }

  #send(pdu: HeldPdu): void {
    const { bhs, data, invalidate } = pdu;
    const dataLength = data?.length ?? 0;
    const length = HEADERS_LENGTH + padded(dataLength);
    if (this.#out.length < length) this.#out = Buffer.alloc(length);
    const message = this.#out.subarray(0, length);
    message.fill(0, 0, ISER_HEADER_LENGTH);
    encodeControlHeader(message);
    bhs.copy(message, ISER_HEADER_LENGTH);
    data?.copy(message, HEADERS_LENGTH);
    message.fill(0, HEADERS_LENGTH + dataLength);
    this.#rdma.send(message, invalidate);
    if (pdu.unexpected) this.#gate.sentUnexpected(statSNOf(bhs));
    if (this.#spareHeaders.length < SPARE_HEADERS) this.#spareHeaders.push(bhs);
  }

  #fail(why: string): void {
    if (this.#terminated) return;
    this.#why = why;
    this.#terminated = true;
    this.#rdma.disconnect(false);
  }
}

/** RFC 7145 §7.3.2: one tag goes back with the response, that of the data that moved. */
function tagToReturn(buffers: Advertised | undefined): number | null {
  return buffers?.read?.stag ?? buffers?.write?.stag ?? null;
}

/** Nothing is under way for it any more. */
function release(transfer: Transfer): void {
  transfer.slot = -1;
  transfer.into = null;
  transfer.done = null;
}
