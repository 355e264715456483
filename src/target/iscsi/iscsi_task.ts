/**
 * One SCSI command on iSCSI: which data comes unasked and which by R2T, what the residual is, and
 * whether status rides in the last Data-In or in a response of its own. Pooled by its session.
 */
import { copyFew } from '../../util/big_endian.ts';
import { NO_BYTES } from '../../util/bytes.ts';
import type { DataTaker } from '../../util/data_taker.ts';
import { BHS } from '../pdu/bhs.ts';
import { giveBackMemory, takeMemory } from '../pdu/cut_data.ts';
import type { DataOut } from '../pdu/data.ts';
import { LUN_FIELD_LENGTH } from '../pdu/lun.ts';
import {
  encodeScsiResponse,
  OVERFLOW,
  senseSegment,
  UNDERFLOW,
  type ScsiCommand,
} from '../pdu/scsi.ts';
import type { ItNexus } from '../scsi/nexus.ts';
import { ScsiTask } from '../scsi/scsi_task.ts';
import { buildSense, STATUS, type Sense } from '../scsi/sense.ts';
import { Transfer, type DataFault, type DataMover } from '../transport/datamover.ts';
import type { NegotiatedKeys } from './directory.ts';

/** Conditions that iSCSI itself reports as CHECK CONDITION (RFC 7143 §11.4.7.2). */
export const TRANSPORT_SENSE = {
  UNEXPECTED_UNSOLICITED_DATA: { key: 0x0b, asc: 0x0c, ascq: 0x0c },
  INCORRECT_AMOUNT_OF_DATA: { key: 0x0b, asc: 0x0c, ascq: 0x0d },
  PROTOCOL_SERVICE_CRC_ERROR: { key: 0x0b, asc: 0x47, ascq: 0x05 },
  /** CDBs of more than 16 bytes and bidirectional commands. */
  COMMAND_NOT_SERVED: { key: 0x05, asc: 0x20, ascq: 0x00 },
} as const satisfies Readonly<Record<string, Sense>>;

const FAULT_SENSE: Readonly<Record<DataFault, Sense>> = {
  incorrectAmount: TRANSPORT_SENSE.INCORRECT_AMOUNT_OF_DATA,
  // RFC 7143 §7.9: a gap in DataSN means that a PDU was lost to a digest error.
  sequence: TRANSPORT_SENSE.PROTOCOL_SERVICE_CRC_ERROR,
  digest: TRANSPORT_SENSE.PROTOCOL_SERVICE_CRC_ERROR,
};

const UINT32_MAX = 0xffff_ffff;

/** The session, as its tasks see it. */
export interface TaskOwner {
  readonly itNexus: ItNexus;
  readonly mover: DataMover;
  readonly keys: NegotiatedKeys;
  /** The command counts as over from now on; the window opens. Comes before its response. */
  taskOver(task: IscsiTask): void;
  /** Stamps with a StatSN of its own and queues. */
  send(bhs: Buffer, data: Buffer | null): void;
  /** The object may serve another command. */
  recycle(task: IscsiTask): void;
  /** Unsolicited data of this command may still come: to be dropped in silence. */
  expectLateData(itt: number): void;
}

export class IscsiTask extends ScsiTask {
  nextInBucket: IscsiTask | null = null;
  immediate = false;
  readonly transfer = new Transfer();
  readonly #owner: TaskOwner;
  /** Between `begin` and `over`. */
  #active = false;
  /** The device server is done; only the end of the unsolicited data is waited for. */
  #completed = false;
  #fault: Sense | null = null;

  /** Unsolicited data that is here: bytes 0 to `have` of the initiator's buffer. */
  #unsolicited = NO_BYTES;
  #have = 0;
  /** `#unsolicited` is a view that must not be kept beyond the call. */
  #lent = false;
  /** Until the turn of input ends. */
  #held = false;
  /** Ours, in which `#unsolicited` lies, until the command lets go of it. */
  #memory: Buffer | null = null;
  /** The initiator has not sent F yet. */
  #unsolicitedOpen = false;
  #unsolicitedLimit = 0;
  #unsolicitedDataSN = 0;

  /** The `receiveDataOut` under way. */
  #into: Buffer | null = null;
  #intoOffset = 0;
  #received: ((ok: boolean) => void) | null = null;
  #taker: DataTaker | null = null;
  /** End of the data sent to the initiator. */
  #sentLength = 0;
  /** For the watchdog: what had moved when it looked last, and how often that was no more. */
  lastProgress = -1;
  stalls = 0;

