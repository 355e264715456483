/**
 * The target port groups of a logical unit (SPC-4 §5.15.2): which there are, what state each is
 * in, and who is told of a change. They come from the configuration; a state may take time.
 */
import {
  ACCESS_STATE,
  ACCESS_STATUS,
  ALUA_ATTRIBUTES,
  DEFAULT_ALUA_GROUP,
  type AluaAttributes,
} from '../../objects/declarations/alua.ts';
import { effective } from '../../objects/attribute.ts';
import type { AluaGroup } from '../../objects/document.ts';
import type { Clock, Timer } from '../../util/clock.ts';
import { gateOf, type Gate } from './access_state.ts';
import type { ItlNexus, TargetPort } from './nexus.ts';
import { UNIT_ATTENTION } from './unit_attention.ts';

/** A TPG with a LUN on the logical unit, whether an initiator is there or not. */
export interface PortMember {
  readonly port: TargetPort;
  /** Absent: the default group. */
  readonly group?: string | undefined;
}

/** By name; as the document has them. */
export type AluaGroups = Readonly<Record<string, AluaGroup>>;

export class PortGroup {
  readonly name: string;
  id: number;
  attributes: AluaAttributes;
  /** What holds now: may be transitioning. */
  state: number;
  /** Null: each command runs at once. */
  gate: Gate | null;
  /** The end of the transition under way. */
  transition: Timer | null = null;

  constructor(name: string, id: number, attributes: AluaAttributes) {
    this.name = name;
    this.id = id;
    this.attributes = attributes;
    this.state = attributes.alua_access_state;
    this.gate = gateOf(this.state, attributes);
  }

  enter(state: number): void {
    this.state = state;
    this.gate = gateOf(state, this.attributes);
  }
}

/** States that an initiator has asked for by SET TARGET PORT GROUPS. */
export interface StateAsk {
  readonly itl: ItlNexus;
  readonly states: readonly WantedState[];
}
export interface WantedState {
  /** The group's name. */
  readonly group: string;
  readonly state: number;
}

type Cancel = () => void;

/**
 * Asks whoever keeps the configuration. Answers later and once, unless cancelled: whether the
 * states are the configured ones now. Null: too much is asked already.
 */
export type AskStates = (ask: StateAsk, answer: (held: boolean) => void) => Cancel | null;

export interface PortGroupsOptions {
  readonly clock: Clock;
  readonly nexuses: ReadonlySet<ItlNexus>;
  /** Absent: only the default group, for nobody. */
  readonly members?: (() => readonly PortMember[]) | undefined;
  /** Absent: nobody can be asked. */
  readonly askStates?: AskStates | undefined;
}

export class PortGroups {
  readonly #options: PortGroupsOptions;
  readonly #default = new PortGroup(DEFAULT_ALUA_GROUP, 0, effective(ALUA_ATTRIBUTES, {}));
  readonly #named = new Map<string, PortGroup>();
  /** Called when a transition is over. */
  readonly #settling = new Set<() => void>();
  /** What an initiator has asked for and is not answered yet: one at a time. */
  #asked: StateAsk | null = null;

  constructor(options: PortGroupsOptions) {
    this.#options = options;
  }

