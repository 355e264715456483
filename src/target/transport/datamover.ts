/**
 * The seam between iSCSI and what carries it, in the words of RFC 5047: the iSCSI layer sends
 * control PDUs, puts data to the initiator, gets data from it. TCP turns that into Data-In and R2T
 * PDUs; RDMA would turn it into writes and reads. Nothing below knows SCSI.
 */
import type { DataTaker } from '../../util/data_taker.ts';
import { LUN_FIELD_LENGTH } from '../pdu/lun.ts';

/** Values of the full feature phase that the mover works by, in bytes. */
export interface MoverSettings {
  readonly headerDigest: boolean;
  readonly dataDigest: boolean;
  readonly maxSendDataSegmentLength: number;
  readonly maxRecvDataSegmentLength: number;
  readonly maxBurstLength: number;
  readonly firstBurstLength: number;
  readonly maxOutstandingR2T: number;
  /** Present on iSER. */
  readonly iser?: IserSettings;
}

/** Results of the keys of RFC 7145 §6. */
export interface IserSettings {
  /** Hello is the first message of the full feature phase. */
  readonly helloRequired: boolean;
  /** The initiator's write buffer begins behind what it sends unasked. */
  readonly solicitedOnly: boolean;
  /** PDUs that the initiator takes without expecting them; 0: it did not say. */
  readonly maxOutstandingUnexpectedPDUs: number;
}

/** Why data that was asked for did not come. */
export type DataFault =
  /** More, less, or at another place than asked for. */
  | 'incorrectAmount'
  /** DataSN out of order: something was lost. */
  | 'sequence'
  | 'digest';

export type DataDone = (fault: DataFault | null) => void;

/** One request of `getData` on its way: an R2T that the initiator has not answered in full. */
export interface Request {
  readonly ttt: number;
  left: number;
  dataSN: number;
}

/**
 * What the mover knows of one command. The iSCSI task owns one for life and resets it for each
 * command; all but `itt` and `lunField` belong to the mover.
 */
export class Transfer {
  itt = 0;
  readonly lunField: Buffer = Buffer.alloc(LUN_FIELD_LENGTH);
  /** Data-In and R2T PDUs so far: next DataSN and R2TSN, and ExpDataSN of the response. */
  dataSN = 0;
  /** Bytes until the current Data-In sequence ends. */
  burstLeft = 0;
  /** Bytes that went or came: whether a transfer makes progress. */
  moved = 0;

  into: Buffer | null = null;
  /** Is asked before data is copied into `into`, where the mover can. */
  taker: DataTaker | null = null;
  offset = 0;
  received = 0;
  requested = 0;
  /** What the framer fills at the moment. */
  placing: Buffer | null = null;
  fault: DataFault | null = null;
  done: DataDone | null = null;
  slot = -1;
  readonly requests: Request[] = [];

  reset(itt: number): void {
    this.itt = itt;
    this.dataSN = 0;
    this.burstLeft = 0;
    this.moved = 0;
    this.taker = null;
    this.fault = null;
  }
}

/** What happens to StatSN when a header is stamped (RFC 7143 §4.2.2.2). */
export type StatSNUse =
  /** The field is reserved: Data-In without status. */
  | 'none'
  /** Carried, not used up: R2T, NOP-In that asks. */
  | 'next'
  | 'take';

/** Calls from below. All come synchronously from the transport's own events. */
export interface MoverEvents {
  /** Sequence numbers for a header that is queued for sending at this moment. */
  stamp(buffer: Buffer, at: number, use: StatSNUse): void;
  /** Any PDU but solicited data. All three are lent: copy what must outlive the call. */
  controlNotify(bhs: Buffer, ahs: Buffer, data: Buffer): void;
  /** The data segment of this PDU is damaged; its header is right. */
  dataDigestError(bhs: Buffer): void;
  /** Solicited data that nobody asked for. */
  strayData(bhs: Buffer): void;
  /** A call from below threw: our own mistake. This connection is to end, the process to go on. */
  internalError(error: unknown): void;
  /** Once, last of all calls. */
  connectionTerminateNotify(why: string): void;
}

export interface DataMover {
  readonly transport: 'TCP' | 'iSER';
  /** When bytes last came in, by the clock. */
  readonly heardMs: number;
  /** A zeroed header to fill; it goes back with `sendControl`. */
  newHeader(): Buffer;
  /** The header is stamped already; it and `data` are the mover's from now on, or copied. */
  sendControl(bhs: Buffer, data: Buffer | null): void;
  /**
   * Data to the initiator's buffer at `offset`. `last`: no more comes for this command. `data` must
   * not change until `sent`, which may be called at once.
   */
  putData(transfer: Transfer, data: Buffer, offset: number, last: boolean, sent: () => void): void;
  /** Adds the status to the data just put, where that is possible still; else false. */
  putStatus(transfer: Transfer, status: number, residualFlag: number, residual: number): boolean;
  /** Fills `into` from the initiator's buffer at `offset`. One at a time for each transfer. */
  getData(transfer: Transfer, into: Buffer, offset: number, done: DataDone): void;
  /** The command is over: no byte is placed for it any more, `done` is not called. */
  deallocateTaskResources(transfer: Transfer): void;
  /** Full feature phase begins with the next PDU, each way. */
  enableDatamover(settings: MoverSettings): void;
  /** A new limit of Data-In segments (Text negotiation, RFC 7143 §13.12). */
  noticeMaxSendDataSegmentLength(bytes: number): void;
  /** `graceful`: what is queued goes out first. */
  connectionTerminate(graceful: boolean): void;
}