  constructor(owner: TaskOwner) {
    super();
    this.#owner = owner;
  }

  get itt(): number {
    return this.transfer.itt;
  }
  override get nexus(): ItNexus {
    return this.#owner.itNexus;
  }
  get active(): boolean {
    return this.#active;
  }
  /** Waits for the initiator to send data. */
  get waitsForData(): boolean {
    if (this.#completed) return true;
    return this.#received !== null && (this.#unsolicitedOpen || this.transfer.slot >= 0);
  }
  /** Grows as data comes in. */
  get progress(): number {
    return this.transfer.moved + this.#have;
  }

  /** Takes the command over; `data` is lent. False: it is refused, `complete` is to be called. */
  begin(pdu: ScsiCommand, immediate: boolean, hasAhs: boolean, data: Buffer): boolean {
    const { read, write, edtl, final } = pdu;
    this.transfer.reset(pdu.itt);
    copyFew(pdu.bhs, BHS.LUN, this.transfer.lunField, 0, LUN_FIELD_LENGTH);
    pdu.copyCdb(this.cdb);
    this.lun = pdu.lun;
    this.taskAttribute = pdu.attribute;
    this.dataInExpected = read ? edtl : 0;
    this.dataOutExpected = write ? edtl : 0;
    this.status = STATUS.GOOD;
    this.sense = null;
    this.dataInLength = 0;
    this.dataOutLength = 0;
    this.aborted = false;
    this.immediate = immediate;
    this.lastProgress = -1;
    this.stalls = 0;
    this.#active = true;
    this.#completed = false;
    this.#fault = null;
    this.#sentLength = 0;
    this.#unsolicitedDataSN = 0;
    this.#beginUnsolicited(write, final, edtl, data);
    if (hasAhs || (read && write)) this.#fault ??= TRANSPORT_SENSE.COMMAND_NOT_SERVED;
    return this.#fault === null;
  }

  #beginUnsolicited(write: boolean, final: boolean, edtl: number, data: Buffer): void {
    const { keys } = this.#owner;
    this.#unsolicited = data;
    this.#have = data.length;
    this.#lent = data.length > 0;
    this.#held = false;
    this.#unsolicitedLimit = Math.min(keys.firstBurstLength, edtl);
    this.#unsolicitedOpen = !final && data.length < edtl;
    if (data.length > 0 && !(write && keys.immediateData)) {
      this.#fault = TRANSPORT_SENSE.UNEXPECTED_UNSOLICITED_DATA;
    } else if (!final && keys.initialR2T) {
      // RFC 7143 §13.10: with InitialR2T=Yes nothing but immediate data comes unasked.
      this.#fault = TRANSPORT_SENSE.UNEXPECTED_UNSOLICITED_DATA;
    } else if (data.length > this.#unsolicitedLimit) {
      // RFC 7143 §13.14: FirstBurstLength counts immediate data too.
      this.#fault = TRANSPORT_SENSE.INCORRECT_AMOUNT_OF_DATA;
    } else if (!final && data.length >= this.#unsolicitedLimit) {
      this.#fault = TRANSPORT_SENSE.INCORRECT_AMOUNT_OF_DATA;
    }
  }

  override holdDataOut(): void {
    this.#held = this.#lent;
  }

  override keepDataOut(): void {
    this.#held = false;
    this.keepImmediateData();
  }

