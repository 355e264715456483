/**
 * The port between control plane and engine. Every argument and answer is plain data that survives
 * structured cloning, so that the engine runs in the same thread in tests and in its own in the
 * daemon (docs/ARCHITECTURE.md, decision 7).
 */
import type { LogRecord } from '../util/log.ts';
import type { Step } from './plan.ts';

export interface EnginePort {
  /**
   * Run the steps in order. A step that the engine refuses undoes those before it, in reverse, and
   * rejects with an `ApplyError`; nothing has changed then.
   * `tolerant`: at boot a step that cannot be done (a file is missing, a port is taken) leaves its
   * object in the degraded state instead, and is reported; nothing is refused.
   */
  apply(steps: readonly Step[], options?: { readonly tolerant?: boolean }): Promise<ApplyReport>;
  runtime(): Promise<RuntimeState>;
  /** What stands at a path on the engine's machine: `create` needs its size. */
  probe(path: string): Promise<BackingInfo>;
  /** Create a file of `size` bytes: sparse, or written through with zeros. Never overwrites. */
  createFile(path: string, size: number, sparse: boolean): Promise<void>;
  /** Remove a file that `createFile` made in this call chain, after a refused change. */
  removeFile(path: string): Promise<void>;
  /** Look at the size of a block device again; initiators are told. Rejects with the reason. */
  rescan(storageObject: string): Promise<number>;
  /** End a session at once; its initiator may log in again. False: there is none of that number. */
  kick(sid: number): Promise<boolean>;
  /** Answers `aluaStatesAsked`: whether the states are part of the configuration now. */
  answerStates(ask: number, held: boolean): Promise<void>;
  onEvent(listener: (event: EngineEvent) => void): () => void;
  /** Tell initiators, flush caches, close. Resolves when all is on stable storage. */
  stop(graceMs: number): Promise<void>;
}

export class ApplyError extends Error {
  override name = 'ApplyError';
  readonly step: Step;
  constructor(step: Step, reason: string) {
    super(reason);
    this.step = step;
  }
}

export interface ApplyReport {
  /** With `tolerant`: what is degraded, one line each. */
  readonly degraded: readonly string[];
}

export interface BackingInfo {
  readonly exists: boolean;
  readonly type: 'file' | 'block' | 'directory' | 'other' | 'none';
  /** Bytes, of a file or block device. */
  readonly size: number;
  readonly readonly: boolean;
  /** Why a block device may not be taken (mounted, in use …) or the path not opened. */
  readonly problem?: string;
  /** The folder in which the path would stand exists. */
  readonly parentExists: boolean;
}

export interface Health {
  readonly ok: boolean;
  /** `no such file /srv/x.img`, `address in use`. */
  readonly reason?: string;
  /** Bytes, of a storage object that is ready: the document does not hold a block device's size. */
  readonly size?: number;
}

export interface RuntimeState {
  /** Key `fileio/disk1`. */
  readonly storageObjects: Readonly<Record<string, Health>>;
  /** Key `<target>/<tag>/<portal>`. */
  readonly portals: Readonly<Record<string, Health>>;
  readonly sessions: readonly SessionInfo[];
  /** Newest first, as many as the engine keeps. */
  readonly refusedLogins: readonly RefusedLoginInfo[];
  /**
   * Of each storage object that had a command since it was opened, all sessions together. Key
   * `fileio/disk1`.
   */
  readonly io: Readonly<Record<string, IoCounters>>;
  /** `crc32c: native (@node-rs/crc32)`, `syscalls: koffi`: what was chosen at start. */
  readonly accelerators: Readonly<Record<string, string>>;
}

export interface SessionInfo {
  /** Number for `sessions detail N`: unique for the life of the engine. */
  readonly sid: number;
  readonly tsih: number;
  readonly isid: string;
  readonly type: 'Normal' | 'Discovery';
  readonly state: string;
  readonly initiator: string;
  readonly initiatorAlias: string;
  readonly target: string;
  readonly tpgTag: number;
  readonly authenticated: 'none' | 'CHAP' | 'mutual CHAP';
  /** Logged in by demo mode, without a node ACL. */
  readonly dynamic: boolean;
  readonly ageSeconds: number;
  /** Negotiated keys as the RFC writes them. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly connections: readonly ConnectionInfo[];
  readonly mappedLuns: readonly SessionLunInfo[];
  /** Absent: neither the session nor its initiator has a limit. */
  readonly limits?: SessionLimits;
}
/** Limits of rate that hold a session back, beside those of storage objects. */
export interface SessionLimits {
  /** Commands that wait for one of them: now. */
  readonly waiting: number;
  /** Of this session alone. */
  readonly session?: LimitInfo;
  /** Of all sessions of its initiator in the TPG together. */
  readonly acl?: LimitInfo;
}
export interface LimitInfo {
  /** Commands a second; 0: any number. */
  readonly maxIops: number;
  /** Bytes a second; 0: any number. */
  readonly maxBandwidth: number;
  /** How often the next command of this session waited for it. */
  readonly delayed: number;
}
export interface ConnectionInfo {
  readonly cid: number;
  readonly address: string;
  readonly port: number;
  readonly portal: string;
  readonly transport: 'TCP' | 'iSER';
  readonly state: string;
}
/** Counts since the beginning; they only grow, but for `queued`. */
export interface IoCounters {
  /** SCSI commands of every kind that are over. */
  readonly commands: number;
  readonly reads: number;
  readonly writes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Commands whose status was not GOOD. */
  readonly errors: number;
  /** Sum over all commands of the milliseconds from arrival to answer. */
  readonly busyMs: number;
  /** How often the next command waited for the limit of the storage object. */
  readonly delayed: number;
  /** Commands that have arrived and are not over: now. */
  readonly queued: number;
}
export const NO_IO: IoCounters = {
  commands: 0,
  reads: 0,
  writes: 0,
  readBytes: 0,
  writtenBytes: 0,
  errors: 0,
  busyMs: 0,
  delayed: 0,
  queued: 0,
};
/** One reason for which one peer was refused, however often. */
export interface RefusedLoginInfo {
  readonly initiator: string;
  readonly target: string;
  readonly address: string;
  readonly rule: string;
  readonly statusClass: number;
  readonly statusDetail: number;
  readonly count: number;
  /** Since the last time. */
  readonly ageSeconds: number;
}
export interface SessionLunInfo {
  readonly mappedLun: number;
  readonly storageObject: string;
  readonly writeProtect: boolean;
  /** Of this session on this LUN, since it was mapped. */
  readonly io: IoCounters;
}

export type EngineEvent =
  | { readonly type: 'log'; readonly record: LogRecord }
  | {
      readonly type: 'session';
      readonly change: 'opened' | 'closed';
      readonly session: SessionInfo;
    }
  | {
      readonly type: 'loginRefused';
      readonly initiator: string;
      readonly target: string;
      readonly address: string;
      /** Which rule refused whom: `no node ACL for this initiator and generate_node_acls=0`. */
      readonly rule: string;
      readonly statusClass: number;
      readonly statusDetail: number;
    }
  | { readonly type: 'health'; readonly storageObject: string; readonly health: Health }
  | AluaStatesAsked;

/** SET TARGET PORT GROUPS of an initiator, which waits for `answerStates`; not for ever. */
export interface AluaStatesAsked {
  readonly type: 'aluaStatesAsked';
  readonly ask: number;
  /** `fileio/disk1`. */
  readonly storageObject: string;
  readonly initiator: string;
  readonly states: readonly { readonly group: string; readonly state: number }[];
}
