/**
 * One connection: its states (RFC 7143 §8.1), StatSN, the login phase, and the decision what a
 * peer's violation costs. The full feature phase is in `full_feature.ts`.
 */
import type { Timer } from '../../util/clock.ts';
import { NO_BYTES, ownedCopy } from '../../util/bytes.ts';
import { serialAdd } from '../../util/serial32.ts';
import { BHS_LENGTH, OPCODE, opcodeOf } from '../pdu/bhs.ts';
import {
  ASYNC_EVENT,
  encodeAsyncMessage,
  encodeReject,
  REJECT_REASON,
  type AsyncFields,
} from '../pdu/exceptions.ts';
import { encodeLoginResponse, LoginRequest } from '../pdu/login.ts';
import { cmdSNOf, stampStatSN, stampWindow } from '../pdu/sequence.ts';
import type { DataMover, MoverEvents, StatSNUse } from '../transport/datamover.ts';
import type { Endpoint, LoginResult } from './directory.ts';
import { FullFeature } from './full_feature.ts';
import { LoginMachine, type LoginStep } from './login.ts';
import type { LateRefusal, Settling } from './other_tables.ts';
import type { Session } from './session.ts';
import type { SessionTable } from './session_table.ts';
import { Watchdog } from './watchdog.ts';

/** RFC 7143 §8.1.1: names of the states S1 to S8, those that a target with one connection meets. */
const LEGAL = {
  FREE: [],
  XPT_UP: ['IN_LOGIN', 'FREE'],
  IN_LOGIN: ['LOGGED_IN', 'FREE'],
  LOGGED_IN: ['IN_LOGOUT', 'LOGOUT_REQUESTED', 'CLEANUP_WAIT', 'FREE'],
  LOGOUT_REQUESTED: ['IN_LOGOUT', 'CLEANUP_WAIT', 'FREE'],
  IN_LOGOUT: ['CLEANUP_WAIT', 'FREE'],
  CLEANUP_WAIT: ['FREE'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type ConnectionState = keyof typeof LEGAL;

/** For portals without a TPG; else the longest `login_timeout` of the portal's TPGs counts. */
const DEFAULT_LOGIN_TIMEOUT_SECONDS = 15;
/** How long a login waits for the commands of the session that it replaces: storage may hang. */
export const SETTLE_WITHIN_SECONDS = 4;
/** Rejects of one connection that are logged as warnings; what comes after is noise. */
const LOGGED_REJECTS = 16;

export class Connection implements MoverEvents {
  readonly endpoint: Endpoint;
  session: Session | null = null;
  readonly #table: SessionTable;
  #mover: DataMover | null = null;
  #state: ConnectionState = 'XPT_UP';
  #statSN = 1;
  #login: LoginMachine | null = null;
  #toOtherThread: ((tsih: number) => boolean) | null = null;
  #loginTimer: Timer | null = null;
  /** Before there is a session: the login's own CmdSN. */
  #loginCmdSN = 0;
  /** Whose commands must stop before the login is answered. */
  #settling: Settling | null = null;
  #settleTimer: Timer | null = null;
  #answering = false;
  #fullFeature: FullFeature | null = null;
  #watchdog: Watchdog | null = null;
  #rejects = 0;
  #over = false;

  constructor(endpoint: Endpoint, table: SessionTable) {
    this.endpoint = endpoint;
    this.#table = table;
  }

  get mover(): DataMover {
    if (this.#mover === null) throw new Error('connection without a data mover');
    return this.#mover;
  }
  get stateName(): ConnectionState {
    return this.#state;
  }

  start(mover: DataMover): void {
    this.#mover = mover;
    const seconds = loginTimeoutOf(this.#table, this.endpoint.portal);
    this.#loginTimer = this.#table.host.clock.after(seconds * 1000, () =>
      this.close(`login not finished within ${seconds} seconds`, false),
    );
  }

  /** What the initiator speaks is known now. */
  continueOn(mover: DataMover): void {
    this.#mover = mover;
  }

  /** `toOtherThread` is asked with the first Login Request; true: it took the connection. */
  mayMove(toOtherThread: (tsih: number) => boolean): void {
    this.#toOtherThread = toOtherThread;
  }

  moveTo(next: ConnectionState): void {
    const legal: readonly string[] = LEGAL[this.#state];
    if (!legal.includes(next)) throw new Error(`connection cannot go ${this.#state} to ${next}`);
    this.#table.host.log.debug('connection state', { from: this.#state, to: next });
    this.#state = next;
  }

  /** Only moves where RFC 7143 knows the way. */
  mayMoveTo(next: ConnectionState): boolean {
    return (LEGAL[this.#state] as readonly string[]).includes(next);
  }

  // Sending

  send(bhs: Buffer, data: Buffer | null): void {
    this.stamp(bhs, 0, 'take');
    this.mover.sendControl(bhs, data);
  }

  /** What asks for an answer carries the next StatSN without using it (RFC 7143 §11.19.1). */
  sendUnnumbered(bhs: Buffer): void {
    this.stamp(bhs, 0, 'next');
    this.mover.sendControl(bhs, null);
  }

  sendAsync(fields: AsyncFields): void {
    if (this.#over || this.#fullFeature === null) return;
    const bhs = this.mover.newHeader();
    encodeAsyncMessage(bhs, fields);
    this.send(bhs, null);
    const asks = fields.event === ASYNC_EVENT.LOGOUT_REQUESTED;
    if (asks && this.mayMoveTo('LOGOUT_REQUESTED')) this.moveTo('LOGOUT_REQUESTED');
  }

  reject(badBhs: Buffer, reason: number, why: string): void {
    this.#rejects++;
    const fields = { initiator: this.session?.result.initiatorName, reason, why };
    const { log } = this.#table.host;
    if (this.#rejects <= LOGGED_REJECTS) log.warn('PDU rejected', fields);
    else log.debug('PDU rejected', fields);
    const bad = ownedCopy(badBhs.subarray(0, BHS_LENGTH));
    const bhs = this.mover.newHeader();
    encodeReject(bhs, reason);
    this.send(bhs, bad);
  }

  /** `graceful`: what is queued goes out first. The session, if any, ends with its connection. */
  close(why: string, graceful: boolean): void {
    if (this.#over) return;
    this.#table.host.log.info('connection closed', {
      address: this.endpoint.remoteAddress,
      port: this.endpoint.remotePort,
      initiator: this.session?.result.initiatorName,
      reason: why,
    });
    this.#stop();
    this.mover.connectionTerminate(graceful);
    if (this.session?.connection === this) this.session.end(why, false);
  }

  /** Another connection took our place in the session. */
  supersede(why: string): void {
    this.close(why, false);
  }

  #stop(): void {
    this.#over = true;
    this.#loginTimer?.cancel();
    this.#settleTimer?.cancel();
    this.#watchdog?.stop();
    if (this.mayMoveTo('FREE')) this.moveTo('FREE');
  }

  // MoverEvents

  stamp(buffer: Buffer, at: number, use: StatSNUse): void {
    if (use !== 'none') stampStatSN(buffer, this.#statSN, at);
    if (use === 'take') this.#statSN = serialAdd(this.#statSN, 1);
    if (this.session !== null) this.session.stampWindow(buffer, at);
    else stampWindow(buffer, this.#loginCmdSN, this.#loginCmdSN, at);
  }

  controlNotify(bhs: Buffer, ahs: Buffer, data: Buffer): void {
    if (this.#over) return;
    if (this.#fullFeature !== null) return this.#fullFeature.receive(bhs, ahs, data);
    return this.#loginRequest(bhs, data);
  }

  dataDigestError(bhs: Buffer): void {
    if (this.#over) return;
    // RFC 7143 §7.8: told to the initiator, the command not executed, ExpCmdSN not advanced.
    this.reject(bhs, REJECT_REASON.DATA_DIGEST_ERROR, 'data digest error');
    this.#fullFeature?.dataDigestError(bhs);
  }

  strayData(bhs: Buffer): void {
    if (this.#over) return;
    if (this.#fullFeature === null) return this.#loginRequest(bhs, NO_BYTES);
    const why = 'Data-Out for a tag that is not waited for';
    return this.reject(bhs, REJECT_REASON.INVALID_PDU_FIELD, why);
  }

  internalError(error: unknown): void {
    this.#table.host.log.error('internal error, please report it', {
      initiator: this.session?.result.initiatorName,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    this.close('internal error', false);
  }

  connectionTerminateNotify(why: string): void {
    if (!this.#over) this.close(why, false);
    this.#table.connectionClosed(this);
  }

  // Login

  /** The session that this login made or joined; `settling` must fall idle before the answer. */
  joins(session: Session, settling: Settling): void {
    this.session = session;
    this.#settling = settling;
  }

  #loginRequest(bhs: Buffer, data: Buffer): void {
    // RFC 7143 §6.3: before full feature phase nothing but Login Requests, and one at a time.
    if (opcodeOf(bhs) !== OPCODE.LOGIN_REQUEST) {
      return this.close('a PDU other than Login Request before full feature phase', true);
    }
    const toOtherThread = this.#toOtherThread;
    this.#toOtherThread = null;
    if (toOtherThread?.(new LoginRequest(bhs).tsih) === true) {
      return this.close('it goes on in another data thread', false);
    }
    if (this.#answering) return this.close('a Login Request before the answer to the last', false);
    if (this.#state === 'XPT_UP') this.moveTo('IN_LOGIN');
    if (this.#login === null) this.#loginCmdSN = cmdSNOf(bhs);
    this.#login ??= this.#newLogin();
    const step = this.#login.step(bhs, data);
    const settling = this.#settling;
    if (step.finished === undefined || settling === null) return this.#answer(step);
    this.#answering = true;
    return this.#whenSettled(settling, step.finished, step);
  }

  /** Old commands may still write: the new session is not to begin before they end. */
  #whenSettled(settling: Settling, finished: LoginResult, step: LoginStep): void {
    let answered = false;
    const answer = (): void => {
      if (answered || this.#over) return;
      answered = true;
      const refusal = settling.refusal?.() ?? null;
      if (refusal !== null) return this.#takeBack(step, refusal);
      this.#answer(step);
      return this.#enterFullFeature(finished);
    };
    // Where the storage hangs, only the logical unit concerned stays closed, and it knows itself.
    if (settling !== this.session) {
      this.#settleTimer = this.#table.host.clock.after(SETTLE_WITHIN_SECONDS * 1000, answer);
    }
    settling.whenIdle(answer);
  }

  #takeBack(step: LoginStep, refusal: LateRefusal): void {
    if (this.#login !== null) this.#answer(this.#login.takeBack(step, refusal));
  }

  #newLogin(): LoginMachine {
    const { host } = this.#table;
    return new LoginMachine({
      directory: host.directory,
      endpoint: this.endpoint,
      log: host.log.channel('login'),
      establish: (result) => this.#table.establish(this, result),
      refused: (event) => host.loginRefused({ ...event, address: this.endpoint.remoteAddress }),
    });
  }

  #answer(step: LoginStep): void {
    const bhs = encodeLoginResponse(step.response, step.text.length);
    this.send(bhs, step.text.length > 0 ? step.text : NO_BYTES);
    if (step.close === true) this.close('login refused', true);
  }

  #enterFullFeature(result: LoginResult): void {
    const { session } = this;
    if (session === null || session.ended) return this.close('session ended during login', true);
    this.#loginTimer?.cancel();
    this.#settleTimer?.cancel();
    this.#login = null;
    this.#settling = null;
    // RFC 7143 §6.3: digests begin with the first PDU of the full feature phase.
    this.mover.enableDatamover(result.keys);
    this.moveTo('LOGGED_IN');
    this.#fullFeature = new FullFeature({ connection: this, session, table: this.#table });
    this.#watchdog = new Watchdog({ connection: this, session, clock: this.#table.host.clock });
    session.opened();
    return undefined;
  }

  /** A gap in the command numbering closed. */
  deliverHeld(): void {
    this.#fullFeature?.deliverHeld();
  }

  /** The answer to our ping came. */
  pingAnswered(ttt: number): void {
    this.#watchdog?.answered(ttt);
  }
}

function loginTimeoutOf(table: SessionTable, portal: string): number {
  let longest = 0;
  for (const target of table.host.directory.targets.values()) {
    for (const tpg of target.tpgs.values()) {
      if (tpg.portals.has(portal)) longest = Math.max(longest, tpg.attributes.login_timeout);
    }
  }
  return longest > 0 ? longest : DEFAULT_LOGIN_TIMEOUT_SECONDS;
}
