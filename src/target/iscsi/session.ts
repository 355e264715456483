/** One iSCSI session: I_T nexus, CmdSN window, commands in progress, its one connection. */
import type { SessionInfo } from '../../objects/engine_port.ts';
import { serialAdd } from '../../util/serial32.ts';
import type { Timer } from '../../util/clock.ts';
import { RESERVED_TAG } from '../pdu/bhs.ts';
import { stampWindow } from '../pdu/sequence.ts';
import { ASYNC_EVENT } from '../pdu/exceptions.ts';
import type { ItNexus } from '../scsi/nexus.ts';
import type { DataMover } from '../transport/datamover.ts';
import { CommandWindow } from './command_window.ts';
import type { Connection } from './connection.ts';
import type { LoginResult, NegotiatedKeys } from './directory.ts';
import { IscsiTask, type TaskOwner } from './iscsi_task.ts';
import { TaskTable } from './task_table.ts';
import type { SessionTable } from './session_table.ts';

/** Immediate commands and task management functions in progress; one more is rejected. */
export const MAX_IMMEDIATE_COMMANDS = 32;
/** Tags of commands given up whose unsolicited data may still come. */
const REMEMBERED_TAGS = 64;
/** Window of a discovery session, which has no TPG to say so. */
const DISCOVERY_DEPTH = 16;

export interface SessionOptions {
  readonly table: SessionTable;
  /** Unique for the life of the engine. */
  readonly sid: number;
  readonly tsih: number;
  readonly result: LoginResult;
  /** Undefined in a discovery session. */
  readonly nexus: ItNexus | undefined;
  readonly connection: Connection;
}

