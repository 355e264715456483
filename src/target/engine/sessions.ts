/** Sessions as the engine keeps them in step with the configuration; the iSCSI layer's host. */
import type { Socket } from 'node:net';
import type { StorageObject } from '../../objects/document.ts';
import { nameKey } from '../../objects/names.ts';
import {
  type EngineEvent,
  type RefusedLoginInfo,
  type SessionInfo,
} from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import { mediumOf } from '../../objects/rules.ts';
import type { ChangingRecord } from '../../util/changing_record.ts';
import type { Clock } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import { acceptConnection } from '../iscsi/accept.ts';
import type { LoginResult } from '../iscsi/directory.ts';
import type { IscsiHost, RefusedLogin } from '../iscsi/iscsi_host.ts';
import type { Session } from '../iscsi/session.ts';
import { SessionTable } from '../iscsi/session_table.ts';
import type { LogicalUnit } from '../scsi/logical_unit.ts';
import { ItNexus } from '../scsi/nexus.ts';
import type { ConfigState, TpgState } from './config_state.ts';
import { lunMapOf, type Viewed } from './lun_map.ts';
import { targetPortOf } from './port_members.ts';
import { RefusedLogins } from './refused_logins.ts';
import { SessionLimiter } from './session_limiter.ts';
import { SessionViews, shownAt, type ListedSession } from './session_views.ts';
import type { Membership } from './threads/membership.ts';

export interface SessionsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly state: ConfigState;
  readonly logicalUnitOf: (reference: string) => LogicalUnit | undefined;
  readonly emit: (event: EngineEvent) => void;
  /** One of several data threads. */
  readonly member?: Membership | undefined;
}

export class Sessions implements IscsiHost {
  readonly directory: ConfigState;
  readonly clock: Clock;
  readonly log: Log;
  readonly #options: SessionsOptions;
  readonly #table: SessionTable;
  readonly #refused: RefusedLogins;
  readonly #limiter: SessionLimiter;
  readonly #views = new SessionViews((session) => this.#lunMap(session.result));

  constructor(options: SessionsOptions) {
    this.directory = options.state;
    this.clock = options.clock;
    this.log = options.log.channel('iscsi');
    this.#options = options;
    this.#table = new SessionTable(this, options.member?.scsi, options.member?.tables);
    options.member?.tables.bind(this.#table);
    this.#refused = new RefusedLogins(options.clock);
    const { clock, member } = options;
    this.#limiter = new SessionLimiter(clock, (name) => member?.dues(name, clock));
  }

  /** `bytes`: what another data thread has read of it already. */
  accept(socket: Socket, portal: string, bytes?: Buffer): void {
    const iser = (): boolean => this.directory.servesIser(portal);
    const { member } = this.#options;
    acceptConnection(socket, {
      portal,
      sessions: this.#table,
      iser,
      bytes,
      elsewhere: bytes === undefined ? member?.elsewhere(portal) : undefined,
    });
  }

  list(): readonly SessionInfo[] {
    this.#views.look(this.#table);
    const nowMs = this.clock.nowMs();
    return Object.values(this.#views.record.whole()).map((listed) => shownAt(nowMs, listed));
  }

  /** Of all sessions, as of now: what changed since it was taken is to be sent. */
  look(): ChangingRecord<ListedSession> {
    this.#views.look(this.#table);
    return this.#views.record;
  }

  get looked(): ChangingRecord<ListedSession> {
    return this.#views.record;
  }

  /** A plan was undone. */
  undone(): void {
    this.#views.allChanged();
  }

  refusedLogins(): readonly RefusedLoginInfo[] {
    return this.#refused.list();
  }

  kick(sid: number): boolean {
    for (const session of this.#table) {
      if (session.sid !== sid) continue;
      session.end('ended by the administrator');
      return true;
    }
    return false;
  }

  /** A plan holds: sessions see their new LUNs, or end where nothing is left to serve them. */
  refresh(steps: readonly Step[]): void {
    const touched = new Set<string>();
    let everything = false;
    for (const step of steps) {
      const { subject, path } = step;
      if (subject === 'storage_object') everything ||= !isInPlace(step);
      else if (subject !== 'portal' && subject !== 'discovery_auth') touched.add(path[2] ?? '');
    }
    this.#limiter.forget((target, tag) => this.directory.tpg(target, tag));
    if (!everything && touched.size === 0) return;
    for (const session of [...this.#table]) {
      const target = session.result.tpg?.targetName;
      if (target !== undefined && (everything || touched.has(target))) this.#refresh(session);
    }
  }

  async stop(graceMs: number): Promise<void> {
    await this.#table.close(graceMs);
  }

  openNexus(result: LoginResult): ItNexus {
    const { tpg, initiatorName, isid } = result;
    if (tpg === undefined) throw new Error('a discovery session has no nexus');
    const nexus = new ItNexus({
      // RFC 7143 §4.4.1: the initiator port's name.
      initiatorPort: `${initiatorName},i,0x${isid}`,
      targetPort: targetPortOf(tpg.targetName, tpg.tag),
    });
    nexus.setLuns(this.#lunMap(result));
    this.#limiter.apply(nexus, this.#tpgOf(result));
    return nexus;
  }

  sessionOpened(session: Session): void {
    this.#options.emit({ type: 'session', change: 'opened', session: this.#described(session) });
  }

  sessionClosed(session: Session): void {
    this.#options.emit({ type: 'session', change: 'closed', session: this.#described(session) });
  }

  loginRefused(event: RefusedLogin): void {
    const { initiator, target, address, rule, statusClass, statusDetail } = event;
    this.#refused.add(event);
    this.#options.emit({
      type: 'loginRefused',
      initiator,
      target,
      address,
      rule,
      statusClass,
      statusDetail,
    });
  }

  /** Before full feature phase as well. */
  sessionGone(session: Session): void {
    this.#views.closed(session);
  }

  #described(session: Session): SessionInfo {
    return shownAt(this.clock.nowMs(), this.#views.describe(session));
  }

  #refresh(session: Session): void {
    this.#views.changed(session);
    const { result, nexus } = session;
    const tpg = this.#tpgOf(result);
    if (tpg === undefined) return session.end('its target portal group was deleted');
    if (!tpg.enabled) return session.end('its target portal group was disabled');
    if (result.acl !== undefined && !tpg.acls.has(nameKey(result.initiatorName))) {
      return session.end('its node ACL was deleted');
    }
    if (nexus === undefined) return;
    nexus.setLuns(this.#lunMap(result));
    this.#limiter.apply(nexus, tpg);
  }

  #tpgOf(result: LoginResult): TpgState | undefined {
    const { tpg } = result;
    return tpg && this.directory.tpg(tpg.targetName, tpg.tag);
  }

  #lunMap(result: LoginResult): ReadonlyMap<number, Viewed> {
    const tpg = this.#tpgOf(result);
    if (tpg === undefined) return new Map();
    return lunMapOf(tpg, nameKey(result.initiatorName), this.#options.logicalUnitOf);
  }
}

/** The logical unit stays: no session sees another LUN. */
function isInPlace({ path, before, after }: Step): boolean {
  if (before === undefined || after === undefined) return false;
  const [, kind = ''] = path;
  const mediumOfOne = (value: unknown): string => mediumOf(kind, value as StorageObject);
  return mediumOfOne(before) === mediumOfOne(after);
}
