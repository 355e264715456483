/**
 * All sessions and all connections. The ISID rule (RFC 7143 §4.4.2) and reinstatement (§6.3) live
 * here, and are applied only once login has authenticated the initiator.
 */
import type { Established } from './login.ts';
import type { Connection } from './connection.ts';
import type { LoginResult } from './directory.ts';
import type { IscsiHost } from './iscsi_host.ts';
import { LOGIN_STATUS } from '../pdu/login.ts';
import {
  noOthers,
  type EndedElsewhere,
  type LateRefusal,
  type OtherTables,
  type Settling,
} from './other_tables.ts';
import { SCSI_SERVICES, type ScsiServices } from './scsi_services.ts';
import { Session } from './session.ts';

/** Sessions of all data threads, discovery included. */
export const MAX_SESSIONS = 4096;
/** Connections of one portal that have not finished login, in all data threads. */
export const MAX_LOGINS_PER_PORTAL = 128;
const TSIH_LIMIT = 0x1_0000;
const TOO_MANY = refusal(
  LOGIN_STATUS.OUT_OF_RESOURCES,
  `there are ${MAX_SESSIONS} sessions already`,
);
const REINSTATED = 'session reinstated by the initiator';

export class SessionTable {
  readonly host: IscsiHost;
  readonly scsi: ScsiServices;
  readonly #sessions = new Map<number, Session>();
  /** Normal sessions by what RFC 7143 §4.4.2 lets exist once. */
  readonly #nexuses = new Map<string, Session>();
  readonly #connections = new Set<Connection>();
  readonly #others: OtherTables;
  #lastTsih = 0;
  #closed: (() => void)[] = [];
  #closing = false;

  constructor(
    host: IscsiHost,
    scsi: ScsiServices = SCSI_SERVICES,
    others: OtherTables = noOthers(),
  ) {
    this.host = host;
    this.scsi = scsi;
    this.#others = others;
  }

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** Connections that may still become sessions. */
  logins(portal: string): number {
    let count = 0;
    for (const connection of this.#connections) {
      if (connection.session === null && connection.endpoint.portal === portal) count++;
    }
    return count;
  }

  /** False: not taken, the portal has too many unfinished logins or we are stopping. */
  connectionOpened(connection: Connection): boolean {
    const limit = Math.ceil(MAX_LOGINS_PER_PORTAL / this.#others.threads);
    if (this.#closing || this.logins(connection.endpoint.portal) >= limit) return false;
    this.#connections.add(connection);
    return true;
  }

  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#tellIfEmpty();
  }

  /**
   * The end of a login: makes, reinstates or joins a session. `session` is then the connection's;
   * `settled` calls back when the commands of what was before have stopped.
   */
  establish(connection: Connection, result: LoginResult): Established {
    return result.tsih === 0
      ? this.#newSession(connection, result)
      : this.#join(connection, result);
  }

  sessionEnded(session: Session, reason: string): void {
    if (this.#sessions.delete(session.tsih)) this.#others.count(-1);
    this.host.sessionGone?.(session);
    const key = nexusKey(session.result);
    if (this.#nexuses.get(key) === session) this.#nexuses.delete(key);
    const { initiatorName, tpg } = session.result;
    // The engine's event and the connection's end, with its reason, are in the log already.
    this.host.log.debug('session ended', {
      initiator: initiatorName,
      target: tpg?.targetName,
      tsih: session.tsih,
      reason,
    });
  }

  /** RFC 7143 §11.5.1, TARGET COLD RESET: every session of the target ends. */
  endAllOf(targetName: string, reason: string): void {
    this.#others.endAllOf(targetName, reason);
    this.endOwnOf(targetName, reason);
  }

  endOwnOf(targetName: string, reason: string): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.result.tpg?.targetName === targetName) session.end(reason);
    }
  }

  /** Another table has a newer session of that nexus, `sid`. */
  reinstated(key: string, sid: number): Settling | null {
    const old = this.#nexuses.get(key);
    if (old === undefined || old.sid > sid) return null;
    old.end(REINSTATED, false);
    return old;
  }