  /** The call that lent the immediate data ends: keep what was not consumed. */
  keepImmediateData(): void {
    if (!this.#active || !this.#lent || this.#held) return;
    this.#lent = false;
    const lent = this.#unsolicited;
    this.#unsolicited = NO_BYTES;
    if (this.#fault !== null) return;
    this.#memory = takeMemory(lent.length);
    this.#unsolicited = this.#memory.subarray(0, lent.length);
    lent.copy(this.#unsolicited);
  }

  /** A Data-Out with the reserved Target Transfer Tag; `data` is lent. */
  unsolicitedData(pdu: DataOut, data: Buffer): void {
    if (!this.#unsolicitedOpen) this.#fault ??= TRANSPORT_SENSE.UNEXPECTED_UNSOLICITED_DATA;
    if (pdu.dataSN !== this.#unsolicitedDataSN) {
      this.#fault ??= TRANSPORT_SENSE.PROTOCOL_SERVICE_CRC_ERROR;
    }
    if (pdu.bufferOffset !== this.#have || this.#have + data.length > this.#unsolicitedLimit) {
      this.#fault ??= TRANSPORT_SENSE.INCORRECT_AMOUNT_OF_DATA;
    }
    this.#unsolicitedDataSN++;
    if (this.#fault === null) this.#keepUnsolicited(data);
    this.#unsolicitedOpen = !pdu.final;
    // RFC 7143 §11.4.7.2: what was announced with F=0 must come in full.
    if (pdu.final && this.#have < this.#unsolicitedLimit) {
      this.#fault ??= TRANSPORT_SENSE.INCORRECT_AMOUNT_OF_DATA;
    }
    this.#afterUnsolicited();
  }

  /** The data segment of an unsolicited Data-Out was damaged. */
  unsolicitedDigestError(pdu: DataOut): void {
    this.#fault ??= TRANSPORT_SENSE.PROTOCOL_SERVICE_CRC_ERROR;
    this.#unsolicitedOpen = !pdu.final;
    this.#afterUnsolicited();
  }

  #keepUnsolicited(data: Buffer): void {
    // One buffer for all that may come; every byte up to `have` is written before it is read.
    if (this.#unsolicited.length < this.#unsolicitedLimit) {
      const memory = takeMemory(this.#unsolicitedLimit);
      this.#unsolicited.copy(memory);
      this.#letGo();
      this.#memory = memory;
      this.#unsolicited = memory.subarray(0, this.#unsolicitedLimit);
    }
    data.copy(this.#unsolicited, this.#have);
    this.#have += data.length;
  }

  #afterUnsolicited(): void {
    if (!this.#completed) return this.#serveReceive();
    if (!this.#unsolicitedOpen) this.#respond();
    return undefined;
  }

  override dataOutHere(length: number): Buffer | null {
    if (this.#have < length || this.#unsolicitedOpen) return null;
    if (this.aborted || this.#fault !== null) return null;
    const data = this.#unsolicited;
    return data.length === length ? data : data.subarray(0, length);
  }

  override receiveDataOut(
    into: Buffer,
    offset: number,
    received: (ok: boolean) => void,
    taker: DataTaker | null = null,
  ): void {
    this.#into = into;
    this.#intoOffset = offset;
    this.#received = received;
    this.#taker = taker;
    if (offset + into.length > this.dataOutExpected) {
      this.#fault ??= TRANSPORT_SENSE.INCORRECT_AMOUNT_OF_DATA;
    }
    this.#serveReceive();
  }

  /** Moves the `receiveDataOut` under way as far as it goes now. */
  #serveReceive(): void {
    const into = this.#into;
    if (into === null || this.transfer.slot >= 0) return;
    if (this.aborted) return this.#endReceive(false);
    // RFC 7143 §11.4.7.2: an error is answered only after F ended the sequence.
    if (this.#fault !== null) return this.#unsolicitedOpen ? undefined : this.#endReceive(false);
    const from = this.#intoOffset;
    if (this.#unsolicitedOpen && from + into.length > this.#have) return undefined;
    const here = Math.min(into.length, Math.max(0, this.#have - from));
    // `from` may lie past what was staged: copying nothing from there would throw.
    if (here > 0) this.#placeUnsolicited(into, from, here);
    if (here === into.length) return this.#endReceive(true);
    const rest = here === 0 ? into : into.subarray(here);
    this.transfer.taker = this.#taker;
    return this.#owner.mover.getData(this.transfer, rest, from + here, this.#gotData);
  }

  #placeUnsolicited(into: Buffer, from: number, length: number): void {
    const end = from + length;
    const taken = this.#taker?.take(this.#unsolicited.subarray(from, end), from) ?? 0;
    if (taken < length) this.#unsolicited.copy(into, taken, from + taken, end);
    // All of it is where it goes: nothing is to be kept of it.
    if (end === this.#have) this.#letGo();
  }

  #letGo(): void {
    this.#unsolicited = NO_BYTES;
    this.#lent = false;
    if (this.#memory === null) return;
    giveBackMemory(this.#memory);
    this.#memory = null;
  }

  readonly #gotData = (fault: DataFault | null): void => {
    if (fault !== null) this.#fault ??= FAULT_SENSE[fault];
    if (this.#fault === null) this.#endReceive(true);
    else this.#serveReceive();
  };

  #endReceive(ok: boolean): void {
    const received = this.#received;
    this.#received = null;
    this.#taker = null;
    this.#into = null;
    if (!ok) this.#applyFault();
    received?.(ok);
  }

  #applyFault(): void {
    if (this.#fault === null) return;
    this.status = STATUS.CHECK_CONDITION;
    this.sense = buildSense(this.#fault, false);
  }

  override sendDataIn(data: Buffer, offset: number, sent: () => void): void {
    const end = Math.min(offset + data.length, this.dataInExpected);
    const length = end - offset;
    // RFC 7143 §11.4.5: with an EDTL of 0 no data is sent.
    if (length <= 0 || this.aborted || this.#fault !== null) return sent();
    const wanted = this.dataInLength > 0 ? this.dataInLength : this.dataInExpected;
    const last = end >= Math.min(wanted, this.dataInExpected);
    this.#sentLength = end;
    const part = length === data.length ? data : data.subarray(0, length);
    return this.#owner.mover.putData(this.transfer, part, offset, last, sent);
  }

  override stopData(): void {
    if (this.#unsolicitedOpen) {
      this.#unsolicitedOpen = false;
      this.#owner.expectLateData(this.itt);
    }
    if (this.#received === null) return;
    this.#owner.mover.deallocateTaskResources(this.transfer);
    this.#endReceive(false);
  }

  override complete(): void {
    if (this.aborted) {
      if (this.#unsolicitedOpen) this.#owner.expectLateData(this.itt);
      return this.#over();
    }
    this.#applyFault();
    if (this.#unsolicitedOpen) {
      this.#completed = true;
      this.#letGo();
      return undefined;
    }
    return this.#respond();
  }

  /** Ends a command that the device server no longer knows; true if it was one. */
  abandon(): boolean {
    if (!this.#active || !this.#completed) return false;
    this.aborted = true;
    this.#owner.expectLateData(this.itt);
    this.#over();
    return true;
  }

  #respond(): void {
    this.#applyFault();
    this.#owner.taskOver(this);
    const { transfer, status, sense } = this;
    const { mover } = this.#owner;
    // A command with both directions was refused; one EDTL stands for both then.
    const difference = this.#moved() - Math.max(this.dataInExpected, this.dataOutExpected);
    // A CDB may ask for more than the field can say.
    const residual = Math.min(Math.abs(difference), UINT32_MAX);
    // RFC 7143 §11.4.5: one of the two, never both.
    const residualFlag = difference > 0 ? OVERFLOW : difference < 0 ? UNDERFLOW : 0;
    const collapsed =
      status === STATUS.GOOD &&
      this.#sentLength > 0 &&
      mover.putStatus(transfer, status, residualFlag, residual);
    if (!collapsed) {
      const segment = sense === null ? null : senseSegment(sense);
      const bhs = mover.newHeader();
      encodeScsiResponse(bhs, {
        itt: transfer.itt,
        status,
        residualFlag,
        residual,
        expDataSN: transfer.dataSN,
        dataLength: segment?.length ?? 0,
      });
      this.#owner.send(bhs, segment);
    }
    this.#release();
  }

  /** SPDTL: what the command had to move; of a failed one, what it did move. */
  #moved(): number {
    if (this.status !== STATUS.GOOD) {
      return this.dataInExpected > 0 ? this.#sentLength : this.#receivedLength();
    }
    if (this.dataInExpected > 0) return this.dataInLength;
    if (this.dataOutExpected > 0) return this.dataOutLength;
    return Math.max(this.dataInLength, this.dataOutLength);
  }

  /** Of a failed write: the overflow stays true whatever became of the data that fitted. */
  #receivedLength(): number {
    if (this.dataOutLength > this.dataOutExpected) return this.dataOutLength;
    return Math.min(this.dataOutExpected, this.#have + this.transfer.moved);
  }

  #over(): void {
    this.#owner.taskOver(this);
    this.#release();
  }

  #release(): void {
    this.#owner.mover.deallocateTaskResources(this.transfer);
    this.#active = false;
    this.#completed = false;
    this.#letGo();
    this.#into = null;
    this.#received = null;
    this.#taker = null;
    this.sense = null;
    this.#owner.recycle(this);
  }
}
