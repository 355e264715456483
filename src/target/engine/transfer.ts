/**
 * How large arguments and answers of the engine cross into and out of its thread: in pieces, and
 * of what is known already only the changes. Reading one large message would hold up all I/O.
 */
import type { EnginePort, RuntimeState } from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import { patchBetween, patched, type RecordPatch } from '../../util/record_patch.ts';

/** Steps in one message: about a millisecond to read. */
const STEPS_PER_MESSAGE = 256;

type Records = 'storageObjects' | 'portals' | 'io';
export type RuntimePatch = Omit<RuntimeState, Records> & {
  readonly [K in Records]: RecordPatch<RuntimeState[K][string]>;
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
      const before = known;
      known = now;
      return {
        ...now,
        storageObjects: patchBetween(before.storageObjects, now.storageObjects),
        portals: patchBetween(before.portals, now.portals),
        io: patchBetween(before.io, now.io),
      };
    },
  };
}

/** The other end of `runtime`: patches must come in their order. */
export class RuntimeMirror {
  #known = NOTHING;

  merge(patch: RuntimePatch): RuntimeState {
    const { storageObjects, portals, io } = this.#known;
    const now = {
      ...patch,
      storageObjects: patched(storageObjects, patch.storageObjects),
      portals: patched(portals, patch.portals),
      io: patched(io, patch.io),
    };
    this.#known = now;
    return now;
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
