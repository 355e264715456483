/** Task management functions (RFC 7143 §11.5, §11.6): answered when the affected tasks stopped. */
import { isImmediate } from '../pdu/bhs.ts';
import { REJECT_REASON } from '../pdu/exceptions.ts';
import {
  encodeTaskManagementResponse,
  invalidTaskManagementRequest,
  TaskManagementRequest,
  TMF_FUNCTION,
  TMF_RESPONSE,
} from '../pdu/task_management.ts';
import { cmdSNOf } from '../pdu/sequence.ts';
import { serialLess } from '../../util/serial32.ts';
import type { TaskManagementOutcome } from '../scsi/task_management.ts';
import type { Connection } from './connection.ts';
import type { FullFeatureOptions } from './full_feature.ts';
import { MAX_IMMEDIATE_COMMANDS, type Session } from './session.ts';
import type { SessionTable } from './session_table.ts';

const RESPONSE_OF: Readonly<Record<TaskManagementOutcome, number>> = {
  complete: TMF_RESPONSE.COMPLETE,
  lunNotFound: TMF_RESPONSE.LUN_DOES_NOT_EXIST,
  taskNotFound: TMF_RESPONSE.TASK_DOES_NOT_EXIST,
};

export class TaskManagement {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #table: SessionTable;
  /** Tags of functions that wait for tasks to stop: a few, so a plain list. */
  readonly #pending: number[] = [];

  constructor({ connection, session, table }: FullFeatureOptions) {
    this.#connection = connection;
    this.#session = session;
    this.#table = table;
  }

  inProgress(itt: number): boolean {
    return this.#pending.length > 0 && this.#pending.includes(itt);
  }

  request(bhs: Buffer): void {
    const invalid = invalidTaskManagementRequest(bhs);
    if (invalid !== undefined) {
      return this.#connection.reject(bhs, REJECT_REASON.INVALID_PDU_FIELD, invalid);
    }
    const pdu = new TaskManagementRequest(bhs);
    const { itt } = pdu;
    const session = this.#session;
    if (session.tasks.find(itt) !== null || this.inProgress(itt)) {
      const why = 'Initiator Task Tag in use';
      return this.#connection.reject(bhs, REJECT_REASON.TASK_IN_PROGRESS, why);
    }
    // Numbered ones too: they wait as long, and the window does not count them.
    if (this.#pending.length >= MAX_IMMEDIATE_COMMANDS) {
      const why = `more than ${MAX_IMMEDIATE_COMMANDS} task management functions in progress`;
      return this.#connection.reject(bhs, REJECT_REASON.TOO_MANY_IMMEDIATE_COMMANDS, why);
    }
    this.#pending.push(itt);
    return this.#run(pdu, (response) => this.#answer(itt, response));
  }

  #answer(itt: number, response: number): void {
    this.#pending.splice(this.#pending.indexOf(itt), 1);
    if (this.#session.ended || this.#session.connection !== this.#connection) return;
    const bhs = this.#connection.mover.newHeader();
    encodeTaskManagementResponse(bhs, itt, response);
    this.#connection.send(bhs, null);
  }

  #run(pdu: TaskManagementRequest, respond: (response: number) => void): void {
    const { scsi } = this.#table;
    const nexus = this.#session.itNexus;
    const done = (outcome: TaskManagementOutcome): void => respond(RESPONSE_OF[outcome]);
    switch (pdu.function) {
      case TMF_FUNCTION.ABORT_TASK:
        return this.#abortTask(pdu, respond);
      case TMF_FUNCTION.ABORT_TASK_SET:
        return this.#onLun(pdu.lun, () => scsi.abortTaskSet(nexus, pdu.lun, done));
      case TMF_FUNCTION.CLEAR_TASK_SET:
        return this.#onLun(pdu.lun, () => scsi.clearTaskSet(nexus, pdu.lun, done));
      case TMF_FUNCTION.LOGICAL_UNIT_RESET:
        return this.#onLun(pdu.lun, () => scsi.logicalUnitReset(nexus, pdu.lun, done));
      case TMF_FUNCTION.TARGET_WARM_RESET:
        this.#abandonAll(() => true);
        return scsi.targetReset(nexus, done);
      case TMF_FUNCTION.TARGET_COLD_RESET:
        this.#abandonAll(() => true);
        return scsi.targetReset(nexus, (outcome) => {
          done(outcome);
          this.#dropSessions();
        });
      case TMF_FUNCTION.TASK_REASSIGN:
        // RFC 7143 §11.6.1: reassignment is a matter of ErrorRecoveryLevel 2.
        return respond(TMF_RESPONSE.REASSIGN_NOT_SUPPORTED);
      default:
        return respond(TMF_RESPONSE.NOT_SUPPORTED);
    }
  }

  #onLun(lun: number, run: () => void): void {
    this.#abandonAll((taskLun) => taskLun === lun);
    run();
  }

  /** Tasks that only wait for the end of their data are over for the device server already. */
  #abandonAll(affects: (lun: number) => boolean): void {
    for (const task of this.#session.tasks.all()) if (affects(task.lun)) task.abandon();
  }

  #abortTask(pdu: TaskManagementRequest, respond: (response: number) => void): void {
    const task = this.#session.tasks.find(pdu.referencedTaskTag);
    if (task !== null) {
      // RFC 7143 §11.5.5: the tag may name a later command than the one meant.
      if (task.lun !== pdu.lun) return respond(TMF_RESPONSE.TASK_DOES_NOT_EXIST);
      if (task.abandon()) return respond(TMF_RESPONSE.COMPLETE);
      return this.#table.scsi.abortTask(task, (outcome) => respond(RESPONSE_OF[outcome]));
    }
    // RFC 7143 §11.6.1: never received, but inside the window and before this function: received
    // from now on, and aborted.
    const { window } = this.#session;
    const before =
      serialLess(pdu.refCmdSN, cmdSNOf(pdu.bhs)) ||
      (isImmediate(pdu.bhs) && pdu.refCmdSN === cmdSNOf(pdu.bhs));
    if (before && window.declareReceived(pdu.refCmdSN)) {
      respond(TMF_RESPONSE.COMPLETE);
      this.#connection.deliverHeld();
      return;
    }
    respond(TMF_RESPONSE.TASK_DOES_NOT_EXIST);
  }

  #dropSessions(): void {
    const target = this.#session.result.tpg?.targetName;
    if (target !== undefined) this.#table.endAllOf(target, 'TARGET COLD RESET');
  }
}
