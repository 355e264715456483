/** A logical unit (SAM-5 §4.6.19): a storage object as initiators see it, whoever they are. */
import type { StorageAttributes } from '../../objects/declarations/storage.ts';
import type { BackstoreKind } from '../../objects/document.ts';
import { SYSTEM_CLOCK, type Clock } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import type { Backstore, StorageFault } from '../storage/backstore.ts';
import { abortCommands } from './abort.ts';
import { IoCounter } from './io_counters.ts';
import type { ItlNexus } from './nexus.ts';
import { PortGroups, type AluaGroups, type AskStates, type PortMember } from './port_groups.ts';
import { RangeClaims } from './range_claims.ts';
import { MODE, type Siblings } from './siblings.ts';
import { TaskSet } from './task_set.ts';
import { UNIT_ATTENTION } from './unit_attention.ts';

export interface LogicalUnitOptions {
  /** The storage object's name, without its kind. */
  readonly name: string;
  readonly kind: BackstoreKind;
  readonly wwn: string;
  /** Every attribute, defaults filled in. */
  readonly attributes: StorageAttributes;
  readonly storage: Backstore;
  readonly log: Log;
  /** Absent: the system's. */
  readonly clock?: Clock | undefined;
  /** Absent: one data thread serves it alone. */
  readonly siblings?: Siblings | undefined;
  /** Target port groups as the document has them. */
  readonly alua?: AluaGroups | undefined;
  /** Each TPG with a LUN on it. */
  readonly portMembers?: (() => readonly PortMember[]) | undefined;
  readonly askStates?: AskStates | undefined;
  /** A nexus has come: commands may arrive. */
  readonly onAttached?: () => void;
}

/** Attributes that only mode pages, or only INQUIRY data, or READ CAPACITY show to initiators. */
const SHOWN_IN_MODE = [
  'emulate_write_cache',
  'emulate_dpo',
  'emulate_fua_read',
  'emulate_fua_write',
  'emulate_tas',
] as const;
const SHOWN_IN_INQUIRY = [
  'emulate_caw',
  'emulate_model_alias',
  'emulate_tpu',
  'emulate_tpws',
  'is_nonrot',
  'max_unmap_block_desc_count',
  'max_unmap_lba_count',
  'max_write_same_len',
  'optimal_sectors',
  'unmap_granularity',
  'unmap_granularity_alignment',
] as const;

export class LogicalUnit {
  readonly kind: BackstoreKind;
  readonly wwn: string;
  /** To be asked for anew at each step: while ranges are claimed it is another one. */
  storage: Backstore;
  readonly claims: RangeClaims;
  readonly log: Log;
  readonly siblings: Siblings | null;
  readonly taskSet: TaskSet;
  readonly portGroups: PortGroups;
  readonly clock: Clock;
  readonly io = new IoCounter();
  /** Mode parameters (SPC-4 §7.5.8): gone after a reset, nothing is saved. */
  softwareWriteProtect = false;
  descriptorSense = false;
  /** SBC-3 §5.26: stopped by START STOP UNIT; the medium is then not accessed. */
  stopped = false;
  #name: string;
  #attributes: StorageAttributes;
  #toldBlockCount: number;
  /** What was logged last. */
  #loggedFault = '';
  readonly #nexuses = new Set<ItlNexus>();
  readonly #onAttached: () => void;