  /**
   * Asks every initiator to log out; resolves when all connections are gone, those that stay after
   * `graceMs` are dropped. No connection is taken any more.
   */
  close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const session of [...this.#sessions.values()]) session.requestLogout(graceMs);
    for (const connection of [...this.#connections]) {
      if (connection.session === null) connection.close('the target stops', true);
    }
    return new Promise((resolve) => {
      this.#closed.push(resolve);
      this.#tellIfEmpty();
    });
  }

  #newSession(connection: Connection, result: LoginResult): Established {
    const key = nexusKey(result);
    // RFC 7143 §6.3.5, session reinstatement: same initiator, ISID and portal group, TSIH 0.
    const old = result.tpg === undefined ? undefined : this.#nexuses.get(key);
    old?.end(REINSTATED, false);
    // What it replaces here has just made room for it.
    const full = this.#others.count(1) > MAX_SESSIONS && old === undefined;
    if (full && (this.#others.threads === 1 || result.tpg === undefined)) {
      this.#others.count(-1);
      return TOO_MANY;
    }
    const sid = this.#others.nextSid();
    const session = new Session({
      table: this,
      sid,
      tsih: this.#newTsih(),
      result,
      nexus: result.tpg === undefined ? undefined : this.host.openNexus(result),
      connection,
    });
    this.#sessions.set(session.tsih, session);
    if (result.tpg === undefined) {
      connection.joins(session, session);
    } else {
      this.#nexuses.set(key, session);
      const elsewhere = this.#others.endNexus(key, sid);
      const settling = bothOf(old, elsewhere) ?? session;
      // At the limit there is room for it only in the place of another.
      connection.joins(session, full && elsewhere ? inPlaceOf(elsewhere) : settling);
    }
    return { tsih: session.tsih };
  }

  #join(connection: Connection, result: LoginResult): Established {
    const session = this.#sessions.get(result.tsih);
    if (session === undefined || nexusKey(session.result) !== nexusKey(result)) {
      const rule = `no session with TSIH ${result.tsih} of this initiator and ISID`;
      return refusal(LOGIN_STATUS.SESSION_DOES_NOT_EXIST, rule);
    }
    if (session.result.cid !== result.cid) {
      const rule = `MaxConnections is 1 and the session has connection ${session.result.cid}`;
      return refusal(LOGIN_STATUS.TOO_MANY_CONNECTIONS, rule);
    }
    session.adopt(connection, result);
    connection.joins(session, session);
    return { tsih: session.tsih };
  }

  /** Never 0, never one in use. */
  #newTsih(): number {
    const { threads, tsihOffset } = this.#others;
    do {
      this.#lastTsih = (this.#lastTsih + 1) % Math.floor(TSIH_LIMIT / threads);
    } while (this.#unusable(this.#lastTsih * threads + tsihOffset));
    return this.#lastTsih * threads + tsihOffset;
  }

  #unusable(tsih: number): boolean {
    return tsih === 0 || this.#sessions.has(tsih);
  }

  #tellIfEmpty(): void {
    if (this.#connections.size > 0) return;
    const waiting = this.#closed;
    this.#closed = [];
    for (const closed of waiting) closed();
  }
}

function inPlaceOf(elsewhere: EndedElsewhere): Settling {
  return {
    whenIdle: (idle) => elsewhere.whenIdle(idle),
    refusal: () => (elsewhere.found ? null : TOO_MANY),
  };
}

function bothOf(a: Settling | undefined, b: Settling | null): Settling | null {
  if (a === undefined || b === null) return a ?? b;
  return {
    whenIdle(idle) {
      let left = 2;
      const one = (): void => {
        if (--left === 0) idle();
      };
      a.whenIdle(one);
      b.whenIdle(one);
    },
  };
}

function nexusKey(result: LoginResult): string {
  const { initiatorName, isid, tpg } = result;
  return [initiatorName.toLowerCase(), isid, tpg?.targetName ?? '', tpg?.tag ?? ''].join(' ');
}

function refusal(status: number, rule: string): LateRefusal {
  return { statusClass: status >>> 8, statusDetail: status & 0xff, rule };
}
