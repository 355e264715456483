/**
 * SAM-5 §4.7: the relation between one initiator port and one target port, and below it one
 * `ItlNexus` per mapped LUN. The session owns its `ItNexus`; the engine sets what is mapped.
 */
import type { LogicalUnit } from './logical_unit.ts';
import { abortCommands, type AbortKind } from './abort.ts';
import { IoCounter } from './io_counters.ts';
import type { PortGroup } from './port_groups.ts';
import { TaskSet } from './task_set.ts';
import type { Throttle } from './throttle.ts';
import { UNIT_ATTENTION, UnitAttentions } from './unit_attention.ts';

export interface TargetPort {
  /** The target's iSCSI name. */
  readonly name: string;
  readonly tpgTag: number;
  /** 1..65535, SPC-4 §7.8.6.7. */
  readonly relativePortId: number;
}

export interface LunMapping {
  readonly logicalUnit: LogicalUnit;
  readonly writeProtect: boolean;
  /** Absent: the default group. */
  readonly portGroup?: PortGroup;
}

const portGroupOf = ({ logicalUnit, portGroup }: LunMapping): PortGroup =>
  portGroup ?? logicalUnit.portGroups.find(undefined);

/** SAM-5's I_T_L nexus. */
export class ItlNexus {
  readonly itNexus: ItNexus;
  readonly logicalUnit: LogicalUnit;
  readonly mappedLun: number;
  writeProtect: boolean;
  /** That of the target port through which this nexus came. */
  portGroup: PortGroup;
  readonly unitAttentions = new UnitAttentions();
  readonly io = new IoCounter();
  /** Commands of this nexus that have arrived and are not over. */
  queued = 0;
  /** Of those, under execution; for `TaskSet` only. */
  running = 0;
  /** Of those, reads; for `TaskSet` only. */
  reading = 0;
  /** For `TaskSet` only: eighths of the commands that it has had under way lately. */
  depth = 0;
  /** For `TaskSet` only: when a command of this nexus last began under the limit of the LU. */
  turn = 0;

  constructor(itNexus: ItNexus, mappedLun: number, mapping: LunMapping) {
    this.itNexus = itNexus;
    this.mappedLun = mappedLun;
    this.logicalUnit = mapping.logicalUnit;
    this.writeProtect = mapping.writeProtect;
    this.portGroup = portGroupOf(mapping);
    this.unitAttentions.raise(UNIT_ATTENTION.POWER_ON_RESET);
  }

  /** SPC-4 §7.8.6.8: the group stands in vital product data, and may be in another state. */
  setPortGroup(group: PortGroup): void {
    if (group === this.portGroup) return;
    const { state } = this.portGroup;
    this.portGroup = group;
    this.unitAttentions.raise(UNIT_ATTENTION.INQUIRY_DATA_CHANGED);
    if (state !== group.state) this.unitAttentions.raise(UNIT_ATTENTION.ACCESS_STATE_CHANGED);
  }

  /**
   * The condition was told to the initiator. SAM-5 §5.14: a changed LUN inventory need be told only
   * once per nexus, whichever LUN told it.
   */
  reported(condition: number): void {
    this.unitAttentions.clear(condition);
    if (condition === UNIT_ATTENTION.REPORTED_LUNS_CHANGED) {
      this.itNexus.clearUnitAttention(condition);
    }
  }
}

/** Depth of the task set that takes commands to LUNs that are not mapped. */
const UNMAPPED_QUEUE_DEPTH = 8;

export interface ItNexusOptions {
  /** SAM's initiator port name: `iqn…,i,0x00023d000001`. */
  readonly initiatorPort: string;
  readonly targetPort: TargetPort;
}

export class ItNexus {
  readonly initiatorPort: string;
  /** `initiatorPort` without what tells the ports of one initiator apart. */
  readonly initiatorName: string;
  readonly targetPort: TargetPort;
  /** Commands to LUNs that are not mapped (INQUIRY, REPORT LUNS …) live here. */
  readonly unmappedTasks = new TaskSet(UNMAPPED_QUEUE_DEPTH);
  /** Null: neither the session nor its initiator has a limit. */
  throttle: Throttle | null = null;
  /** For `Staging` only: what the commands of this nexus hold of its budget. */
  stagedBytes = 0;
  /** To its LUNs, that are over. */
  commands = 0;
  #luns: ReadonlyMap<number, ItlNexus> = new Map();

  constructor(options: ItNexusOptions) {
    this.initiatorPort = options.initiatorPort;
    this.initiatorName = options.initiatorPort.split(',i,', 1)[0] ?? '';
    this.targetPort = options.targetPort;
  }

  /** Key: the flat LUN that the initiator addresses. */
  get luns(): ReadonlyMap<number, ItlNexus> {
    return this.#luns;
  }

  /**
   * Replaces the inventory. LUNs that stay keep their state; when the inventory differs, those
   * learn of it by unit attention (SPC-4 §6.33: REPORTED LUNS DATA HAS CHANGED), and tasks of
   * LUNs that went are aborted. The first call tells nobody: nothing was reported before.
   */
  setLuns(wanted: ReadonlyMap<number, LunMapping>): void {
    // The session goes on: its initiator is told of ended commands, not left to its own timeouts.
    this.#replaceLuns(wanted, 'status');
  }

  #replaceLuns(wanted: ReadonlyMap<number, LunMapping>, kind: AbortKind): void {
    const previous = this.#luns;
    const next = new Map<number, ItlNexus>();
    const kept: ItlNexus[] = [];
    for (const [lun, mapping] of wanted) {
      const old = previous.get(lun);
      if (old?.logicalUnit === mapping.logicalUnit) {
        setWriteProtect(old, mapping.writeProtect);
        old.setPortGroup(portGroupOf(mapping));
        kept.push(old);
        next.set(lun, old);
      } else {
        next.set(lun, new ItlNexus(this, lun, mapping));
      }
    }
    this.#luns = next;
    for (const itl of next.values()) itl.logicalUnit.attach(itl);
    for (const [lun, itl] of previous) {
      if (next.get(lun) === itl) continue;
      itl.logicalUnit.detach(itl);
      abortCommands(itl.logicalUnit.taskSet, (command) => command.itl === itl, kind);
    }
    if (kept.length === next.size && kept.length === previous.size) return;
    for (const itl of kept) itl.unitAttentions.raise(UNIT_ATTENTION.REPORTED_LUNS_CHANGED);
  }

  /** Clears one condition on every LUN of this nexus. */
  clearUnitAttention(condition: number): void {
    for (const itl of this.#luns.values()) itl.unitAttentions.clear(condition);
  }

  /** I_T nexus loss (SAM-5 §6.3.4): every task of this nexus is aborted; no LUN remains. */
  close(): void {
    abortCommands(this.unmappedTasks, () => true, 'silent');
    this.#replaceLuns(new Map(), 'silent');
  }
}

/** SPC-4 §7.5.6: initiators cache the WP bit of MODE SENSE, so a change of it is a mode change. */
function setWriteProtect(itl: ItlNexus, writeProtect: boolean): void {
  if (itl.writeProtect === writeProtect) return;
  itl.writeProtect = writeProtect;
  itl.unitAttentions.raise(UNIT_ATTENTION.MODE_PARAMETERS_CHANGED);
}