  constructor(options: LogicalUnitOptions) {
    this.#name = options.name;
    this.kind = options.kind;
    this.wwn = options.wwn;
    this.storage = options.storage;
    this.log = options.log;
    this.#attributes = options.attributes;
    this.#onAttached = options.onAttached ?? (() => {});
    this.siblings = options.siblings ?? null;
    this.claims = new RangeClaims(options.storage, this.siblings, (storage) => {
      this.storage = storage;
    });
    const { attributes, clock = SYSTEM_CLOCK, portMembers: members, askStates } = options;
    this.clock = clock;
    this.portGroups = new PortGroups({ clock, nexuses: this.#nexuses, members, askStates });
    this.portGroups.start(options.alua);
    this.taskSet = new TaskSet(attributes.queue_depth, clock, this.siblings);
    this.taskSet.setRates(options.attributes);
    options.storage.setWriteCache(this.defaultWriteCache);
    this.#toldBlockCount = this.blockCount;
  }

  /** WCE as configured: after a reset it holds again, whatever MODE SELECT made of it. */
  get defaultWriteCache(): boolean {
    return this.#attributes.emulate_write_cache;
  }

  /** The storage object's name, which INQUIRY may show as the product. */
  get name(): string {
    return this.#name;
  }

  rename(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    if (this.#attributes.emulate_model_alias) this.raise(UNIT_ATTENTION.INQUIRY_DATA_CHANGED);
  }

  get attributes(): StorageAttributes {
    return this.#attributes;
  }

  get blockSize(): number {
    return this.#attributes.block_size;
  }

  /** A last partial block is not served. */
  get blockCount(): number {
    return Math.floor(this.storage.sizeBytes / this.#attributes.block_size);
  }

  get nexuses(): ReadonlySet<ItlNexus> {
    return this.#nexuses;
  }

  attach(itl: ItlNexus): void {
    this.#nexuses.add(itl);
    this.#onAttached();
  }

  detach(itl: ItlNexus): void {
    this.#nexuses.delete(itl);
  }

  /** Takes effect for the next command; initiators that must know get a unit attention. */
  updateAttributes(next: StorageAttributes): void {
    const previous = this.#attributes;
    const differs = (names: readonly (keyof StorageAttributes)[]): boolean =>
      names.some((name) => previous[name] !== next[name]);
    this.#attributes = next;
    this.taskSet.queueDepth = next.queue_depth;
    this.taskSet.setRates(next);
    if (differs(['emulate_write_cache'])) {
      this.#switchWriteCache(this.defaultWriteCache);
      this.modeChanged();
    }
    if (differs(SHOWN_IN_MODE)) this.raise(UNIT_ATTENTION.MODE_PARAMETERS_CHANGED);
    if (differs(SHOWN_IN_INQUIRY)) this.raise(UNIT_ATTENTION.INQUIRY_DATA_CHANGED);
    this.capacityChanged();
  }

  /** To be called when the storage may have another size: tells initiators when it has. */
  capacityChanged(): void {
    const { blockCount } = this;
    if (blockCount === this.#toldBlockCount) return;
    this.#toldBlockCount = blockCount;
    this.raise(UNIT_ATTENTION.CAPACITY_CHANGED);
  }

  /** Told to the administrator once, not once per command. */
  storageRefused(fault: StorageFault): void {
    if (fault.reason === this.#loggedFault) return;
    this.#loggedFault = fault.reason;
    const { kind, reason } = fault;
    this.log.warn('storage refused', { storageObject: `${this.kind}/${this.name}`, kind, reason });
  }

  /** A unit attention on every nexus, but for the one that caused it. */
  raise(condition: number, except?: ItlNexus | null): void {
    for (const itl of this.#nexuses) if (itl !== except) itl.unitAttentions.raise(condition);
  }

  /** SAM-5 §6.3.3: mode parameters go back to their saved values, here the defaults. */
  reset(): void {
    this.softwareWriteProtect = false;
    this.descriptorSense = false;
    this.stopped = false;
    this.#switchWriteCache(this.defaultWriteCache);
    this.modeChanged();
  }

  /** As bits of `MODE`. */
  get mode(): number {
    return (
      (this.softwareWriteProtect ? MODE.WRITE_PROTECT : 0) |
      (this.descriptorSense ? MODE.DESCRIPTOR_SENSE : 0) |
      (this.stopped ? MODE.STOPPED : 0) |
      (this.storage.writeCache ? MODE.WRITE_CACHE : 0)
    );
  }

  /** To be called after a change of mode parameters: the other data threads follow. */
  modeChanged(): void {
    this.siblings?.publishMode(this.mode);
  }

  /** Another data thread has changed it. */
  adoptMode(mode: number): void {
    this.softwareWriteProtect = (mode & MODE.WRITE_PROTECT) !== 0;
    this.descriptorSense = (mode & MODE.DESCRIPTOR_SENSE) !== 0;
    this.stopped = (mode & MODE.STOPPED) !== 0;
    this.#switchWriteCache((mode & MODE.WRITE_CACHE) !== 0);
  }

  /** Aborts every command and waits until the last one has stopped. The storage stays open. */
  close(): Promise<void> {
    this.portGroups.close();
    return new Promise((resolve) => {
      abortCommands(this.taskSet, () => true, 'silent', resolve);
    });
  }

  /** What was cached when the cache goes must not stay volatile. */
  #switchWriteCache(enabled: boolean): void {
    if (this.storage.writeCache === enabled) return;
    this.storage.setWriteCache(enabled);
    if (enabled) return;
    this.storage.flush((fault) => {
      if (fault !== null) this.log.error('flush failed', { reason: fault.reason });
    });
  }
}
