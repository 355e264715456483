/**
 * What initiators ask for by SET TARGET PORT GROUPS, carried out: a change of the configuration
 * like any other, with its place in the history.
 */
import { groupOf, groupValues, withGroup } from '../objects/alua.ts';
import { ACCESS_STATUS, ACCESS_TYPE, ALUA_ATTRIBUTES } from '../objects/declarations/alua.ts';
import { setIn, storageObjectOf } from '../objects/document.ts';
import type { AluaGroup, Document } from '../objects/document.ts';
import { editsBetween } from '../objects/edits.ts';
import type { AluaStatesAsked, EnginePort } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import { mergeBag } from '../objects/kinds/kit.ts';
import type { Clock } from '../util/clock.ts';
import type { Log } from '../util/log.ts';
import type { ConfigStore } from './config_store.ts';
import { INITIATOR_CLIENT } from './history.ts';
import { Pace } from './pace.ts';
import { ConflictError, type Origin } from './protocol.ts';

/** Under way. The engine has limits of its own, but initiators may give up and ask anew. */
export const MAX_STATE_REQUESTS = 1024;
/** Older ones were answered by the engine already. */
const WITHIN_MS = 10_000;
/** Of one storage object at once: a failover asks for each of its groups. */
const STATE_BURST = 8;
/** Then one in so many: each is a write to the journal, and a plan for every data thread. */
const STATE_SPACING_MS = 250;
/** Others change the configuration at the same time. */
const MAX_TRIES = 10;

export interface StateRequestsOptions {
  readonly store: Pick<ConfigStore, 'current' | 'change' | 'idle'>;
  readonly engine: Pick<EnginePort, 'answerStates'>;
  readonly log: Log;
  readonly clock: Clock;
}

export class StateRequests {
  readonly #options: StateRequestsOptions;
  readonly #pace: Pace;
  #pending = 0;
  #stopped = false;
  /** One after the other: whoever changes the configuration by hand has a turn in between. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: StateRequestsOptions) {
    this.#options = options;
    const { clock } = options;
    this.#pace = new Pace({ clock, burst: STATE_BURST, spacingMs: STATE_SPACING_MS });
  }

  /** Never rejects, never throws. */
  take(event: AluaStatesAsked): void {
    const { clock } = this.#options;
    const waitMs = this.#pace.waitMs(event.storageObject);
    if (this.#pending >= MAX_STATE_REQUESTS || waitMs > WITHIN_MS) {
      return this.#answer(event, false);
    }
    this.#pace.take(event.storageObject);
    this.#pending++;
    const untilMs = clock.nowMs() + WITHIN_MS;
    if (waitMs === 0) this.#queue(event, untilMs);
    else clock.after(waitMs, () => this.#queue(event, untilMs));
  }

  #queue(event: AluaStatesAsked, untilMs: number): void {
    this.#last = this.#last
      .then(() => this.#changed(event, untilMs))
      .then((held) => {
        this.#pending--;
        this.#answer(event, held);
      });
  }

  /** Nothing is changed any more. */
  stop(): void {
    this.#stopped = true;
  }

  #answer({ ask }: AluaStatesAsked, held: boolean): void {
    // An engine that has died tells its death in another way.
    this.#options.engine.answerStates(ask, held).catch(() => {});
  }

  async #changed(event: AluaStatesAsked, untilMs: number): Promise<boolean> {
    const { log, clock } = this.#options;
    const { initiator, storageObject } = event;
    try {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        if (this.#stopped || clock.nowMs() > untilMs) return false;
        if (await this.#tried(event)) return true;
      }
      throw new ConfigError('the configuration is changed by others all the time');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn('access states refused', { initiator, storageObject, why });
      return false;
    }
  }

  /** False: somebody else was faster. */
  async #tried(event: AluaStatesAsked): Promise<boolean> {
    const { store } = this.#options;
    await store.idle();
    const { revision, document } = store.current;
    const edits = editsBetween(document, withStates(document, event));
    if (edits.length === 0) return true;
    const by: Origin = {
      user: '',
      client: `${INITIATOR_CLIENT}${event.initiator}`,
      command: `SET TARGET PORT GROUPS ${event.storageObject} ${statesText(event)}`,
    };
    try {
      await store.change({ revision, edits, by });
      return true;
    } catch (error) {
      if (error instanceof ConflictError) return false;
      throw error;
    }
  }
}

/** `group1=2,group2=0`. */
export function statesText({ states }: AluaStatesAsked): string {
  return states.map(({ group, state }) => `${group}=${state}`).join(',');
}

/** The document with those states; throws ConfigError where they are not possible. */
function withStates(document: Document, { storageObject, states }: AluaStatesAsked): Document {
  let object = storageObjectOf(document, storageObject);
  if (object === undefined) throw new ConfigError(`there is no ${storageObject} any more`);
  for (const { group: name, state } of states) {
    const group = groupOf(object, name);
    if (group === undefined) throw new ConfigError(`there is no group ${name} any more`);
    if ((groupValues(group).alua_access_type & ACCESS_TYPE.EXPLICIT) === 0) {
      throw new ConfigError(`alua_access_type of ${name} lets no initiator change its state`);
    }
    object = withGroup(object, name, inState(group, state));
  }
  return setIn(document, ['backstores', ...storageObject.split('/')], object);
}

function inState(group: AluaGroup, state: number): AluaGroup {
  const values = { alua_access_state: state, alua_access_status: ACCESS_STATUS.EXPLICIT };
  return { ...group, attributes: mergeBag('alua', ALUA_ATTRIBUTES, group.attributes, values) };
}
