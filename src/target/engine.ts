/** The engine behind `EnginePort`: applies steps, owns portals, sessions and logical units. */
import { unlink } from 'node:fs/promises';
import type { Socket } from 'node:net';
import {
  ApplyError,
  type ApplyReport,
  type EngineEvent,
  type RuntimeState,
} from '../objects/engine_port.ts';
import { inverse, type Step } from '../objects/plan.ts';
import { type Clock, SYSTEM_CLOCK } from '../util/clock.ts';
import { CRC32C_IMPLEMENTATION } from '../util/crc32c.ts';
import { createLog, type Log, type LogLevel } from '../util/log.ts';
import { ConfigState } from './engine/config_state.ts';
import { Portals } from './engine/portals.ts';
import { Sessions } from './engine/sessions.ts';
import { StateAsks } from './engine/state_asks.ts';
import { StorageObjects } from './engine/storage_objects.ts';
import type { HandOver } from './engine/threads/hand_over.ts';
import type { Membership } from './engine/threads/membership.ts';
import {
  takeChanges,
  type RuntimePatch,
  type JointEngine,
  type ServedEngine,
} from './engine/transfer.ts';
import { createBackingFile, probeBacking } from './storage/backing.ts';
import { poolThreads } from './storage/io_slots.ts';
import { waitingReads } from './storage/read_ring.ts';
import { SYSCALLS_CHOICE } from './storage/syscalls.ts';

/** After so long a large plan lets the I/O of others go first. */
const BUSY_MS = 2;

export interface EngineOptions {
  readonly logLevel: LogLevel;
  readonly clock?: Clock;
  /** One of several data threads. */
  readonly member?: Membership;
}

export function createEngine(options: EngineOptions): ServedEngine & JointEngine {
  return new Engine(options);
}

