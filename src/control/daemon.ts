/**
 * The life of a daemon: lock by socket, restore, serve, stop. It knows neither signals nor process
 * exits: src/bin does, and tests run several daemons in one process.
 */
import { hostname } from 'node:os';
import type { EnginePort } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import { SYSTEM_CLOCK, type Clock } from '../util/clock.ts';
import { createLog, type Log, type LogLevel, type LogSink } from '../util/log.ts';
import { endsWithin } from '../util/within.ts';
import { lockConfig, type ConfigLock } from './config_lock.ts';
import { ConfigStore, type BootReport } from './config_store.ts';
import { engineLogger } from './engine_log.ts';
import { createHandlers } from './handlers.ts';
import { createLocalControl, type LocalControl } from './local_client.ts';
import type {
  ControlClient,
  FollowedPreferences,
  Handlers,
  Method,
  Notifications,
} from './protocol.ts';
import { ControlServer } from './server.ts';
import { StateRequests } from './state_requests.ts';

/** Time for initiators to log out after they were asked to. */
const STOP_GRACE_MS = 3000;
/** How long the end waits for a change under way. */
const CHANGE_WITHIN_MS = 60_000;

export interface DaemonOptions {
  /** Absolute. */
  readonly configFile: string;
  /** Absolute. */
  readonly socketPath: string;
  /** A descriptor that listens on it already, from the service manager. */
  readonly socketFd?: number;
  readonly version: string;
  /** See ConfigStoreOptions. */
  readonly identity: string;
  readonly sink: LogSink;
  readonly logLevel: LogLevel;
  readonly clock?: Clock;
  /** Reads those of its user again, and follows them; absent: there are none. */
  readonly preferences?: () => FollowedPreferences;
  /** `onDeath`: the engine ended by itself. */
  readonly startEngine: (onDeath: (reason: Error) => void) => EnginePort;
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #engine: EnginePort;
  readonly #store: ConfigStore;
  readonly #server: ControlServer;
  readonly #local: LocalControl;
  readonly #states: StateRequests;
  readonly #ended: Promise<Error | undefined>;
  #end: (reason: Error | undefined) => void = () => {};
  #stopping: Promise<void> | undefined;
  #lock: ConfigLock | undefined;
  /** Requests that come before the configuration is back wait for it. */
  #booted: Promise<unknown> = Promise.resolve();

  /**
   * Take the socket, bring the configuration back, serve. Rejects with ConfigError when another
   * daemon serves the socket or the configuration cannot be understood; nothing is left running.
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    await daemon.#start();
    return daemon;
  }

  private constructor(options: DaemonOptions) {
    this.#options = options;
    const { sink, logLevel, clock = SYSTEM_CLOCK } = options;
    this.#log = createLog(sink, 'control', logLevel);
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    this.#engine = options.startEngine((reason) => this.#end(reason));
    this.#store = new ConfigStore({
      engine: this.#engine,
      log: this.#log,
      file: options.configFile,
      identity: options.identity,
      onChanged: (change) => this.#notify('changed', change),
    });
    const handlers = this.#gated(
      createHandlers({
        info: {
          version: options.version,
          pid: process.pid,
          configFile: options.configFile,
          hostname: hostname(),
        },
        store: this.#store,
        engine: this.#engine,
        // After its answer has been sent.
        shutdown: () => setImmediate(() => void this.stop()),
        preferences: options.preferences ?? (() => ({ busy_poll: 'off' })),
      }),
    );
    this.#server = new ControlServer({ handlers, log: this.#log });
    this.#local = createLocalControl(handlers);
    const toLog = engineLogger({ log: this.#log, sink, threshold: logLevel, clock });
    this.#states = new StateRequests({
      store: this.#store,
      engine: this.#engine,
      log: this.#log.channel('alua'),
      clock,
    });
    this.#engine.onEvent((event) => {
      toLog(event);
      if (event.type === 'aluaStatesAsked') this.#states.take(event);
      else if (event.type !== 'log') this.#notify('engine', event);
    });
  }

  /** For a shell in the same process. */
  get client(): ControlClient {
    return this.#local.client;
  }

  /** Resolves after `stop`, with the reason when the daemon ended by a failure. */
  get ended(): Promise<Error | undefined> {
    return this.#ended;
  }

  /** Ends after what is under way; initiators are told, caches flushed. Any number of calls. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    let release: (outcome: unknown) => void = () => {};
    this.#booted = new Promise((resolve) => (release = resolve));
    try {
      await this.#server.listen(this.#options.socketPath, this.#options.socketFd);
      this.#lock = await lockConfig(this.#options.configFile);
      this.#report(await this.#store.boot());
    } catch (error) {
      this.#stopping = Promise.resolve();
      await this.#server.close();
      // It may be the engine that has failed.
      await this.#engine.stop(0).catch(() => {});
      this.#lock?.release();
      throw error;
    } finally {
      release(undefined);
    }
  }

  #report({ found, problems, lost }: BootReport): void {
    const { configFile: file, socketPath: socket } = this.#options;
    for (const problem of problems) this.#log.warn(`degraded: ${problem}`);
    if (lost !== undefined) {
      this.#log.warn('the last run had changes that were not saved: restoreconfig last=true', {
        time: lost,
      });
    }
    if (!found) this.#log.info('no configuration file yet: starting with an empty one', { file });
    const { backstores, iscsi } = this.#store.current.document;
    const { block, fileio, ramdisk } = backstores;
    const kinds: readonly object[] = [block, fileio, ramdisk];
    const objects = kinds.reduce((sum, kind) => sum + Object.keys(kind).length, 0);
    const targets = Object.keys(iscsi.targets).length;
    this.#log.info('serving', { file, socket, targets, objects, degraded: problems.length });
  }

  /**
   * The socket goes last: it keeps another daemon from opening the same disks while this one still
   * flushes them.
   */
  async #stop(): Promise<void> {
    this.#log.info('stopping');
    this.#states.stop();
    let failure: Error | undefined;
    try {
      const { clock = SYSTEM_CLOCK } = this.#options;
      // What hangs there hangs in the engine, which names it.
      await endsWithin(clock, CHANGE_WITHIN_MS, this.#store.idle());
      await this.#engine.stop(STOP_GRACE_MS);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      this.#log.error('the engine did not stop cleanly', { error: failure.message });
    }
    this.#lock?.release();
    await this.#server.close();
    this.#log.info('stopped');
    this.#end(failure);
  }

  #notify<N extends keyof Notifications>(name: N, params: Notifications[N]): void {
    this.#server.notify(name, params);
    this.#local.notify(name, params);
  }

  /** Handlers that wait for the boot and refuse once the daemon is stopping. */
  #gated(handlers: Handlers): Handlers {
    const gated: Record<string, unknown> = {};
    for (const method of Object.keys(handlers) as Method[]) {
      const run = handlers[method] as (params: unknown) => Promise<unknown>;
      gated[method] = async (params: unknown) => {
        await this.#booted;
        if (this.#stopping !== undefined && method !== 'hello') {
          throw new ConfigError('The lunsmith daemon is stopping');
        }
        return run(params);
      };
    }
    return gated as Handlers;
  }
}
