/** Logout (RFC 7143 §11.14, §11.15) at ErrorRecoveryLevel 0 with one connection. */
import { isImmediate } from '../pdu/bhs.ts';
import { REJECT_REASON } from '../pdu/exceptions.ts';
import {
  encodeLogoutResponse,
  invalidLogoutRequest,
  LOGOUT_REASON,
  LOGOUT_RESPONSE,
  LogoutRequest,
} from '../pdu/logout.ts';
import type { Timer } from '../../util/clock.ts';
import type { Connection } from './connection.ts';
import type { FullFeatureOptions } from './full_feature.ts';
import type { Session } from './session.ts';
import type { SessionTable } from './session_table.ts';

/** How long commands in progress may go on once the initiator wants to leave. */
const FINISH_WITHIN_MS = 5_000;

export class Logout {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #table: SessionTable;
  #timer: Timer | null = null;
  #pending = false;

  constructor({ connection, session, table }: FullFeatureOptions) {
    this.#connection = connection;
    this.#session = session;
    this.#table = table;
  }

  /** A logout waits for commands to end; nothing new is taken. */
  get pending(): boolean {
    return this.#pending;
  }

  request(bhs: Buffer): void {
    const connection = this.#connection;
    const invalid = this.#invalid(bhs);
    if (invalid !== undefined) {
      return connection.reject(bhs, REJECT_REASON.INVALID_PDU_FIELD, invalid);
    }
    const { itt, reason, cid } = new LogoutRequest(bhs);
    if (reason === LOGOUT_REASON.RECOVERY) {
      return this.#respond(itt, LOGOUT_RESPONSE.RECOVERY_NOT_SUPPORTED);
    }
    if (reason === LOGOUT_REASON.CLOSE_CONNECTION && cid !== this.#session.result.cid) {
      return this.#respond(itt, LOGOUT_RESPONSE.CID_NOT_FOUND);
    }
    this.#pending = true;
    if (connection.mayMoveTo('IN_LOGOUT')) connection.moveTo('IN_LOGOUT');
    // RFC 7143 §11.14: a numbered Logout comes after the commands before it; an immediate one ends
    // them.
    if (isImmediate(bhs)) this.#session.abortAll();
    this.#timer = this.#table.host.clock.after(FINISH_WITHIN_MS, () => this.#session.abortAll());
    return this.#session.whenIdle(() => this.#leave(itt));
  }

  #invalid(bhs: Buffer): string | undefined {
    const { reason } = new LogoutRequest(bhs);
    if (this.#session.discovery && reason !== LOGOUT_REASON.CLOSE_SESSION) {
      return 'a discovery session can only be closed as a whole';
    }
    return invalidLogoutRequest(bhs);
  }

  #leave(itt: number): void {
    this.#timer?.cancel();
    if (this.#session.ended) return;
    this.#respond(itt, LOGOUT_RESPONSE.SUCCESS);
    // RFC 7143 §11.15: the connection closes after the response, and at level 0 the session too.
    this.#connection.close('logged out by the initiator', true);
  }

  #respond(itt: number, response: number): void {
    const { defaultTime2Wait, defaultTime2Retain } = this.#session.keys;
    const bhs = this.#connection.mover.newHeader();
    encodeLogoutResponse(bhs, {
      itt,
      response,
      time2Wait: defaultTime2Wait,
      time2Retain: defaultTime2Retain,
    });
    this.#connection.send(bhs, null);
  }
}