class Engine implements ServedEngine, JointEngine {
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #log: Log;
  readonly #state = new ConfigState();
  readonly #storage: StorageObjects;
  readonly #asks: StateAsks;
  readonly #portals: Portals;
  readonly #sessions: Sessions;
  readonly #member: Membership | undefined;
  /** In thread 0 of several. */
  readonly #handOver: HandOver | undefined;
  /** Steps that were prepared, in their order, and are neither committed nor rolled back. */
  #prepared: readonly Step[] = [];
  /** Changes run one after the other: the tail of the queue. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ logLevel, clock = SYSTEM_CLOCK, member }: EngineOptions) {
    const emit = (event: EngineEvent): void => {
      for (const listener of this.#listeners) listener(event);
    };
    this.#clock = clock;
    this.#member = member;
    this.#log = createLog((record) => emit({ type: 'log', record }), 'engine', logLevel);
    const log = this.#log;
    // What happens to a medium is told once, by thread 0.
    const quiet = member !== undefined && member.self > 0;
    const { self = 0, threads = 1 } = member ?? {};
    this.#asks = new StateAsks({ clock, tell: emit, self, threads });
    this.#storage = new StorageObjects({
      clock,
      log: quiet ? createLog((record) => emit({ type: 'log', record }), 'engine', 'error') : log,
      onHealth: (storageObject, health) => emit({ type: 'health', storageObject, health }),
      portMembersOf: (reference) => this.#state.portMembers.of(reference),
      asks: this.#asks,
      units: member?.units,
    });
    this.#sessions = new Sessions({
      clock,
      log,
      state: this.#state,
      logicalUnitOf: (reference) => this.#storage.logicalUnitOf(reference),
      emit,
      member,
    });
    const accept = (socket: Socket, portal: string, bytes?: Buffer): void =>
      this.#sessions.accept(socket, portal, bytes);
    const handOver = member?.handOver(accept);
    this.#handOver = handOver;
    this.#portals = new Portals({
      clock,
      log: log.channel('portal'),
      accept,
      place: handOver && ((accepted, portal, gone) => handOver.take(accepted, portal, gone)),
    });
  }

  apply(steps: readonly Step[], { tolerant = false } = {}): Promise<ApplyReport> {
    return this.#exclusively(async () => {
      const report = await this.#prepare(steps, tolerant);
      await this.#commit();
      return report;
    });
  }

  prepare(steps: readonly Step[], { tolerant = false } = {}): Promise<ApplyReport> {
    return this.#exclusively(() => this.#prepare(steps, tolerant));
  }

  commit(): Promise<void> {
    return this.#exclusively(() => this.#commit());
  }

  rollback(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#undo(this.#prepared);
      this.#handOver?.resume();
    });
  }

  async #commit(): Promise<void> {
    this.#handOver?.resume();
    this.#storage.settleGroups();
    this.#sessions.refresh(this.#prepared);
    this.#prepared = [];
    await this.#storage.commit();
  }

  async #prepare(steps: readonly Step[], tolerant: boolean): Promise<ApplyReport> {
    this.#handOver?.suspend();
    const done: Step[] = [];
    const degraded: string[] = [];
    let pausedAt = performance.now();
    for (const step of steps) {
      if (performance.now() - pausedAt > BUSY_MS) {
        await new Promise(setImmediate);
        pausedAt = performance.now();
      }
      try {
        const reason = await this.#run(step, tolerant);
        if (reason !== undefined) degraded.push(reason);
        done.push(step);
      } catch (error) {
        await this.#undo(done);
        this.#handOver?.resume();
        throw new ApplyError(step, error instanceof Error ? error.message : String(error));
      }
    }
    this.#prepared = done;
    return { degraded };
  }

  async #run(step: Step, tolerant: boolean): Promise<string | undefined> {
    if (step.subject === 'storage_object') return this.#storage.apply(step, tolerant);
    if (step.subject === 'portal') return this.#runPortal(step, tolerant);
    this.#state.apply(step);
    return undefined;
  }

  async #runPortal(step: Step, tolerant: boolean): Promise<string | undefined> {
    const [, , target = '', , tag = '', , key = ''] = step.path;
    const user = `${target}/${tag}`;
    let reason: string | undefined;
    if (this.#listens) {
      if (step.after === undefined) await this.#portals.remove(key, user);
      else if (step.before === undefined) reason = await this.#portals.add(key, user, tolerant);
    }
    this.#state.apply(step);
    return reason;
  }

  /** Thread 0 listens for all. */
  get #listens(): boolean {
    return this.#member === undefined || this.#member.self === 0;
  }

  async #undo(done: readonly Step[]): Promise<void> {
    for (const step of done.toReversed()) {
      try {
        await this.#run(inverse(step), true);
      } catch (error) {
        this.#log.error('a step could not be undone', {
          path: step.path.join('/'),
          why: `${error}`,
        });
      }
    }
    this.#sessions.undone();
    // Who has logged in meanwhile saw what is not to be.
    this.#sessions.refresh(done);
    this.#prepared = [];
    await this.#storage.commit();
  }

  async runtime(): Promise<RuntimeState> {
    this.#storage.countIo();
    return {
      ...this.#moment(),
      storageObjects: this.#storage.health.whole(),
      portals: this.#portals.health.whole(),
      io: this.#storage.io.whole(),
      sessions: this.#sessions.list(),
    };
  }

  async changes(first: boolean): Promise<RuntimePatch> {
    const { health, io } = this.#storage;
    if (first) this.#storage.countIo();
    const sessions = first ? this.#sessions.look() : this.#sessions.looked;
    const records = { storageObjects: health, portals: this.#portals.health, io, sessions };
    return { ...this.#moment(), nowMs: this.#clock.nowMs(), ...takeChanges(records) };
  }

  #moment(): Pick<RuntimeState, 'refusedLogins' | 'accelerators'> {
    return {
      refusedLogins: this.#sessions.refusedLogins(),
      accelerators: {
        crc32c: CRC32C_IMPLEMENTATION,
        syscalls: SYSCALLS_CHOICE,
        'reads that wait': waitingReads(),
        'I/O threads': String(poolThreads()),
      },
    };
  }

  async probe(path: string) {
    return probeBacking(path);
  }

  createFile(path: string, size: number, sparse: boolean): Promise<void> {
    return createBackingFile(path, size, sparse);
  }

  removeFile(path: string): Promise<void> {
    return unlink(path);
  }

  rescan(storageObject: string): Promise<number> {
    return this.#exclusively(() => this.#storage.rescan(storageObject));
  }

  async kick(sid: number) {
    return this.#sessions.kick(sid);
  }

  async answerStates(ask: number, held: boolean): Promise<void> {
    this.#asks.answer(ask, held);
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(graceMs: number): Promise<void> {
    return this.#exclusively(async () => {
      await this.#portals.closeAll();
      await this.#sessions.stop(graceMs);
      await this.#storage.closeAll();
    });
  }

  #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}
