/** What the methods of the control protocol do. */
import { networkInterfaces } from 'node:os';
import type { EnginePort, RuntimeState } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import type { ConfigStore } from './config_store.ts';
import { listFolder } from './list_folder.ts';
import type { DaemonInfo, FollowedPreferences, Handlers, RuntimeAnswer } from './protocol.ts';

export interface HandlerOptions {
  readonly info: DaemonInfo;
  readonly store: ConfigStore;
  readonly engine: EnginePort;
  /** Begins to stop the daemon; returns at once. */
  readonly shutdown: () => void;
  /** Reads the preferences again. */
  readonly preferences: () => FollowedPreferences;
}

/** The runtime state for clients that know the health of everything from an earlier answer. */
class RuntimeAnswers {
  readonly #engine: EnginePort;
  #version = 0;
  #last: RuntimeState | undefined;

  constructor(engine: EnginePort) {
    this.#engine = engine;
  }

  async answer(known: number | undefined): Promise<RuntimeAnswer> {
    const now = await this.#engine.runtime();
    const last = this.#last;
    const same =
      last !== undefined &&
      last.storageObjects === now.storageObjects &&
      last.portals === now.portals;
    if (!same) this.#version += 1;
    this.#last = now;
    const health = this.#version;
    if (known !== health) return { ...now, health };
    return { ...now, storageObjects: {}, portals: {}, health, unchanged: true };
  }
}

export function createHandlers(options: HandlerOptions): Handlers {
  const { info, store, engine, shutdown, preferences } = options;
  const runtime = new RuntimeAnswers(engine);
  return {
    hello: async () => info,
    document: async () => store.current,
    change: (params) => store.change(params),
    undo: (params) => store.undo(params),
    redo: (params) => store.redo(params),
    history: async ({ limit }) => store.history(limit),
    state: async () => store.state(),
    save: (params) => store.save(params),
    backups: () => store.backups(),
    restore: (params) => store.restore(params),
    rescan: async ({ storageObject }) => {
      try {
        return { size: await engine.rescan(storageObject) };
      } catch (error) {
        throw new ConfigError(error instanceof Error ? error.message : String(error));
      }
    },
    kick: async ({ sid }) => {
      if (!(await engine.kick(sid))) throw new ConfigError(`no session found with sid ${sid}`);
      return {};
    },
    compare: (params) => store.compare(params),
    read: async (params) => store.read(params),
    render: async (params) => store.render(params),
    runtime: ({ known }) => runtime.answer(known),
    probe: ({ path }) => engine.probe(path),
    addresses: async () => localAddresses(),
    list: ({ folder, only, prefix = '' }) => listFolder(folder, only, prefix),
    preferences: async () => preferences(),
    shutdown: async () => {
      shutdown();
      return {};
    },
  };
}

/** Those on which a portal can listen: link-local ones need a zone, which portals have not. */
function localAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.map(({ address }) => address).filter((address) => !/^fe[89ab]/i.test(address));
}
