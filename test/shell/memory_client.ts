/** A daemon in memory: a document, a file system of names and sizes, no engine. */
import type {
  ControlClient,
  Listed,
  Method,
  Methods,
  Notifications,
} from '../../src/control/protocol.ts';
import { ConflictError } from '../../src/control/protocol.ts';
import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT } from '../../src/objects/document.ts';
import type { Document } from '../../src/objects/document.ts';
import { applyEdits } from '../../src/objects/edits.ts';
import type {
  BackingInfo,
  Health,
  IoCounters,
  RefusedLoginInfo,
  RuntimeState,
  SessionInfo,
} from '../../src/objects/engine_port.ts';
import { ConfigError } from '../../src/objects/errors.ts';
import { describePlan } from '../../src/objects/plan_text.ts';

export interface MemoryFile {
  readonly type: 'file' | 'block';
  readonly size: number;
  readonly readonly?: boolean;
  /** Why it may not be taken. */
  readonly problem?: string;
}

export const CONFIG_FILE = '/etc/lunsmith/saveconfig.yaml';

/** Every storage object and portal of the document, healthy. */
function healthyRuntime(
  document: Document,
  sessions: readonly SessionInfo[],
  files: ReadonlyMap<string, MemoryFile>,
): RuntimeState {
  const storageObjects: Record<string, Health> = {};
  for (const [kind, objects] of Object.entries(document.backstores)) {
    for (const name of Object.keys(objects as object))
      storageObjects[`${kind}/${name}`] = { ok: true };
  }
  for (const [name, { dev }] of Object.entries(document.backstores.block)) {
    const size = files.get(dev)?.size;
    storageObjects[`block/${name}`] = { ok: true, ...(size !== undefined && { size }) };
  }
  const portals: Record<string, Health> = {};
  for (const [target, { tpgs }] of Object.entries(document.iscsi.targets)) {
    for (const [tag, tpg] of Object.entries(tpgs)) {
      for (const portal of Object.keys(tpg.portals))
        portals[`${target}/${tag}/${portal}`] = { ok: true };
    }
  }
  return { storageObjects, portals, sessions, refusedLogins: [], io: {}, accelerators: {} };
}

type Handlers = { [M in Method]: (params: Methods[M]['params']) => Methods[M]['result'] };

export class MemoryClient implements ControlClient {
  document: Document = EMPTY_DOCUMENT;
  revision = 1;
  readonly files = new Map<string, MemoryFile>();
  readonly saved = new Map<string, Document>();
  readonly folders = new Set(['/', '/srv', '/dev', '/etc', '/etc/lunsmith', '/var/lib']);
  sessions: readonly SessionInfo[] = [];
  refusedLogins: readonly RefusedLoginInfo[] = [];
  backups: Methods['backups']['result']['backups'] = [];
  io: Readonly<Record<string, IoCounters>> = {};
  addresses: readonly string[] = ['127.0.0.1', '192.168.1.139'];
  /** What a daemon of the same user has read. */
  busyPoll = 'auto';
  /** Every call, for tests that count them. */
  readonly calls: Method[] = [];
  /** Runs before a `change` is looked at: another shell that was faster. */
  beforeChange: (() => void) | undefined;
  readonly #listeners = new Set<(params: Notifications['changed']) => void>();

