/**
 * How large arguments and answers of the engine cross into and out of its thread: in pieces, and
 * of what is known already only the changes. Reading one large message would hold up all I/O.
 */
import type { ApplyReport, EnginePort, RuntimeState } from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import { shownAt, type ListedSession } from './session_views.ts';
import type { ChangingRecord } from '../../util/changing_record.ts';
import { patched, type RecordPatch } from '../../util/record_patch.ts';

/** Steps in one message: about a millisecond to read. */
const STEPS_PER_MESSAGE = 256;

/** Entries of one record in one message, for the same reason. */
const ENTRIES_PER_MESSAGE = 1024;

/** Of sessions, each of which may have hundreds of LUNs. */
const SESSIONS_PER_MESSAGE = 64;

type Records = 'storageObjects' | 'portals' | 'io';
export type RuntimePatch = Pick<RuntimeState, 'refusedLogins' | 'accelerators'> & {
  readonly [K in Records]: RecordPatch<RuntimeState[K][string]>;
} & {
  /** By number. */
  readonly sessions: RecordPatch<ListedSession>;
  /** By the clock of the engine's thread: how old a session is by now. */
  readonly nowMs: number;
  /** More has changed than one message holds: ask again. */
  readonly more: boolean;
};

type Known = Pick<RuntimeState, Records> & {
  readonly sessions: Readonly<Record<string, ListedSession>>;
};
const NOTHING: Known = { storageObjects: {}, portals: {}, io: {}, sessions: {} };

/** An engine whose runtime state is told to one other thread. */
export interface ServedEngine extends EnginePort {
  /** What changed since the last call; `first`: the beginning of a look. */
  changes(first: boolean): Promise<RuntimePatch>;
}

/** `apply` in two halves, for engines that change together: `commit` or `rollback` is to follow. */
export interface JointEngine {
  prepare(steps: readonly Step[], options?: { readonly tolerant?: boolean }): Promise<ApplyReport>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** As much of what changed as one message holds. */
export function takeChanges(
  records: { readonly [K in Records]: ChangingRecord<RuntimeState[K][string]> } & {
    readonly sessions: ChangingRecord<ListedSession>;
  },
): Pick<RuntimePatch, Records | 'sessions' | 'more'> {
  const { storageObjects, portals, io, sessions } = records;
  const patches = {
    storageObjects: storageObjects.take(ENTRIES_PER_MESSAGE),
    portals: portals.take(ENTRIES_PER_MESSAGE),
    io: io.take(ENTRIES_PER_MESSAGE),
    sessions: sessions.take(SESSIONS_PER_MESSAGE),
  };
  const all = [storageObjects, portals, io, sessions];
  return { ...patches, more: all.some(({ pending }) => pending) };
}

/** The engine's operations as its thread serves them. */
export function servedOperations(engine: ServedEngine & Partial<JointEngine>) {
  const fed: Step[] = [];
  let more = false;
  const takeFed = (): Step[] => fed.splice(0);
  return {
    feed: async (steps: readonly Step[]): Promise<void> => {
      fed.push(...steps);
    },
    /** That it answers is all that is asked. */
    pulse: async (): Promise<void> => {},
    /** Of the steps that were fed. */
    apply: (options?: { readonly tolerant?: boolean }) => engine.apply(takeFed(), options),
    prepare: (options?: { readonly tolerant?: boolean }) => engine.prepare?.(takeFed(), options),
    runtime: async (): Promise<RuntimePatch> => {
      const patch = await engine.changes(!more);
      ({ more } = patch);
      return patch;
    },
  };
}

/** The other end of `runtime`: patches must come in their order. */
export class RuntimeMirror {
  #known = NOTHING;
  #waiting: RuntimePatch[] = [];

  /** Undefined: there is more to ask for, of which the state is made at the end. */
  merge(patch: RuntimePatch): RuntimeState | undefined {
    this.#waiting.push(patch);
    if (patch.more) return undefined;
    const patches = this.#waiting;
    this.#waiting = [];
    const { storageObjects, portals, io, sessions } = this.#known;
    this.#known = {
      storageObjects: patched(storageObjects, ...patches.map((each) => each.storageObjects)),
      portals: patched(portals, ...patches.map((each) => each.portals)),
      io: patched(io, ...patches.map((each) => each.io)),
      sessions: patched(sessions, ...patches.map((each) => each.sessions)),
    };
    const { refusedLogins, accelerators, nowMs } = patch;
    // Keys that are numbers come in their order.
    const shown = Object.values(this.#known.sessions).map((each) => shownAt(nowMs, each));
    return { ...this.#known, refusedLogins, accelerators, sessions: shown };
  }
}

/** The other end of `feed`: each piece is through before the next is sent. */
export async function feedSteps(
  steps: readonly Step[],
  feed: (piece: readonly Step[]) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < steps.length; at += STEPS_PER_MESSAGE) {
    await feed(steps.slice(at, at + STEPS_PER_MESSAGE));
  }
}
