/**
 * Sessions as they are shown. Thousands of them with hundreds of LUNs each are looked at again and
 * again: only what changed since the last look is described anew, and sent.
 */
import { NO_IO, type SessionInfo, type SessionLunInfo } from '../../objects/engine_port.ts';
import { ChangingRecord } from '../../util/changing_record.ts';
import type { Connection } from '../iscsi/connection.ts';
import type { Session } from '../iscsi/session.ts';
import type { Viewed } from './lun_map.ts';
import { limitsOf } from './session_limiter.ts';

/** `ageSeconds` is that of the moment when it was described. */
export type ListedSession = SessionInfo & {
  /** By the clock of the engine's thread. */
  readonly openedMs: number;
};

/** What tells that a session is as it was. */
interface Seen {
  readonly listed: ListedSession;
  readonly connection: Connection;
  readonly state: string;
  readonly commands: number;
  /** Commands in progress. */
  readonly tasks: number;
}

export class SessionViews {
  /** By number; as of the last `look`. */
  readonly record = new ChangingRecord<ListedSession>();
  readonly #seen = new Map<Session, Seen>();
  readonly #lunsOf: (session: Session) => ReadonlyMap<number, Viewed>;

  constructor(lunsOf: (session: Session) => ReadonlyMap<number, Viewed>) {
    this.#lunsOf = lunsOf;
  }

  look(sessions: Iterable<Session>): void {
    for (const session of sessions) {
      const known = this.#seen.get(session);
      if (known !== undefined && isAsSeen(session, known)) continue;
      const listed = this.describe(session);
      const { connection, tasks } = session;
      const commands = session.nexus?.commands ?? 0;
      const state = connection.stateName;
      this.#seen.set(session, { listed, connection, state, commands, tasks: tasks.size });
      this.record.set(String(session.sid), listed);
    }
  }

  describe(session: Session): ListedSession {
    const mappedLuns: SessionLunInfo[] = [];
    for (const [mappedLun, { storageObject, writeProtect }] of this.#lunsOf(session)) {
      const itl = session.nexus?.luns.get(mappedLun);
      // Its nexus is closed: nothing counts any more.
      const io = itl === undefined ? NO_IO : itl.io.snapshot(itl.queued);
      mappedLuns.push({ mappedLun, storageObject, writeProtect, io });
    }
    mappedLuns.sort((a, b) => a.mappedLun - b.mappedLun);
    const limits = limitsOf(session.nexus);
    const { openedMs } = session;
    return { ...session.info(), openedMs, mappedLuns, ...(limits && { limits }) };
  }

  /** It may have other LUNs, or other names of them. */
  changed(session: Session): void {
    this.#seen.delete(session);
  }

  allChanged(): void {
    this.#seen.clear();
  }

  closed(session: Session): void {
    this.#seen.delete(session);
    this.record.delete(String(session.sid));
  }
}

function isAsSeen(session: Session, seen: Seen): boolean {
  const { connection, tasks, nexus } = session;
  if (connection !== seen.connection || connection.stateName !== seen.state) return false;
  // Of what is in progress, some may have come and others gone.
  if (tasks.size > 0 || seen.tasks > 0 || seen.listed.limits !== undefined) return false;
  return nexus === undefined || (nexus.throttle === null && nexus.commands === seen.commands);
}

/** As it is shown at that moment. */
export function shownAt(nowMs: number, { openedMs, ...info }: ListedSession): SessionInfo {
  return { ...info, ageSeconds: Math.floor((nowMs - openedMs) / 1000) };
}
