/**
 * The control socket: JSON-RPC 2.0, one message per line, unix socket of mode 0600. Methods with
 * their parameters and results, once, for server and client.
 */
import type { Document } from '../objects/document.ts';
import type { Edit } from '../objects/edits.ts';
import type { BackingInfo, EngineEvent, RuntimeState } from '../objects/engine_port.ts';

export type { Edit };

export interface Revisioned {
  readonly revision: number;
  readonly document: Document;
}

export interface SaveReport {
  readonly file: string;
  /** Folder and count of kept backups, when a backup was made. */
  readonly backups?: { readonly folder: string; readonly kept: number };
  /** Saved, but the former configuration could not be backed up, and why: to be shown. */
  readonly warning?: string;
}

export interface Methods {
  /** Version, pid, config file, whether it runs embedded. */
  hello: { params: Record<string, never>; result: DaemonInfo };
  document: { params: Record<string, never>; result: Revisioned };
  /** Refused with code CONFLICT when `revision` is not current: recompute on the new document. */
  change: {
    params: {
      revision: number;
      edits: readonly Edit[];
      createFiles?: readonly { path: string; size: number; sparse: boolean }[];
    };
    result: { revision: number };
  };
  save: { params: { file?: string; maxBackups?: number }; result: SaveReport };
  /** Replace (`clear`) or merge; without `clear` anything that exists already is refused. */
  restore: {
    params: { file?: string; clear: boolean };
    result: { revision: number; file: string; problems: readonly string[] };
  };
  /** End a session; refused when there is none of that number. */
  kick: { params: { sid: number }; result: Record<string, never> };
  runtime: { params: Record<string, never>; result: RuntimeState };
  probe: { params: { path: string }; result: BackingInfo };
  addresses: { params: Record<string, never>; result: readonly string[] };
  /** Names in a folder of the daemon's machine, for completion; folders end in `/`. */
  list: { params: { folder: string; only: 'any' | 'block' }; result: readonly string[] };
  /** Stop the daemon as SIGTERM does. */
  shutdown: { params: Record<string, never>; result: Record<string, never> };
}
export type Method = keyof Methods;

export interface DaemonInfo {
  readonly version: string;
  readonly pid: number;
  readonly configFile: string;
  readonly hostname: string;
}

/** What serves the methods: behind the socket, or called directly in embedded mode. */
export type Handlers = {
  readonly [M in Method]: (params: Methods[M]['params']) => Promise<Methods[M]['result']>;
};

/**
 * Notifications, sent to every client. Engine events of type `log` stay in the daemon's own log.
 */
export interface Notifications {
  /** Every commit: who is attached redraws or recomputes. */
  changed: { revision: number; edits: readonly Edit[] };
  engine: EngineEvent;
}

/** JSON-RPC error codes beside the standard ones. */
export const ERROR_CODE = {
  /** ConfigError: the message is for the user. */
  REFUSED: 1,
  CONFLICT: 2,
  PARSE: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL: -32603,
} as const;

/** The revision that a change was computed from is not the current one any more. */
export class ConflictError extends Error {
  override name = 'ConflictError';
}

/** The daemon could not be asked, or it failed: connection lost, protocol violated, its own bug. */
export class ControlError extends Error {
  override name = 'ControlError';
  readonly code: number;
  constructor(message: string, code: number = ERROR_CODE.INTERNAL) {
    super(message);
    this.code = code;
  }
}

/**
 * What the shell needs of the daemon; the embedded mode implements it without a socket. A call
 * rejects with `ConfigError` (REFUSED: for the user), `ConflictError`, or `ControlError`. File
 * names in parameters are absolute: the daemon's working folder is not the shell's.
 */
export interface ControlClient {
  call<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']>;
  on<N extends keyof Notifications>(
    name: N,
    listener: (params: Notifications[N]) => void,
  ): () => void;
  close(): void;
}