export class Session implements TaskOwner {
  readonly sid: number;
  readonly tsih: number;
  readonly nexus: ItNexus | undefined;
  readonly window: CommandWindow;
  readonly tasks: TaskTable;
  /** Immediate SCSI commands, and all task management functions, in progress. */
  immediateInProgress = 0;
  #result: LoginResult;
  readonly #table: SessionTable;
  #connection: Connection;
  readonly #openedMs: number;
  #opened = false;
  #ended = false;
  #logoutTimer: Timer | null = null;
  readonly #pool: IscsiTask[] = [];
  readonly #late = new Uint32Array(REMEMBERED_TAGS).fill(RESERVED_TAG);
  #lateAt = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: SessionOptions) {
    const { table, sid, tsih, result, nexus, connection } = options;
    this.#table = table;
    this.sid = sid;
    this.tsih = tsih;
    this.#result = result;
    this.nexus = nexus;
    this.#connection = connection;
    this.#openedMs = table.host.clock.nowMs();
    const depth = result.tpg?.attributes.default_cmdsn_depth ?? DISCOVERY_DEPTH;
    this.tasks = new TaskTable(depth);
    this.window = new CommandWindow(depth, result.cmdSN, nexus);
  }

  get result(): LoginResult {
    return this.#result;
  }
  get keys(): NegotiatedKeys {
    return this.#result.keys;
  }
  /** By the host's clock. */
  get openedMs(): number {
    return this.#openedMs;
  }
  get discovery(): boolean {
    return this.#result.sessionType === 'Discovery';
  }
  get ended(): boolean {
    return this.#ended;
  }
  get connection(): Connection {
    return this.#connection;
  }
  get mover(): DataMover {
    return this.#connection.mover;
  }
  /** For tasks, which exist in normal sessions only. */
  get itNexus(): ItNexus {
    if (this.nexus === undefined) throw new Error('SCSI command in a discovery session');
    return this.nexus;
  }

  /** `mappedLuns` is empty: the engine fills it in. */
  info(): SessionInfo {
    const { result } = this;
    const { endpoint, stateName } = this.#connection;
    return {
      sid: this.sid,
      tsih: this.tsih,
      isid: result.isid,
      type: result.sessionType,
      state: this.#ended ? 'FREE' : this.#opened ? 'LOGGED_IN' : 'ACTIVE',
      initiator: result.initiatorName,
      initiatorAlias: result.initiatorAlias,
      target: result.tpg?.targetName ?? '',
      tpgTag: result.tpg?.tag ?? 0,
      authenticated: result.authenticated,
      dynamic: result.tpg !== undefined && result.acl === undefined,
      ageSeconds: Math.floor((this.#table.host.clock.nowMs() - this.#openedMs) / 1000),
      parameters: result.keys.shown,
      connections: [
        {
          cid: result.cid,
          address: endpoint.remoteAddress,
          port: endpoint.remotePort,
          portal: endpoint.portal,
          transport: endpoint.transport,
          state: stateName,
        },
      ],
      mappedLuns: [],
    };
  }

  stampWindow(buffer: Buffer, at: number): void {
    stampWindow(buffer, this.window.expCmdSN, this.window.maxCmdSN, at);
  }

  /** The last Login Response goes out: full feature phase. */
  opened(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#table.host.sessionOpened(this);
  }

  /** Calls back once no command is in progress: at once when none is. */
  whenIdle(idle: () => void): void {
    if (this.tasks.size === 0) idle();
    else this.#whenIdle.push(idle);
  }

  newTask(): IscsiTask {
    return this.#pool.pop() ?? new IscsiTask(this);
  }

  taskBegins(task: IscsiTask): void {
    this.tasks.add(task);
    if (task.immediate) this.immediateInProgress++;
    else this.window.inProgress++;
  }

  taskOver(task: IscsiTask): void {
    this.tasks.remove(task);
    if (task.immediate) this.immediateInProgress--;
    else this.window.inProgress--;
  }

  /** After the response: whoever waited for the last command must come behind it. */
  recycle(task: IscsiTask): void {
    this.#pool.push(task);
    if (this.#whenIdle.length === 0 || this.tasks.size > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const idle of waiting) idle();
  }

  send(bhs: Buffer, data: Buffer | null): void {
    this.#connection.send(bhs, data);
  }

  expectLateData(itt: number): void {
    this.#late[this.#lateAt] = itt;
    this.#lateAt = (this.#lateAt + 1) % REMEMBERED_TAGS;
  }

  isLate(itt: number): boolean {
    return this.#late.includes(itt);
  }

  /** Every command stops without an answer: connection lost, reinstatement, logout. */
  abortAll(): void {
    this.window.clear();
    const { nexus } = this;
    if (nexus === undefined) return;
    const { scsi } = this.#table;
    for (const lun of nexus.luns.keys()) scsi.abortTaskSet(nexus, lun, () => {});
    for (const task of this.tasks.all()) {
      // Those that only wait for the end of their data are no longer known to the device server.
      if (!task.abandon()) scsi.abortTask(task, () => {});
    }
  }

  /** RFC 7143 §6.3.4, connection reinstatement at level 0: commands end, the session goes on. */
  adopt(connection: Connection, result: LoginResult): void {
    const old = this.#connection;
    this.abortAll();
    this.#connection = connection;
    this.#result = result;
    old.supersede('connection reinstated by the initiator');
  }

  /** Async message 1 (RFC 7143 §11.9): asks to log out, and drops the session after the time. */
  requestLogout(graceMs: number): void {
    if (this.#ended || this.#logoutTimer !== null) return;
    if (graceMs <= 0 || !this.#opened) return this.end('the target stops');
    const seconds = Math.ceil(graceMs / 1000);
    this.#connection.sendAsync({ event: ASYNC_EVENT.LOGOUT_REQUESTED, parameter3: seconds });
    this.#logoutTimer = this.#table.host.clock.after(graceMs, () =>
      this.end('the initiator did not log out in time'),
    );
  }

  /** Drops the connection and aborts every command. `tell`: the initiator hears of it first. */
  end(reason: string, tell = true): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#logoutTimer?.cancel();
    const { keys } = this;
    if (tell && this.#opened) {
      // RFC 7143 §11.9.1: event 3, all connections of the session are dropped.
      this.#connection.sendAsync({
        event: ASYNC_EVENT.SESSION_DROPPED,
        parameter2: keys.defaultTime2Wait,
        parameter3: keys.defaultTime2Retain,
      });
    }
    this.abortAll();
    this.nexus?.close();
    this.#connection.close(reason, tell);
    this.#table.sessionEnded(this, reason);
    if (this.#opened) this.#table.host.sessionClosed(this);
  }
}

/** Next tag of a counter that never gives the reserved one. */
export function nextTag(previous: number): number {
  const tag = serialAdd(previous, 1);
  return tag === RESERVED_TAG ? 0 : tag;
}
