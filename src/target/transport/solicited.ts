/**
 * Solicited data on TCP: R2T PDUs out, Data-Out PDUs in (RFC 7143 §11.7, §11.8). A Target Transfer
 * Tag names a slot, and by its upper bits the one request that it stands for.
 */
import { RESERVED_TAG } from '../pdu/bhs.ts';
import { DataOut } from '../pdu/data.ts';
import type { DataFault, MoverSettings, Request, Transfer } from './datamover.ts';

const SLOT_BITS = 12;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const SEQUENCE_LIMIT = 1 << (32 - SLOT_BITS);
/** Transfers of one connection that may wait for solicited data. */
export const MAX_WAITING_TRANSFERS = SLOT_MASK;
/** R2Ts of one command under way, whatever was negotiated. */
export const MAX_OUTSTANDING_R2T = 16;
/** Tags of given-up requests whose data may still come; it is dropped in silence. */
const REMEMBERED_TAGS = 64;

export interface SolicitedSink {
  sendR2t(transfer: Transfer, ttt: number, bufferOffset: number, desiredLength: number): void;
  /** The buffer is no longer to be written to. */
  withdraw(buffer: Buffer): void;
  strayData(bhs: Buffer): void;
}

export class Solicited {
  settings: MoverSettings | null = null;
  readonly #sink: SolicitedSink;
  readonly #slots: (Transfer | null)[] = [];
  readonly #free: number[] = [];
  /** Whose data the framer is filling in. */
  #placing: Transfer | null = null;
  #sequence = 0;
  readonly #givenUp = new Uint32Array(REMEMBERED_TAGS).fill(RESERVED_TAG);
  #givenUpAt = 0;

  constructor(sink: SolicitedSink) {
    this.#sink = sink;
  }

  /** Asks for all that `transfer.into` can take, in bursts. */
  begin(transfer: Transfer): void {
    transfer.received = 0;
    transfer.requested = 0;
    transfer.fault = null;
    transfer.slot = this.#free.pop() ?? this.#slots.push(null) - 1;
    this.#slots[transfer.slot] = transfer;
    this.#request(transfer);
  }

  /** Where the data of this PDU goes; null where it is unasked for, wrong or given up. */
  place(bhs: Buffer, length: number): Buffer | null {
    const pdu = new DataOut(bhs);
    const transfer = this.#transferOf(pdu);
    if (transfer === null) return null;
    this.#check(transfer, pdu, length);
    if (transfer.fault !== null || transfer.into === null) return null;
    const { into, received } = transfer;
    transfer.placing = into.subarray(received, received + length);
    this.#placing = transfer;
    return transfer.placing;
  }

  /** A part of the data that has a place, `at` bytes behind its beginning; bytes used up. */
  take(data: Buffer, at: number): number {
    const transfer = this.#placing;
    if (transfer === null || transfer.taker === null) return 0;
    return transfer.taker.take(data, transfer.offset + transfer.received + at);
  }

  /** The whole PDU is here, its data placed. */
  arrived(bhs: Buffer, length: number, dataDigestOk: boolean): void {
    const pdu = new DataOut(bhs);
    const transfer = this.#transferOf(pdu);
    this.#placing = null;
    if (transfer === null) {
      if (!this.#givenUp.includes(pdu.ttt)) this.#sink.strayData(bhs);
      return;
    }
    transfer.placing = null;
    // A PDU without data was not checked by `place`.
    if (length === 0) this.#check(transfer, pdu, 0);
    if (!dataDigestOk) transfer.fault ??= 'digest';
    const request = requestOf(transfer, pdu.ttt);
    if (request === undefined) return;
    if (transfer.fault === null) {
      request.dataSN++;
      request.left -= length;
      transfer.received += length;
      transfer.moved += length;
    }
    if (pdu.final) this.#sequenceOver(transfer, request);
  }

  /** Forgets the transfer: late data for it is dropped in silence. */
  giveUp(transfer: Transfer): void {
    for (const { ttt } of transfer.requests) {
      this.#givenUp[this.#givenUpAt] = ttt;
      this.#givenUpAt = (this.#givenUpAt + 1) % REMEMBERED_TAGS;
    }
    if (transfer.placing !== null) this.#sink.withdraw(transfer.placing);
    if (this.#placing === transfer) this.#placing = null;
    this.#release(transfer);
  }

  #request(transfer: Transfer): void {
    const { settings } = this;
    const length = transfer.into?.length ?? 0;
    if (settings === null) return;
    const outstanding = Math.min(settings.maxOutstandingR2T, MAX_OUTSTANDING_R2T);
    while (transfer.requested < length && transfer.requests.length < outstanding) {
      const desired = Math.min(settings.maxBurstLength, length - transfer.requested);
      const ttt = this.#newTag(transfer.slot);
      transfer.requests.push({ ttt, left: desired, dataSN: 0 });
      this.#sink.sendR2t(transfer, ttt, transfer.offset + transfer.requested, desired);
      transfer.requested += desired;
    }
  }

  /** Never the reserved tag: the highest sequence is left out. */
  #newTag(slot: number): number {
    this.#sequence = (this.#sequence + 1) % (SEQUENCE_LIMIT - 1);
    return this.#sequence * (SLOT_MASK + 1) + slot;
  }

  #transferOf(pdu: DataOut): Transfer | null {
    const transfer = this.#slots[pdu.ttt & SLOT_MASK] ?? null;
    if (transfer === null || transfer.itt !== pdu.itt) return null;
    return requestOf(transfer, pdu.ttt) === undefined ? null : transfer;
  }

  /** The first fault of a transfer stays; all further data of its requests is dropped. */
  #check(transfer: Transfer, pdu: DataOut, length: number): void {
    transfer.fault ??= faultOf(transfer, pdu, length);
  }

  /** RFC 7143 §11.4.7.2: an error is answered only once the sequences under way have ended. */
  #sequenceOver(transfer: Transfer, request: Request): void {
    transfer.requests.splice(transfer.requests.indexOf(request), 1);
    if (transfer.fault === null && request.left > 0) transfer.fault = 'incorrectAmount';
    if (transfer.fault === null) {
      if (transfer.received < (transfer.into?.length ?? 0)) return this.#request(transfer);
    } else if (transfer.requests.length > 0) {
      return undefined;
    }
    const { done, fault } = transfer;
    this.#release(transfer);
    done?.(fault);
    return undefined;
  }

  #release(transfer: Transfer): void {
    if (transfer.slot >= 0) {
      this.#slots[transfer.slot] = null;
      this.#free.push(transfer.slot);
    }
    transfer.slot = -1;
    transfer.requests.length = 0;
    transfer.into = null;
    transfer.taker = null;
    transfer.placing = null;
    transfer.done = null;
  }
}

function requestOf(transfer: Transfer, ttt: number): Request | undefined {
  return transfer.requests.find((request) => request.ttt === ttt);
}

function faultOf(transfer: Transfer, pdu: DataOut, length: number): DataFault | null {
  const [request] = transfer.requests;
  // RFC 7143 §13.19: with DataSequenceInOrder=Yes the oldest request is answered first.
  if (request === undefined || request.ttt !== pdu.ttt) return 'incorrectAmount';
  // RFC 7143 §11.7.5: DataSN counts from 0 within each sequence.
  if (pdu.dataSN !== request.dataSN) return 'sequence';
  // RFC 7143 §13.18: with DataPDUInOrder=Yes without gap or overlap.
  if (pdu.bufferOffset !== transfer.offset + transfer.received) return 'incorrectAmount';
  if (length > request.left) return 'incorrectAmount';
  return null;
}