  /** The default group where there is none of that name. */
  find(name: string | undefined): PortGroup {
    return (name !== undefined && this.#named.get(name)) || this.#default;
  }

  *[Symbol.iterator](): Generator<PortGroup> {
    yield this.#default;
    yield* this.#named.values();
  }

  /** Ports by group, of groups that have one in any target. */
  members(): ReadonlyMap<PortGroup, readonly TargetPort[]> {
    const found = new Map<PortGroup, TargetPort[]>();
    for (const { port, group: name } of this.#options.members?.() ?? []) {
      const group = this.find(name);
      const ports = found.get(group);
      if (ports === undefined) found.set(group, [port]);
      else ports.push(port);
    }
    return found;
  }

  /** The groups are these from now on; initiators learn of what they must know. */
  update(wanted: AluaGroups = {}): void {
    for (const [name, group] of this.#named) {
      if (Object.hasOwn(wanted, name)) continue;
      this.#named.delete(name);
      for (const itl of this.#of(group)) itl.setPortGroup(this.#default);
      this.#stopTransition(group);
      this.#tellSettled();
    }
    for (const [name, { tg_pt_gp_id: id, attributes }] of Object.entries(wanted)) {
      const values = effective(ALUA_ATTRIBUTES, attributes);
      const group = name === DEFAULT_ALUA_GROUP ? this.#default : this.#named.get(name);
      if (group === undefined) this.#named.set(name, new PortGroup(name, id, values));
      else this.#change(group, id, values);
    }
    if (!Object.hasOwn(wanted, DEFAULT_ALUA_GROUP)) {
      this.#change(this.#default, 0, effective(ALUA_ATTRIBUTES, {}));
    }
  }

  /** As when the logical unit is opened: nobody is told, and nothing takes time. */
  start(wanted: AluaGroups | undefined): void {
    this.update(wanted);
    for (const group of this) this.#settle(group);
  }

  /** None of the groups is in transition. */
  isSettled(names: readonly string[]): boolean {
    return names.every((name) => this.find(name).transition === null);
  }

  /** For groups that are not settled; `settled` is called when they are. */
  whenSettled(names: readonly string[], settled: () => void): Cancel {
    const look = (): void => {
      if (!this.isSettled(names)) return;
      this.#settling.delete(look);
      settled();
    };
    this.#settling.add(look);
    return () => this.#settling.delete(look);
  }

  /** As `AskStates`; null also while another initiator waits for its answer. */
  ask(ask: StateAsk, answer: (held: boolean) => void): Cancel | null {
    const { askStates } = this.#options;
    if (this.#asked !== null || askStates === undefined) return null;
    const cancel = askStates(ask, (held) => {
      this.#asked = null;
      answer(held);
    });
    if (cancel === null) return null;
    this.#asked = ask;
    return () => {
      this.#asked = null;
      cancel();
    };
  }

  close(): void {
    for (const group of this) this.#stopTransition(group);
    this.#settling.clear();
  }

  #change(group: PortGroup, id: number, attributes: AluaAttributes): void {
    const { id: idBefore, attributes: before } = group;
    group.id = id;
    group.attributes = attributes;
    if (idBefore !== id || before.alua_access_type !== attributes.alua_access_type) {
      for (const itl of this.#of(group)) {
        itl.unitAttentions.raise(UNIT_ATTENTION.INQUIRY_DATA_CHANGED);
      }
    }
    if (before.alua_access_state !== attributes.alua_access_state) this.#leave(group);
    else if (group.transition === null) group.enter(attributes.alua_access_state);
    if (before.preferred !== attributes.preferred) this.#tellStates(null);
  }

  /** SPC-4 §5.15.2.5: from the state that holds to the one that its attributes say. */
  #leave(group: PortGroup): void {
    const { trans_delay_msecs: delayMs, alua_support_transitioning: shown } = group.attributes;
    const cause = this.#causeOf(group);
    this.#stopTransition(group);
    if (delayMs === 0 || !shown) return this.#arrive(group, cause);
    group.enter(ACCESS_STATE.TRANSITIONING);
    group.transition = this.#options.clock.after(delayMs, () => this.#arrive(group, cause));
  }

  #arrive(group: PortGroup, cause: ItlNexus | null): void {
    this.#settle(group);
    this.#tellStates(cause);
    this.#tellSettled();
  }

  #tellSettled(): void {
    for (const look of [...this.#settling]) look();
  }

  #settle(group: PortGroup): void {
    this.#stopTransition(group);
    group.enter(group.attributes.alua_access_state);
  }

  #stopTransition(group: PortGroup): void {
    group.transition?.cancel();
    group.transition = null;
  }

  /** Who has asked for the state of the group by a command that is not answered yet. */
  #causeOf({ name, attributes }: PortGroup): ItlNexus | null {
    if (this.#asked === null || attributes.alua_access_status !== ACCESS_STATUS.EXPLICIT) {
      return null;
    }
    const { itl, states } = this.#asked;
    const asked = states.some(
      ({ group, state }) => group === name && state === attributes.alua_access_state,
    );
    return asked ? itl : null;
  }

  /**
   * SPC-4 §5.15.2.5: every I_T nexus but the one whose command changed the state. That the
   * peripheral qualifier depends on it need not be told: initiators would read the capacity anew,
   * which an unavailable path refuses.
   */
  #tellStates(cause: ItlNexus | null): void {
    for (const itl of this.#options.nexuses) {
      if (itl !== cause) itl.unitAttentions.raise(UNIT_ATTENTION.ACCESS_STATE_CHANGED);
    }
  }

  *#of(group: PortGroup): Generator<ItlNexus> {
    for (const itl of this.#options.nexuses) if (itl.portGroup === group) yield itl;
  }
}
