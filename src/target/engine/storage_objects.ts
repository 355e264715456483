/**
 * Storage objects as the engine runs them: one logical unit over one device each. An object that a
 * plan removes is only set aside until the plan holds: undoing a refused plan loses no data.
 */
import { effective } from '../../objects/attribute.ts';
import { STORAGE_ATTRIBUTES_OF } from '../../objects/declarations/storage.ts';
import type { BackstoreKind, StorageObject } from '../../objects/document.ts';
import { NO_IO, type Health, type IoCounters } from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import { mediumOf } from '../../objects/rules.ts';
import { ChangingRecord } from '../../util/changing_record.ts';
import type { Clock } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import { endsWithin } from '../../util/within.ts';
import { LogicalUnit } from '../scsi/logical_unit.ts';
import { UNIT_ATTENTION } from '../scsi/unit_attention.ts';
import { growBackingFile } from '../storage/backing.ts';
import { examineDevice } from '../storage/block.ts';
import { StorageDevice } from '../storage/storage_device.ts';
import type { PortMember } from '../scsi/port_groups.ts';
import { Looks } from './looks.ts';
import { openerOf } from './openers.ts';
import type { StateAsks } from './state_asks.ts';
import type { SharedUnit } from './threads/shared_unit.ts';
import type { SharedUnits } from './threads/shared_units.ts';

/** How long a change waits for the operations of what it removed. */
const CLOSE_WITHIN_MS = 5_000;
/** How long the end of the engine waits for what storage has not answered yet. */
const STOP_WITHIN_MS = 10_000;
/** Storage objects that a message names. */
const NAMED = 5;
/** Closings begun in one turn: thousands of them must not hold up the I/O of others. */
const CLOSED_TOGETHER = 64;

interface Running {
  readonly value: StorageObject;
  /** What stays the same as long as the device does. */
  readonly medium: string;
  readonly device: StorageDevice;
  readonly logicalUnit: LogicalUnit;
  /** With several data threads. */
  readonly shared: SharedUnit | undefined;
}

export interface StorageObjectsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly onHealth: (reference: string, health: Health) => void;
  /** The TPGs with a LUN on it. */
  readonly portMembersOf: (reference: string) => readonly PortMember[];
  readonly asks: StateAsks;
  /** With several data threads. */
  readonly units?: SharedUnits | undefined;
}

export class StorageObjects {
  readonly #running = new Map<string, Running>();
  /** Set aside by the plan under way, by their medium. */
  readonly #retired = new Map<string, Running[]>();
  /** Of another size since the plan under way. */
  readonly #resized = new Set<Running>();
  /** Whose target port groups may be others since the plan under way. */
  readonly #regrouped = new Set<LogicalUnit>();
  /** Kept as objects change: of thousands, a look at all of them would hold up I/O. */
  readonly health = new ChangingRecord<Health>();
  /** As of the last `countIo`, of those that had a command. */
  readonly io = new ChangingRecord<IoCounters>();
  /** Logical units that sessions had, with what was last told of them. */
  readonly #used = new Map<LogicalUnit, IoCounters>();
  readonly #options: StorageObjectsOptions;

  readonly #looks: Looks;
  readonly #storageLog: Log;
  readonly #unitLog: Log;

  constructor(options: StorageObjectsOptions) {
    this.#options = options;
    this.#looks = new Looks(options.clock, () => this.#devices());
    this.#storageLog = options.log.channel('storage');
    this.#unitLog = options.log.channel('lu');
  }

  logicalUnitOf(reference: string): LogicalUnit | undefined {
    return this.#running.get(reference)?.logicalUnit;
  }

  /** Resolves with why the object is degraded, if it is; rejects when not `tolerant` of that. */
  async apply(step: Step, tolerant: boolean): Promise<string | undefined> {
    try {
      return await this.#apply(step, tolerant);
    } finally {
      this.#touch(step.path.slice(1).join('/'));
    }
  }

