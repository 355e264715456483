/**
 * The control socket: JSON-RPC 2.0, one message per line, unix socket of mode 0600. Methods with
 * their parameters and results, once, for server and client.
 */
import type { Document } from '../objects/document.ts';
import type { Edit } from '../objects/edits.ts';
import type { PlanLine } from '../objects/plan_text.ts';
import type { BackingInfo, EngineEvent, RuntimeState } from '../objects/engine_port.ts';

export type { Edit };

export interface Revisioned {
  readonly revision: number;
  readonly document: Document;
}

/** Who asks for a change, for the history: as the client says. */
export interface Origin {
  readonly user: string;
  /** `shell 4711`: which of the user's programs. */
  readonly client: string;
  /** The command line, secrets left out. */
  readonly command: string;
}

export interface Changed {
  readonly revision: number;
  /** The change holds, but something around it did not work out: to be shown. */
  readonly warning?: string;
  /** Of a tolerant change: what is degraded, one line each. */
  readonly problems?: readonly string[];
}

export interface HistoryEntry {
  readonly revision: number;
  /** Revision of the first of several changes that are one entry: initiators' of access states. */
  readonly first?: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly kind: 'change' | 'restore' | 'start' | 'undo' | 'redo';
  readonly user: string;
  readonly client: string;
  readonly command: string;
  /** It was taken back and can be brought back by `redo`. */
  readonly undone: boolean;
  /** Revisions that an undo took back or a redo brought back. */
  readonly of?: readonly number[];
}

/** Another configuration than the running one; the configuration file when none is named. */
export interface Source {
  readonly file?: string;
  /** 1 is the newest. */
  readonly backup?: number;
  /** What ran before the daemon was started last. */
  readonly last?: true;
}

export interface StateReport {
  readonly revision: number;
  /** The running configuration is not what the configuration file holds. */
  readonly unsaved: boolean;
  /** Changes of an earlier run that no save preceded and that the start did not bring back. */
  readonly lost?: { readonly time: string };
  /** Why commits do not reach the journal. */
  readonly journalProblem?: string;
}

export interface RuntimeAnswer extends RuntimeState {
  /** Names the state of `storageObjects` and `portals`; absent: they are always sent. */
  readonly health?: number;
  /** `storageObjects` and `portals` are empty here and as in the answer that the client knows. */
  readonly unchanged?: true;
}

/** A file, device or folder; a folder's name ends in `/`. */
export interface Listed {
  readonly name: string;
  /** Of a file or block device, where it could be told. */
  readonly bytes?: number;
}

export interface SaveReport {
  readonly file: string;
  /** What is in the file now and was not, in the sense of `diff`. */
  readonly changes: readonly PlanLine[];
  /** Folder and count of kept backups, when a backup was made. */
  readonly backups?: { readonly folder: string; readonly kept: number };
  /** Saved, but the former configuration could not be backed up, and why: to be shown. */
  readonly warning?: string;
}

export interface Methods {
  /** Version, pid, config file, whether it runs embedded. */
  hello: { params: Record<string, never>; result: DaemonInfo };
  document: { params: Record<string, never>; result: Revisioned };
  /**
   * Refused with code CONFLICT when `revision` is not current: recompute on the new document.
   * `tolerant`: what cannot work now (a device is missing, a port is taken) comes degraded.
   */
  change: {
    params: {
      revision: number;
      edits: readonly Edit[];
      createFiles?: readonly { path: string; size: number; sparse: boolean }[];
      tolerant?: boolean;
      by?: Origin;
    };
    result: Changed;
  };
  /** Take the last commits back; refused as a whole when one cannot be. */
  undo: { params: { count: number; by?: Origin }; result: Changed & { of: HistoryEntry[] } };
  redo: { params: { count: number; by?: Origin }; result: Changed & { of: HistoryEntry[] } };
  /** The newest last. */
  history: { params: { limit: number }; result: readonly HistoryEntry[] };
  state: { params: Record<string, never>; result: StateReport };
  /**
   * `force`: an empty configuration may replace one that is not. `only`: save what the commits of
   * these revisions changed and nothing else, where that can be told apart. `storageObject`: into
   * what is saved, put this one and the targets that export it; one that is gone is taken out.
   */
  save: {
    params: {
      file?: string;
      maxBackups?: number;
      force?: boolean;
      only?: readonly number[];
      storageObject?: string;
    };
    result: SaveReport;
  };
  backups: {
    params: Record<string, never>;
    result: {
      readonly folder: string;
      readonly backups: readonly { number: number; name: string; time: string }[];
    };
  };
  /**
   * Replace (`clear`) or merge; without `clear` what exists and differs is refused. `target` and
   * `storageObject` choose a part, which comes with what it needs.
   */
  restore: {
    params: Source & {
      clear: boolean;
      target?: string;
      storageObject?: string;
      dryRun?: boolean;
      by?: Origin;
    };
    result: {
      revision: number;
      file: string;
      problems: readonly string[];
      changes: readonly PlanLine[];
      warning?: string;
    };
  };
  /** Look at the size of a block device again. `storageObject`: `block/disk1`. */
  rescan: { params: { storageObject: string }; result: { size: number } };
  /** End a session; refused when there is none of that number. */
  kick: { params: { sid: number }; result: Record<string, never> };
  /** What going from the running configuration to another would change. */
  compare: { params: Source; result: { file: string; changes: readonly PlanLine[] } };
  /**
   * The edits that apply a YAML text to the configuration: to the running one, or to `base`, a
   * candidate. `name` stands in errors.
   */
  read: {
    params: { text: string; name: string; prune: boolean; base?: Document };
    result: { revision: number; edits: readonly Edit[] };
  };
  /**
   * The YAML form of what stands at the paths, and nothing else; without `secrets` none. Of the
   * running configuration, or of `base`, a candidate.
   */
  render: {
    params: { paths: readonly (readonly string[])[]; secrets: boolean; base?: Document };
    result: { text: string };
  };
  /**
   * With `known`, the `health` of an earlier answer: storage objects and portals are left out where
   * they are as they were then.
   */
  runtime: { params: { known?: number }; result: RuntimeAnswer };
  probe: { params: { path: string }; result: BackingInfo };
  addresses: { params: Record<string, never>; result: readonly string[] };
  /** What begins with `prefix` in a folder of the daemon's machine, for completion. */
  list: {
    params: { folder: string; only: 'any' | 'block'; prefix?: string };
    result: readonly Listed[];
  };
  /**
   * The preferences of the daemon's own user have changed: what of them it follows while it runs,
   * as it has read it.
   */
  preferences: { params: Record<string, never>; result: FollowedPreferences };
  /** Stop the daemon as SIGTERM does. */
  shutdown: { params: Record<string, never>; result: Record<string, never> };
}
export type Method = keyof Methods;

export interface FollowedPreferences {
  readonly busy_poll: string;
}

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
  /** Never sent: a client found a daemon again after it lost one. What it knew is stale. */
  attached: Record<string, never>;
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
