/**
 * How large arguments and answers of the engine cross into and out of its thread: in pieces, and
 * of what is known already only the changes. Reading one large message would hold up all I/O.
 */
import type { EnginePort, RuntimeState } from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import { patchBetween, patched, type RecordPatch } from '../../util/record_patch.ts';

/** Steps in one message: about a millisecond to read. */
const STEPS_PER_MESSAGE = 256;

/** Entries of one record in one message, for the same reason. */
const ENTRIES_PER_MESSAGE = 1024;

type Records = 'storageObjects' | 'portals' | 'io';
export type RuntimePatch = Omit<RuntimeState, Records> & {
  readonly [K in Records]: RecordPatch<RuntimeState[K][string]>;
} & {
  /** More has changed than one message holds: ask again. */
  readonly more: boolean;
};

const NOTHING: Pick<RuntimeState, Records> = { storageObjects: {}, portals: {}, io: {} };

/** The engine's operations as its thread serves them. */
export function servedOperations(engine: EnginePort) {
  let fed: Step[] = [];
  let known = NOTHING;
  return {
    feed: async (steps: readonly Step[]): Promise<void> => {
      fed.push(...steps);
    },
    /** Of the steps that were fed. */
    apply: (options?: { readonly tolerant?: boolean }) => {
      const steps = fed;
      fed = [];
      return engine.apply(steps, options);
    },
    runtime: async (): Promise<RuntimePatch> => {
      const now = await engine.runtime();
      const patches = {
        storageObjects: changes(known.storageObjects, now.storageObjects),
        portals: changes(known.portals, now.portals),
        io: changes(known.io, now.io),
      };
      const more = Object.values(patches).some(
        ({ set }) => Object.keys(set).length === ENTRIES_PER_MESSAGE,
      );
      // What is known as a whole is taken as it is: the next look compares it in no time.
      known = more ? patchedRecords(known, patches) : now;
      return { ...now, ...patches, more };
    },
  };
}

function changes<T>(before: Readonly<Record<string, T>>, now: Readonly<Record<string, T>>) {
  return patchBetween(before, now, ENTRIES_PER_MESSAGE);
}

function patchedRecords(
  known: Pick<RuntimeState, Records>,
  patch: Pick<RuntimePatch, Records>,
): Pick<RuntimeState, Records> {
  return {
    storageObjects: patched(known.storageObjects, patch.storageObjects),
    portals: patched(known.portals, patch.portals),
    io: patched(known.io, patch.io),
  };
}

/** The other end of `runtime`: patches must come in their order. */
export class RuntimeMirror {
  #known = NOTHING;

  merge({ more: _more, ...patch }: RuntimePatch): RuntimeState {
    this.#known = patchedRecords(this.#known, patch);
    return { ...patch, ...this.#known };
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