  async #apply(step: Step, tolerant: boolean): Promise<string | undefined> {
    const [, kind = '', name = ''] = step.path;
    const reference = `${kind}/${name}`;
    const after = step.after as StorageObject | undefined;
    const now = this.#running.get(reference);
    if (after === undefined) {
      this.#retire(reference);
      return undefined;
    }
    const medium = mediumOf(kind, after);
    if (now?.medium === medium) return this.#update(reference, now, after);
    this.#retire(reference);
    const revived = this.#revive(medium);
    if (revived !== undefined) {
      revived.logicalUnit.rename(name);
      return this.#update(reference, revived, after);
    }
    return this.#open(reference, kind as BackstoreKind, name, after, tolerant);
  }

  /** Looks at a block device again: it may have grown. Its size in bytes. */
  async rescan(reference: string): Promise<number> {
    const running = this.#running.get(reference);
    if (running === undefined) throw new Error(`there is no storage object ${reference}`);
    const { value, device, logicalUnit } = running;
    if (!('dev' in value)) return device.sizeBytes;
    const found = await examineDevice(value.dev);
    if (found === null) throw new Error(`${value.dev} is not a block device any more`);
    device.resize(found.size);
    this.#touch(reference);
    logicalUnit.capacityChanged();
    return found.size;
  }

  /** The plan holds, and sessions look for the groups of their LUNs next. */
  settleGroups(): void {
    for (const logicalUnit of this.#regrouped) {
      const running = this.#running.get(`${logicalUnit.kind}/${logicalUnit.name}`);
      if (running?.logicalUnit === logicalUnit) logicalUnit.portGroups.update(running.value.alua);
    }
    this.#regrouped.clear();
  }

  /** The plan holds: what it removed is closed. */
  async commit(): Promise<void> {
    const gone = [...this.#retired.values()].flat();
    this.#retired.clear();
    for (const running of this.#resized) {
      running.device.settle();
      this.#touch(referenceOf(running));
    }
    this.#resized.clear();
    const closing: Promise<void>[] = [];
    for (const running of gone) {
      this.#used.delete(running.logicalUnit);
      const closed = this.#close(running);
      // Handled below, but perhaps only after it has failed.
      closed.catch(() => {});
      if (closing.push(closed) % CLOSED_TOGETHER === 0) await new Promise(setImmediate);
    }
    if (gone.length > 0) await this.#withinTime(Promise.all(closing));
  }

  /** Later changes do not wait for storage that hangs: it ends when it can. */
  async #withinTime(closing: Promise<unknown>): Promise<void> {
    if (await endsWithin(this.#options.clock, CLOSE_WITHIN_MS, closing)) return;
    this.#options.log.warn('a removed storage object still waits for its storage');
  }

  /** Rejects when storage does not answer in time, naming it: what it holds may be lost. */
  async closeAll(): Promise<void> {
    this.#looks.stop();
    await this.commit();
    const all = [...this.#running];
    this.#running.clear();
    this.#used.clear();
    this.health.clear();
    this.io.clear();
    const open = new Set(all.map(([reference]) => reference));
    const closing = all.map(async ([reference, running]) => {
      await this.#close(running);
      open.delete(reference);
    });
    if (await endsWithin(this.#options.clock, STOP_WITHIN_MS, Promise.all(closing))) return;
    const more = open.size > NAMED ? ` and ${open.size - NAMED} more` : '';
    const names = [...open].slice(0, NAMED).join(', ');
    throw new Error(`no answer from ${names}${more}: what was not flushed there may be lost`);
  }

  *#devices(): Generator<StorageDevice> {
    for (const { device } of this.#running.values()) yield device;
  }

  #touch(reference: string): void {
    const running = this.#running.get(reference);
    if (running === undefined) this.health.delete(reference);
    else this.health.set(reference, healthOf(running.device));
  }

  /** Only what sessions had is looked at: there may be thousands that nobody uses. */
  countIo(): void {
    for (const [logicalUnit, told] of this.#used) {
      const queued = logicalUnit.taskSet.size;
      if (logicalUnit.io.commands === told.commands && queued === told.queued) continue;
      const reference = `${logicalUnit.kind}/${logicalUnit.name}`;
      // Set aside by the plan under way.
      if (this.#running.get(reference)?.logicalUnit !== logicalUnit) continue;
      const now = logicalUnit.io.snapshot(queued);
      this.#used.set(logicalUnit, now);
      this.io.set(reference, now);
    }
  }

  async #open(
    reference: string,
    kind: BackstoreKind,
    name: string,
    value: StorageObject,
    tolerant: boolean,
  ): Promise<string | undefined> {
    const { clock, onHealth, units } = this.#options;
    const shared = await units?.open(value.wwn);
    const device: StorageDevice = new StorageDevice({
      name: reference,
      open: openerOf(kind, value, shared),
      clock,
      log: this.#storageLog,
      onHealth: (health) => {
        // By now it may have another name.
        const now = referenceOf(opened);
        if (this.#running.get(now)?.device !== device) return;
        this.#touch(now);
        onHealth(now, health);
        logicalUnit.capacityChanged();
      },
      // As after a loss of power: initiators must not rely on what they have not flushed.
      onCacheLost: () => logicalUnit.raise(UNIT_ATTENTION.POWER_ON_RESET),
    });
    const attributes = attributesOf(kind, value);
    device.setWriteCache(attributes.emulate_write_cache);
    const fault = await device.start();
    if (fault !== null && !tolerant) {
      await device.close();
      if (shared !== undefined) units?.closed(value.wwn, shared);
      throw new Error(`storage object ${reference}: ${fault.reason}`);
    }
    const logicalUnit = new LogicalUnit({
      name,
      kind,
      wwn: value.wwn,
      attributes,
      storage: device,
      log: this.#unitLog,
      siblings: shared,
      alua: value.alua,
      portMembers: () => this.#options.portMembersOf(referenceOf(opened)),
      askStates: (ask, answer) => this.#options.asks.ask(referenceOf(opened), ask, answer),
      onAttached: () => this.#use(logicalUnit),
    });
    shared?.bind(logicalUnit);
    const medium = mediumOf(kind, value);
    const opened: Running = { value, medium, device, logicalUnit, shared };
    this.#running.set(reference, opened);
    this.#looks.start();
    return fault === null ? undefined : `storage object ${reference}: ${fault.reason}`;
  }

  /** Undefined, as `apply` answers; rejects where a file cannot grow. */
  async #update(reference: string, now: Running, after: StorageObject): Promise<undefined> {
    const { device, logicalUnit, shared } = now;
    const { kind } = logicalUnit;
    // Thread 0 has told of a larger ramdisk's memory.
    this.#options.units?.sync();
    if ('size' in now.value && 'size' in after && now.value.size !== after.size) {
      if ('path' in after && device.fault === null) await growBackingFile(after.path, after.size);
      device.resizeTo(after.size, openerOf(kind, after, shared));
      this.#resized.add(now);
    }
    this.#running.set(reference, { ...now, value: after });
    this.#regrouped.add(logicalUnit);
    logicalUnit.updateAttributes(attributesOf(kind, after));
  }

  #retire(reference: string): void {
    const running = this.#running.get(reference);
    if (running === undefined) return;
    this.#running.delete(reference);
    this.io.delete(reference);
    const { medium } = running;
    this.#retired.set(medium, [...(this.#retired.get(medium) ?? []), running]);
  }

  /** What the plan under way set aside, be it under another name: a rename loses no I/O. */
  #revive(medium: string): Running | undefined {
    const [found, ...others] = this.#retired.get(medium) ?? [];
    if (others.length > 0) this.#retired.set(medium, others);
    else this.#retired.delete(medium);
    if (found?.shared !== undefined) this.#options.units?.serves(found.value.wwn, found.shared);
    // Its counters are told again, perhaps under another name.
    if (found !== undefined && this.#used.delete(found.logicalUnit)) this.#use(found.logicalUnit);
    return found;
  }

  #use(logicalUnit: LogicalUnit): void {
    if (!this.#used.has(logicalUnit)) this.#used.set(logicalUnit, NO_IO);
  }

  async #close({ value, device, logicalUnit, shared }: Running): Promise<void> {
    await logicalUnit.close();
    await device.close();
    if (shared !== undefined) this.#options.units?.closed(value.wwn, shared);
  }
}

function healthOf({ health, sizeBytes }: StorageDevice): Health {
  return health.ok ? { ...health, size: sizeBytes } : health;
}

/** The reference under which it runs, if it does. */
function referenceOf({ logicalUnit }: Running): string {
  return `${logicalUnit.kind}/${logicalUnit.name}`;
}

function attributesOf(kind: BackstoreKind, value: StorageObject) {
  const values = effective(STORAGE_ATTRIBUTES_OF[kind], value.attributes);
  // One fact, two names: LIO's attribute shows what `write_back` says.
  return 'write_back' in value ? { ...values, emulate_write_cache: value.write_back } : values;
}
