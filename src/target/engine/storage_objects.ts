/**
 * Storage objects as the engine runs them: one logical unit over one device each. An object that a
 * plan removes is only set aside until the plan holds: undoing a refused plan loses no data.
 */
import { effective } from '../../objects/attribute.ts';
import { STORAGE_ATTRIBUTES_OF } from '../../objects/declarations/storage.ts';
import type {
  BackstoreKind,
  BlockObject,
  FileioObject,
  RamdiskObject,
  StorageObject,
} from '../../objects/document.ts';
import type { Health, IoCounters } from '../../objects/engine_port.ts';
import type { Step } from '../../objects/plan.ts';
import type { Clock } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import { LogicalUnit } from '../scsi/logical_unit.ts';
import { growBackingFile } from '../storage/backing.ts';
import { examineDevice, openBlock } from '../storage/block.ts';
import { openFileio } from '../storage/fileio.ts';
import type { OpenMedium } from '../storage/open_result.ts';
import { openRamdisk } from '../storage/ramdisk.ts';
import { StorageDevice } from '../storage/storage_device.ts';

/** How long a change waits for the operations of what it removed. */
const CLOSE_WITHIN_MS = 5_000;
/** Closings begun in one turn: thousands of them must not hold up the I/O of others. */
const CLOSED_TOGETHER = 64;

interface Running {
  readonly value: StorageObject;
  readonly device: StorageDevice;
  readonly logicalUnit: LogicalUnit;
}

export interface StorageObjectsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly onHealth: (reference: string, health: Health) => void;
}

export class StorageObjects {
  readonly #running = new Map<string, Running>();
  /** Set aside by the plan under way. */
  readonly #retired: { readonly kind: string; readonly running: Running }[] = [];
  /** Of another size since the plan under way. */
  readonly #resized = new Set<StorageDevice>();
  /** Kept as objects change: of thousands, a look at the state would hold up I/O. */
  readonly #states = new Map<string, Health>();
  /** The same as a record, until the next change. */
  #health: Readonly<Record<string, Health>> | undefined;
  readonly #options: StorageObjectsOptions;