  readonly #handlers: Handlers = {
    hello: () => ({ version: '0.1.0', pid: 1, configFile: CONFIG_FILE, hostname: 'san01' }),
    document: () => ({ revision: this.revision, document: this.document }),
    change: ({ revision, edits, createFiles = [] }) => {
      const interfere = this.beforeChange;
      this.beforeChange = undefined;
      interfere?.();
      if (revision !== this.revision)
        throw new ConflictError('The configuration changed meanwhile');
      for (const { path, size } of createFiles) this.files.set(path, { type: 'file', size });
      this.commit(applyEdits(this.document, edits), edits);
      return { revision: this.revision };
    },
    save: ({ file = CONFIG_FILE, maxBackups = 10 }) => {
      const again = this.saved.has(file) && file === CONFIG_FILE;
      this.saved.set(file, this.document);
      const backups = { folder: '/etc/lunsmith/backup/', kept: maxBackups };
      return { file, changes: [], ...(again && { backups }) };
    },
    restore: ({ file = CONFIG_FILE, clear, dryRun }) => {
      const saved = this.saved.get(file);
      if (saved === undefined) throw new ConfigError(`Restore file ${file} not found`);
      const [first] = Object.keys(this.document.backstores.fileio);
      if (!clear && first !== undefined) {
        throw new ConfigError(`storageobject 'fileio:${first}' exist not restoring`);
      }
      const changes = describePlan(diff(this.document, saved));
      if (dryRun !== true) {
        this.document = saved;
        this.revision += 1;
      }
      return { revision: this.revision, file, problems: [], changes };
    },
    rescan: ({ storageObject }) => {
      const name = storageObject.replace('block/', '');
      const { dev = '' } = this.document.backstores.block[name] ?? {};
      return { size: this.files.get(dev)?.size ?? 0 };
    },
    kick: ({ sid }) => {
      if (this.sessions.every((session) => session.sid !== sid)) {
        throw new ConfigError(`no session found with sid ${sid}`);
      }
      this.sessions = this.sessions.filter((session) => session.sid !== sid);
      return {};
    },
    preferences: () => ({ busy_poll: this.busyPoll }),
    runtime: () => {
      const runtime = healthyRuntime(this.document, this.sessions, this.files);
      const counted = Object.keys(this.io).map((name) => [name, { ok: true }] as const);
      return {
        ...runtime,
        storageObjects: { ...runtime.storageObjects, ...Object.fromEntries(counted) },
        refusedLogins: this.refusedLogins,
        io: this.io,
      };
    },
    undo: () => {
      throw new ConfigError('Nothing to undo');
    },
    redo: () => {
      throw new ConfigError('Nothing to redo');
    },
    history: () => [],
    state: () => ({ revision: this.revision, unsaved: false }),
    backups: () => ({ folder: '/etc/lunsmith/backup', backups: this.backups }),
    compare: () => ({ file: CONFIG_FILE, changes: [] }),
    read: () => ({ revision: this.revision, edits: [] }),
    render: () => ({ text: '' }),
    probe: ({ path }) => this.#probe(path),
    addresses: () => this.addresses,
    list: ({ folder, only, prefix = '' }) => this.#list(folder, only, prefix),
    shutdown: () => ({}),
  };

  call<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    this.calls.push(method);
    const handler = this.#handlers[method] as (p: typeof params) => Methods[M]['result'];
    return Promise.resolve().then(() => handler(params));
  }

  on<N extends keyof Notifications>(
    name: N,
    listener: (params: Notifications[N]) => void,
  ): () => void {
    if (name !== 'changed') return () => {};
    const known = listener as (params: Notifications['changed']) => void;
    this.#listeners.add(known);
    return () => this.#listeners.delete(known);
  }

  close(): void {}

  /** As a change of another shell does. */
  commit(document: Document, edits: Notifications['changed']['edits']): void {
    this.document = document;
    this.revision += 1;
    for (const listener of this.#listeners) listener({ revision: this.revision, edits });
  }

  #probe(path: string): BackingInfo {
    const file = this.files.get(path);
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    const parentExists = this.folders.has(parent);
    if (this.folders.has(path)) {
      return { exists: true, type: 'directory', size: 0, readonly: false, parentExists };
    }
    if (file === undefined)
      return { exists: false, type: 'none', size: 0, readonly: false, parentExists };
    const { type, size, readonly = false, problem } = file;
    const found = { exists: true, type, size, readonly, parentExists };
    return problem === undefined ? found : { ...found, problem };
  }

  #list(folder: string, only: 'any' | 'block', prefix: string): readonly Listed[] {
    const names = new Set<string>();
    for (const path of [...this.files.keys(), ...this.folders]) {
      if (!path.startsWith(folder) || path === folder || path === '/') continue;
      const [name = '', ...rest] = path.slice(folder.length).split('/');
      const isFolder = rest.length > 0 || this.folders.has(path);
      if (!isFolder && only === 'block' && this.files.get(path)?.type !== 'block') continue;
      names.add(isFolder ? `${name}/` : name);
    }
    return [...names]
      .filter((name) => name.startsWith(prefix))
      .sort()
      .map((name) => {
        const bytes = this.files.get(folder + name)?.size;
        return { name, ...(bytes !== undefined && { bytes }) };
      });
  }
}
