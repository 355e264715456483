/** The full feature phase: opcode to handler, command ordering, and what each request does. */
import { NO_BYTES, ownedCopy } from '../../util/bytes.ts';
import { isImmediate, ittOf, OPCODE, opcodeOf, RESERVED_TAG } from '../pdu/bhs.ts';
import { DataOut, invalidDataOut } from '../pdu/data.ts';
import { REJECT_REASON } from '../pdu/exceptions.ts';
import { encodeNopInReply, invalidNopOut, NopOut } from '../pdu/nop.ts';
import { invalidScsiCommand, ScsiCommand } from '../pdu/scsi.ts';
import { cmdSNOf } from '../pdu/sequence.ts';
import { encodeTextResponse } from '../pdu/text_request.ts';
import { MAX_HELD_BYTES } from './command_window.ts';
import type { Connection } from './connection.ts';
import { Logout } from './logout.ts';
import { MAX_IMMEDIATE_COMMANDS, type Session } from './session.ts';
import type { SessionTable } from './session_table.ts';
import { TaskManagement } from './task_management.ts';
import { TextMachine } from './text_exchange.ts';

export interface FullFeatureOptions {
  readonly connection: Connection;
  readonly session: Session;
  readonly table: SessionTable;
}

type Handler = (self: FullFeature, bhs: Buffer, ahs: Buffer, data: Buffer) => void;

/** Requests that take a CmdSN unless immediate (RFC 7143 §4.2.2.1). */
const NUMBERED: Readonly<Record<number, Handler>> = {
  [OPCODE.NOP_OUT]: (self, bhs, _ahs, data) => self.nopOut(bhs, data),
  [OPCODE.SCSI_COMMAND]: (self, bhs, ahs, data) => self.scsiCommand(bhs, ahs, data),
  [OPCODE.TASK_MANAGEMENT_REQUEST]: (self, bhs) => self.taskManagement.request(bhs),
  [OPCODE.TEXT_REQUEST]: (self, bhs, _ahs, data) => self.textRequest(bhs, data),
  [OPCODE.LOGOUT_REQUEST]: (self, bhs) => self.logout.request(bhs),
};
/** RFC 7143 §4.3: what a discovery session may ask; NOP-Out does no harm. */
const IN_DISCOVERY: ReadonlySet<number> = new Set([
  OPCODE.NOP_OUT,
  OPCODE.TEXT_REQUEST,
  OPCODE.LOGOUT_REQUEST,
]);

export class FullFeature {
  readonly taskManagement: TaskManagement;
  readonly logout: Logout;
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #table: SessionTable;
  readonly #text: TextMachine;

