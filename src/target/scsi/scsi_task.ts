/**
 * One SCSI command as the device server sees it: SAM-5 §5.4's transport protocol services, without
 * a word of iSCSI. The transport subclasses it; objects are pooled, so nothing may keep one after
 * `complete`.
 */
import type { DataTaker } from '../../util/data_taker.ts';
import type { ItNexus } from './nexus.ts';

/** SAM-5 §8.6 task attributes, with the codes of RFC 7143 §11.3.1. */
export const TASK_ATTRIBUTE = {
  UNTAGGED: 0,
  SIMPLE: 1,
  ORDERED: 2,
  HEAD_OF_QUEUE: 3,
  ACA: 4,
} as const;

export abstract class ScsiTask {
  abstract readonly nexus: ItNexus;
  /** Flat LUN as the initiator addressed it; -1 when the 8-byte field is of a form not served. */
  lun = 0;
  /** 16 bytes, owned by the task. Longer CDBs (AHS) are refused before they get here. */
  readonly cdb: Buffer = Buffer.alloc(16);
  taskAttribute: number = TASK_ATTRIBUTE.SIMPLE;
  /** What the initiator is ready to take and to give, in bytes: EDTL split by direction. */
  dataInExpected = 0;
  dataOutExpected = 0;

  /** Results, set by the device server before `complete`. */
  status = 0;
  /** Fixed or descriptor sense data, or null. */
  sense: Buffer | null = null;
  /** Bytes that the command wanted to move each way, before EDTL cut it: residuals. */
  dataInLength = 0;
  dataOutLength = 0;

  /** Set by task management: the device server stops at its next step, `complete` sends nothing. */
  aborted = false;

  /**
   * SAM-5 Send Data-In: `data` goes to the initiator's buffer at `offset`; what lies past
   * `dataInExpected` is not sent. `data` must not change until `sent` is called, which also carries
   * the socket's backpressure and may come before this call returns. Offsets ascend without gaps.
   * Set `dataInLength` before the first call: it tells which data is the last. After the last call
   * do not wait for `sent`: `complete()` right away lets GOOD status ride in the last data PDU.
   */
  abstract sendDataIn(data: Buffer, offset: number, sent: () => void): void;

  /**
   * SAM-5 Receive Data-Out: fills `into` from the initiator's buffer at `offset`. `ok` false: the
   * data never came (abort, connection lost, protocol error); `status` and `sense` are then set
   * already and only `complete` is to be called. Offsets ascend without gaps, one call at a time;
   * `received` may be called before this call returns. What `taker` uses up need not be in `into`;
   * it may not be asked for all data, or for none.
   */
  abstract receiveDataOut(
    into: Buffer,
    offset: number,
    received: (ok: boolean) => void,
    taker?: DataTaker,
  ): void;

  /**
   * The first `length` bytes of the initiator's buffer where they are here already, else null: then
   * `receiveDataOut` is to be asked. They are lent: whoever has not used them when the call returns
   * in which the command came asks anew.
   */
  dataOutHere(_length: number): Buffer | null {
    return null;
  }

  /** What `dataOutHere` gave is needed until the turn of input ends (util/input_turn.ts). */
  holdDataOut(): void {}

  /** Not any longer: what was not used is kept elsewhere. */
  keepDataOut(): void {}

  /**
   * Called by whoever aborts the command, after `aborted` or a status such as TASK ABORTED is set:
   * no data moves any more, and what is outstanding ends now: `received(false)`, `sent()`.
   */
  stopData(): void {}

  /** SAM-5 Send Command Complete: exactly once per command, last of all calls. */
  abstract complete(): void;
}