  constructor(options: StorageObjectsOptions) {
    this.#options = options;
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
    if (now !== undefined && sameMedium(now.value, after)) {
      return this.#update(reference, kind as BackstoreKind, now, after);
    }
    this.#retire(reference);
    const revived = this.#revive(kind, after);
    if (revived !== undefined) {
      revived.logicalUnit.rename(name);
      return this.#update(reference, kind as BackstoreKind, revived, after);
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

  /** The plan holds: what it removed is closed. */
  async commit(): Promise<void> {
    const gone = this.#retired.splice(0);
    for (const device of this.#resized) {
      device.settle();
      const reference = this.#referenceOf(device);
      if (reference !== undefined) this.#touch(reference);
    }
    this.#resized.clear();
    const closing: Promise<void>[] = [];
    for (const { running } of gone) {
      const closed = close(running);
      // Handled below, but perhaps only after it has failed.
      closed.catch(() => {});
      if (closing.push(closed) % CLOSED_TOGETHER === 0) await new Promise(setImmediate);
    }
    if (gone.length > 0) await this.#withinTime(Promise.all(closing));
  }

  /** Later changes, and the stop, do not wait for storage that hangs: it ends when it can. */
  #withinTime(closing: Promise<unknown>): Promise<void> {
    const { clock, log } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = clock.after(CLOSE_WITHIN_MS, () => {
        log.warn('a removed storage object still waits for its storage');
        resolve();
      });
      closing.then(
        () => {
          timer.cancel();
          resolve();
        },
        (error: Error) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }

  async closeAll(): Promise<void> {
    await this.commit();
    const all = [...this.#running.values()];
    this.#running.clear();
    this.#states.clear();
    this.#health = undefined;
    await Promise.all(all.map(close));
  }

  /** The same record as long as nothing changed. */
  health(): Readonly<Record<string, Health>> {
    this.#health ??= Object.fromEntries(this.#states);
    return this.#health;
  }

  #touch(reference: string): void {
    const running = this.#running.get(reference);
    if (running === undefined) this.#states.delete(reference);
    else this.#states.set(reference, healthOf(running.device));
    this.#health = undefined;
  }

  io(): Record<string, IoCounters> {
    const counters: Record<string, IoCounters> = {};
    for (const [reference, { logicalUnit }] of this.#running) {
      // Thousands that nobody uses say nothing, and would be sent at each look.
      const queued = logicalUnit.taskSet.size;
      if (logicalUnit.io.unused && queued === 0) continue;
      counters[reference] = logicalUnit.io.snapshot(queued);
    }
    return counters;
  }

  async #open(
    reference: string,
    kind: BackstoreKind,
    name: string,
    value: StorageObject,
    tolerant: boolean,
  ): Promise<string | undefined> {
    const { clock, log, onHealth } = this.#options;
    const device: StorageDevice = new StorageDevice({
      name: reference,
      open: openerOf(kind, value),
      clock,
      log: log.channel('storage'),
      onHealth: (health) => {
        // By now it may have another name.
        const name = this.#referenceOf(device);
        if (name === undefined) return;
        this.#touch(name);
        onHealth(name, health);
        this.#running.get(name)?.logicalUnit.capacityChanged();
      },
    });
    const attributes = attributesOf(kind, value);
    device.setWriteCache(attributes.emulate_write_cache);
    const fault = await device.start();
    if (fault !== null && !tolerant) {
      await device.close();
      throw new Error(`storage object ${reference}: ${fault.reason}`);
    }
    const logicalUnit = new LogicalUnit({
      name,
      kind,
      wwn: value.wwn,
      attributes,
      storage: device,
      log: log.channel('lu'),
    });
    this.#running.set(reference, { value, device, logicalUnit });
    return fault === null ? undefined : `storage object ${reference}: ${fault.reason}`;
  }

  /** Undefined, as `apply` answers; rejects where a file cannot grow. */
  async #update(
    reference: string,
    kind: BackstoreKind,
    now: Running,
    after: StorageObject,
  ): Promise<undefined> {
    const { device, logicalUnit } = now;
    if ('size' in now.value && 'size' in after && now.value.size !== after.size) {
      if ('path' in after && device.fault === null) await growBackingFile(after.path, after.size);
      device.resizeTo(after.size, openerOf(kind, after));
      this.#resized.add(device);
    }
    this.#running.set(reference, { ...now, value: after });
    logicalUnit.updateAttributes(attributesOf(kind, after));
  }

  #retire(reference: string): void {
    const running = this.#running.get(reference);
    if (running === undefined) return;
    this.#running.delete(reference);
    const [kind = ''] = reference.split('/');
    this.#retired.push({ kind, running });
  }

  /** What the plan under way set aside, be it under another name: a rename loses no I/O. */
  #revive(kind: string, wanted: StorageObject): Running | undefined {
    const index = this.#retired.findIndex(
      (one) => one.kind === kind && sameMedium(one.running.value, wanted),
    );
    const [found] = index === -1 ? [] : this.#retired.splice(index, 1);
    return found?.running;
  }

  #referenceOf(device: StorageDevice): string | undefined {
    for (const [reference, running] of this.#running) {
      if (running.device === device) return reference;
    }
    return undefined;
  }
}

async function close({ device, logicalUnit }: Running): Promise<void> {
  await logicalUnit.close();
  await device.close();
}

function healthOf({ health, sizeBytes }: StorageDevice): Health {
  return health.ok ? { ...health, size: sizeBytes } : health;
}

/** All but attributes, write_back and size: what may change without another device. */
function sameMedium(a: StorageObject, b: StorageObject): boolean {
  const identity = (value: StorageObject): string =>
    JSON.stringify(Object.entries({ ...value, attributes: 0, write_back: 0, size: 0 }).sort());
  return identity(a) === identity(b);
}

function attributesOf(kind: BackstoreKind, value: StorageObject) {
  const values = effective(STORAGE_ATTRIBUTES_OF[kind], value.attributes);
  // One fact, two names: LIO's attribute shows what `write_back` says.
  return 'write_back' in value ? { ...values, emulate_write_cache: value.write_back } : values;
}

function openerOf(kind: BackstoreKind, value: StorageObject): OpenMedium {
  switch (kind) {
    case 'ramdisk':
      return openRamdisk(value as RamdiskObject);
    case 'fileio': {
      const { path, size, write_back: writeBack } = value as FileioObject;
      return openFileio({ path, size, writeBack });
    }
    case 'block':
      return openBlock(value as BlockObject);
  }
}