  constructor(options: FullFeatureOptions) {
    const { connection, session, table } = options;
    this.#connection = connection;
    this.#session = session;
    this.#table = table;
    this.taskManagement = new TaskManagement(options);
    this.logout = new Logout(options);
    this.#text = new TextMachine({
      directory: table.host.directory,
      endpoint: connection.endpoint,
      result: session.result,
    });
  }

  /** One PDU, all of it lent. */
  receive(bhs: Buffer, ahs: Buffer, data: Buffer): void {
    const opcode = opcodeOf(bhs);
    const handler = NUMBERED[opcode];
    if (handler === undefined) return this.#unnumbered(opcode, bhs, data);
    if (isImmediate(bhs)) return this.#handle(handler, bhs, ahs, data);
    const { window } = this.#session;
    const cmdSN = cmdSNOf(bhs);
    switch (window.arrival(cmdSN)) {
      case 'ignore':
        // RFC 7143 §4.2.2.1: outside the window or a duplicate: silently ignored.
        return undefined;
      case 'early':
        if (this.#tooMuchHeld(data)) return undefined;
        return window.hold(cmdSN, {
          bhs: ownedCopy(bhs),
          ahs: ownedCopy(ahs),
          data: ownedCopy(data),
          dataOut: [],
        });
      case 'next':
        window.advance();
        this.#handle(handler, bhs, ahs, data);
        return this.deliverHeld();
    }
  }

  /** Commands that waited for one before them. */
  deliverHeld(): void {
    const { window, ended } = this.#session;
    if (ended) return;
    for (let held = window.takeNext(); held !== undefined; held = window.takeNext()) {
      window.advance();
      const handler = NUMBERED[opcodeOf(held.bhs)];
      if (handler !== undefined) this.#handle(handler, held.bhs, held.ahs, held.data);
      for (const { bhs, data } of held.dataOut) {
        if (!this.#session.ended) this.#unsolicitedData(bhs, data);
      }
      if (this.#session.ended) return;
    }
  }

  /** True: the connection was closed for it. */
  #tooMuchHeld(data: Buffer): boolean {
    if (this.#session.window.heldBytes + data.length <= MAX_HELD_BYTES) return false;
    this.#connection.close('too much data behind a missing CmdSN', false);
    return true;
  }

  dataDigestError(bhs: Buffer): void {
    if (opcodeOf(bhs) !== OPCODE.DATA_OUT) return;
    const pdu = new DataOut(bhs);
    if (pdu.ttt === RESERVED_TAG) this.#session.tasks.find(pdu.itt)?.unsolicitedDigestError(pdu);
  }

  #handle(handler: Handler, bhs: Buffer, ahs: Buffer, data: Buffer): void {
    if (this.#session.discovery && !IN_DISCOVERY.has(opcodeOf(bhs))) {
      const why = 'only Text and Logout Requests in a discovery session';
      return this.#connection.reject(bhs, REJECT_REASON.PROTOCOL_ERROR, why);
    }
    if (this.logout.pending) {
      const why = 'a request after the Logout Request';
      return this.#connection.reject(bhs, REJECT_REASON.WAITING_FOR_LOGOUT, why);
    }
    return handler(this, bhs, ahs, data);
  }

  #unnumbered(opcode: number, bhs: Buffer, data: Buffer): void {
    switch (opcode) {
      case OPCODE.DATA_OUT:
        return this.#unsolicitedData(bhs, data);
      case OPCODE.SNACK_REQUEST: {
        // RFC 7143 §11.16: at ErrorRecoveryLevel 0 there is nothing to retransmit.
        const why = 'SNACK at ErrorRecoveryLevel 0';
        return this.#connection.reject(bhs, REJECT_REASON.PROTOCOL_ERROR, why);
      }
      case OPCODE.LOGIN_REQUEST: {
        const why = 'Login Request in the full feature phase';
        return this.#connection.reject(bhs, REJECT_REASON.PROTOCOL_ERROR, why);
      }
      default: {
        const why = `opcode 0x${opcode.toString(16)} is not served`;
        return this.#connection.reject(bhs, REJECT_REASON.COMMAND_NOT_SUPPORTED, why);
      }
    }
  }

  #unsolicitedData(bhs: Buffer, data: Buffer): void {
    const invalid = invalidDataOut(bhs);
    if (invalid !== undefined) return this.#invalidField(bhs, invalid);
    const pdu = new DataOut(bhs);
    const task = this.#session.tasks.find(pdu.itt);
    if (task !== null) return task.unsolicitedData(pdu, data);
    if (this.#session.isLate(pdu.itt)) return undefined;
    if (this.#heldWithCommand(pdu.itt, bhs, data)) return undefined;
    return this.#invalidField(bhs, 'Data-Out for a task that does not exist');
  }

  /** Its command waits for one before it: the data was announced, and comes once only. */
  #heldWithCommand(itt: number, bhs: Buffer, data: Buffer): boolean {
    const { window } = this.#session;
    if (window.heldBytes === 0) return false;
    const dataOut = { bhs: ownedCopy(bhs), data: ownedCopy(data) };
    if (!window.holdData(itt, dataOut)) return false;
    this.#tooMuchHeld(NO_BYTES);
    return true;
  }

  #invalidField(bhs: Buffer, why: string): void {
    this.#connection.reject(bhs, REJECT_REASON.INVALID_PDU_FIELD, why);
  }

  /** True: rejected. Commands and task management functions share one space of tags. */
  refusesTag(bhs: Buffer): boolean {
    const itt = ittOf(bhs);
    const session = this.#session;
    if (session.tasks.find(itt) !== null || this.taskManagement.inProgress(itt)) {
      const why = 'Initiator Task Tag in use';
      this.#connection.reject(bhs, REJECT_REASON.TASK_IN_PROGRESS, why);
      return true;
    }
    if (isImmediate(bhs) && session.immediateInProgress >= MAX_IMMEDIATE_COMMANDS) {
      const why = `more than ${MAX_IMMEDIATE_COMMANDS} immediate commands in progress`;
      this.#connection.reject(bhs, REJECT_REASON.TOO_MANY_IMMEDIATE_COMMANDS, why);
      return true;
    }
    return false;
  }

  scsiCommand(bhs: Buffer, ahs: Buffer, data: Buffer): void {
    const invalid = invalidScsiCommand(bhs);
    if (invalid !== undefined) return this.#invalidField(bhs, invalid);
    if (this.refusesTag(bhs)) return;
    const session = this.#session;
    const task = session.newTask();
    const served = task.begin(new ScsiCommand(bhs), isImmediate(bhs), ahs.length > 0, data);
    session.taskBegins(task);
    if (served) this.#table.scsi.submit(task);
    else task.complete();
    task.keepImmediateData();
  }

  nopOut(bhs: Buffer, data: Buffer): void {
    const invalid = invalidNopOut(bhs);
    if (invalid !== undefined) return this.#invalidField(bhs, invalid);
    const pdu = new NopOut(bhs);
    if (pdu.ttt !== RESERVED_TAG) this.#connection.pingAnswered(pdu.ttt);
    // RFC 7143 §11.18: with the reserved tag no answer is wanted.
    if (pdu.itt === RESERVED_TAG) return;
    const { connection } = this.#session;
    // RFC 7143 §11.19: an echo, cut to what the initiator receives.
    const limit = this.#session.keys.maxSendDataSegmentLength;
    const echo = data.length > limit ? data.subarray(0, limit) : data;
    const answer = connection.mover.newHeader();
    encodeNopInReply(answer, bhs, echo.length);
    connection.send(answer, echo);
  }

  textRequest(bhs: Buffer, data: Buffer): void {
    const connection = this.#connection;
    const step = this.#text.step(bhs, data);
    if ('reject' in step) return connection.reject(bhs, step.reject, step.rule);
    const text = step.text.length > 0 ? step.text : NO_BYTES;
    connection.send(encodeTextResponse(step.response, text.length), text);
    // RFC 7143 §13.12: the new limit holds once the exchange is over.
    const limit = step.newMaxSendDataSegmentLength;
    if (limit !== undefined) connection.mover.noticeMaxSendDataSegmentLength(limit);
    return undefined;
  }
}
