/** A logical unit, nexuses on it, and an initiator that is a few arrays. */
import type { Clock } from '../../../../src/util/clock.ts';
import type { DataTaker } from '../../../../src/util/data_taker.ts';
import { STORAGE_ATTRIBUTES_OF } from '../../../../src/objects/declarations/storage.ts';
import type { StorageAttributes } from '../../../../src/objects/declarations/storage.ts';
import { effective } from '../../../../src/objects/attribute.ts';
import type { BackstoreKind } from '../../../../src/objects/document.ts';
import { submit } from '../../../../src/target/scsi/device_server.ts';
import { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { AluaGroups, AskStates, PortMember } from '../../../../src/target/scsi/port_groups.ts';
import { ItNexus, type TargetPort } from '../../../../src/target/scsi/nexus.ts';
import { ScsiTask, TASK_ATTRIBUTE } from '../../../../src/target/scsi/scsi_task.ts';
import type {
  Backstore,
  Done,
  MediumExtent,
  StorageFault,
} from '../../../../src/target/storage/backstore.ts';
import { UnderWay, type ByteRange } from '../../../../src/target/storage/under_way.ts';
import { Ramdisk } from '../../../../src/target/storage/ramdisk.ts';
import { SILENT_LOG } from '../../../../src/util/log.ts';

export const WWN = '3f0c8a12-7b5e-4d21-9c44-0123456789ab';
export const BLOCK = 512;

/** A ramdisk whose operations may be held back or fail. */
export class ScriptedMedium implements Backstore {
  readonly ram: Ramdisk;
  fault: StorageFault | null = null;
  readOnly = false;
  sizeBytes: number;
  /** What each operation fails with, by name. */
  readonly failing: Partial<Record<string, StorageFault>> = {};
  readonly calls: string[] = [];
  /** Set: operations wait until `release`. */
  holding = false;
  readonly held: (() => void)[] = [];

  constructor(size: number) {
    // Larger, so that `sizeBytes` may grow.
    this.ram = new Ramdisk({ size: 4 * size, nullio: false });
    this.sizeBytes = size;
  }
  get writeCache(): boolean {
    return this.ram.writeCache;
  }
  setWriteCache(enabled: boolean): void {
    this.ram.setWriteCache(enabled);
  }
  read(into: Buffer, byteOffset: number, done: Done): void {
    const range = { byteOffset, byteLength: into.length };
    this.#run('read', range, done, (end) => this.ram.read(into, byteOffset, end));
  }
  write(from: Buffer, byteOffset: number, fua: boolean, done: Done): void {
    const range = { byteOffset, byteLength: from.length };
    this.#run(fua ? 'write fua' : 'write', range, done, (end) =>
      this.ram.write(from, byteOffset, fua, end),
    );
  }
  flush(done: Done): void {
    const nowhere = { byteOffset: 0, byteLength: 0 };
    this.#run('flush', nowhere, done, (end) => this.ram.flush(end));
  }
  deallocate(byteOffset: number, byteLength: number, done: Done): void {
    const range = { byteOffset, byteLength };
    this.#run('deallocate', range, done, (end) => this.ram.deallocate(byteOffset, byteLength, end));
  }
  /** Set: takes writes within the call, or says that it cannot now. */
  atOnce: boolean | null = null;
  writeAtOnce(from: Buffer, byteOffset: number): boolean {
    if (this.atOnce === null) return false;
    this.calls.push('write at once');
    if (this.atOnce) this.ram.write(from, byteOffset, false, () => {});
    return this.atOnce;
  }
  readonly #underWay = new UnderWay();
  whenClear(byteOffset: number, byteLength: number, clear: () => void): void {
    this.#underWay.whenClear(byteOffset, byteLength, clear);
  }
  extentAt(byteOffset: number): MediumExtent {
    return this.ram.extentAt(byteOffset);
  }
  resize(sizeBytes: number): void {
    this.sizeBytes = sizeBytes;
  }
  settle(): void {}
  close(): Promise<void> {
    return this.ram.close();
  }
  release(): void {
    for (const go of this.held.splice(0)) go();
  }
  #run(name: string, range: ByteRange, done: Done, go: (done: Done) => void): void {
    this.calls.push(name);
    const fault = this.failing[name.split(' ')[0] ?? ''];
    const act = (): void => (fault === undefined ? go(done) : done(fault));
    if (!this.holding) return act();
    const span = { ...range, place: -1 };
    this.#underWay.begins(span);
    this.held.push(() => {
      act();
      this.#underWay.ends(span);
    });
    return undefined;
  }
}

/** The initiator's side of one command. */
export class TestTask extends ScsiTask {
  readonly nexus: ItNexus;
  dataIn: Buffer = Buffer.alloc(0);
  dataOut: Buffer = Buffer.alloc(0);
  completions = 0;
  whenComplete: () => void = () => {};
  /** Set: transfers wait for `continue`, or end by `stopData`. */
  holdsTransfers = false;
  readonly #outstanding: { go: () => void; stop: () => void }[] = [];

  constructor(nexus: ItNexus) {
    super();
    this.nexus = nexus;
  }
  override sendDataIn(data: Buffer, offset: number, sent: () => void): void {
    if (offset !== this.dataIn.length) throw new Error('gap in Data-In');
    if (this.dataInLength === 0) throw new Error('dataInLength must be known first');
    const room = this.dataInExpected - offset;
    this.dataIn = Buffer.concat([this.dataIn, data.subarray(0, Math.max(0, room))]);
    this.#transfer({ go: sent, stop: sent });
  }
  /** Set: data comes in pieces that end here, and is lent to who may use it up. */
  cuts: readonly number[] | null = null;
  override receiveDataOut(
    into: Buffer,
    offset: number,
    received: (ok: boolean) => void,
    taker?: DataTaker,
  ): void {
    if (offset + into.length > this.dataOutExpected) throw new Error('asks for too much');
    this.#transfer({
      go: () => {
        if (this.cuts === null) this.dataOut.copy(into, 0, offset, offset + into.length);
        else this.#give(into, offset, this.cuts, taker);
        received(true);
      },
      stop: () => received(false),
    });
  }
  #give(into: Buffer, offset: number, cuts: readonly number[], taker?: DataTaker): void {
    const end = offset + into.length;
    const within = [...new Set(cuts)].filter((cut) => cut > offset && cut < end);
    let from = offset;
    for (const to of [...within.sort((a, b) => a - b), end]) {
      const piece = Buffer.from(this.dataOut.subarray(from, to));
      const taken = taker?.take(piece, from) ?? 0;
      piece.copy(into, from + taken - offset, taken);
      // It was lent.
      piece.fill(0xee);
      from = to;
    }
  }
  /** Set: all data came with the command. */
  immediate = false;
  override dataOutHere(length: number): Buffer | null {
    return this.immediate ? this.dataOut.subarray(0, length) : null;
  }
  override keepDataOut(): void {
    if (!this.done) this.dataOut = Buffer.from(this.dataOut);
  }
  #transfer(step: { go: () => void; stop: () => void }): void {
    if (this.holdsTransfers) this.#outstanding.push(step);
    else step.go();
  }
  continue(): void {
    for (const { go } of this.#outstanding.splice(0)) go();
  }
  override stopData(): void {
    for (const { stop } of this.#outstanding.splice(0)) stop();
  }
  override complete(): void {
    this.completions++;
    if (this.completions > 1) throw new Error('completed twice');
    this.whenComplete();
  }
  get done(): boolean {
    return this.completions === 1;
  }
  /** `02/29/00` style, or the status when there is no sense. */
  get outcome(): string {
    if (this.sense === null) return STATUS_NAMES[this.status] ?? String(this.status);
    const descriptor = (this.sense[0] ?? 0) === 0x72;
    const [key, asc, ascq] = descriptor
      ? [this.sense[1], this.sense[2], this.sense[3]]
      : [this.sense[2], this.sense[12], this.sense[13]];
    const hex = (value = 0): string => value.toString(16).padStart(2, '0');
    return `${hex(key)}/${hex(asc)}/${hex(ascq)}`;
  }
}
const STATUS_NAMES: Record<number, string> = {
  0: 'good',
  8: 'busy',
  0x28: 'task set full',
  0x40: 'task aborted',
};

export interface Options {
  readonly lun?: number;
  readonly out?: Buffer;
  readonly inLength?: number;
  readonly outLength?: number;
  readonly attribute?: number;
  readonly holdsTransfers?: boolean;
  readonly immediate?: boolean;
  readonly cuts?: readonly number[];
}

export function taskOf(
  nexus: ItNexus,
  cdb: readonly number[] | Buffer,
  options: Options,
): TestTask {
  const task = new TestTask(nexus);
  Buffer.from(cdb).copy(task.cdb);
  task.lun = options.lun ?? 0;
  task.dataOut = options.out ?? Buffer.alloc(0);
  task.dataOutExpected = options.outLength ?? task.dataOut.length;
  task.dataInExpected = options.inLength ?? 0;
  task.taskAttribute = options.attribute ?? TASK_ATTRIBUTE.SIMPLE;
  task.holdsTransfers = options.holdsTransfers ?? false;
  task.immediate = options.immediate ?? false;
  task.cuts = options.cuts ?? null;
  return task;
}

/** Submits and returns at once. */
export function start(
  nexus: ItNexus,
  cdb: readonly number[] | Buffer,
  options: Options = {},
): TestTask {
  const task = taskOf(nexus, cdb, options);
  submit(task);
  return task;
}

/** Submits and waits for the end. */
export function run(
  nexus: ItNexus,
  cdb: readonly number[] | Buffer,
  options: Options = {},
): Promise<TestTask> {
  const task = taskOf(nexus, cdb, options);
  return new Promise((resolve) => {
    task.whenComplete = () => resolve(task);
    submit(task);
  });
}

export interface UnitOptions {
  /** Absent: a scripted medium. */
  readonly storage?: Backstore;
  readonly clock?: Clock;
  readonly kind?: BackstoreKind;
  readonly name?: string;
  readonly blocks?: number;
  readonly attributes?: Partial<StorageAttributes>;
  readonly alua?: AluaGroups;
  readonly members?: readonly PortMember[];
  readonly askStates?: AskStates;
}

export function attributesOf(
  kind: BackstoreKind,
  changed: Partial<StorageAttributes>,
): StorageAttributes {
  return { ...effective(STORAGE_ATTRIBUTES_OF[kind], {}), ...changed };
}

export function unit(options: UnitOptions = {}): { lu: LogicalUnit; medium: ScriptedMedium } {
  const { kind = 'ramdisk', name = 'disk1', blocks = 4096, attributes = {} } = options;
  const { alua, members = [], askStates } = options;
  const all = attributesOf(kind, attributes);
  const medium = new ScriptedMedium(blocks * all.block_size);
  const lu = new LogicalUnit({
    name,
    kind,
    wwn: WWN,
    attributes: all,
    storage: options.storage ?? medium,
    log: SILENT_LOG,
    clock: options.clock,
    alua,
    portMembers: () => members,
    askStates,
  });
  return { lu, medium };
}

/** The port of `nexusOn`, unless it is given another. */
export const PORT: TargetPort = { name: 'iqn.2003-01.example:t', tpgTag: 10, relativePortId: 3 };

interface NexusOptions {
  readonly writeProtect?: boolean;
  readonly keepAttentions?: boolean;
  readonly initiator?: string;
  readonly port?: TargetPort;
  /** Name of the target port group of its LUNs. */
  readonly group?: string;
}

export function nexusOn(
  luns: Readonly<Record<number, LogicalUnit>>,
  options: NexusOptions = {},
): ItNexus {
  const nexus = new ItNexus({
    initiatorPort: `${options.initiator ?? 'iqn.2020-01.example:a'},i,0x00023d000001`,
    targetPort: options.port ?? PORT,
  });
  nexus.setLuns(mapping(luns, options.writeProtect, options.group));
  if (options.keepAttentions !== true) clearAttentions(nexus);
  return nexus;
}

export function mapping(
  luns: Readonly<Record<number, LogicalUnit>>,
  writeProtect = false,
  group?: string,
) {
  return new Map(
    Object.entries(luns).map(([lun, logicalUnit]) => {
      const portGroup = logicalUnit.portGroups.find(group);
      return [Number(lun), { logicalUnit, writeProtect, portGroup }];
    }),
  );
}

export function clearAttentions(nexus: ItNexus): void {
  for (const itl of nexus.luns.values()) {
    while (itl.unitAttentions.size > 0) itl.unitAttentions.clear(itl.unitAttentions.peek());
  }
}

/** Pending conditions of one LUN, taken off. */
export function attentions(nexus: ItNexus, lun = 0): string[] {
  const found: string[] = [];
  const pending = nexus.luns.get(lun)?.unitAttentions;
  while (pending !== undefined && pending.size > 0) {
    found.push(pending.peek().toString(16));
    pending.clear(pending.peek());
  }
  return found;
}

const u32 = (value: number): number[] => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return [...bytes];
};
/** CDBs of the four sizes on a range of blocks; `flags` is byte 1. */
export const cdb10 = (opcode: number, lba: number, count: number, flags = 0): number[] => [
  opcode,
  flags,
  ...u32(lba),
  0,
  count >>> 8,
  count & 0xff,
  0,
];
export const cdb12 = (opcode: number, lba: number, count: number, flags = 0): number[] => [
  opcode,
  flags,
  ...u32(lba),
  ...u32(count),
  0,
  0,
];
export const cdb16 = (opcode: number, lba: number, count: number, flags = 0): number[] => [
  opcode,
  flags,
  ...u32(Math.floor(lba / 2 ** 32)),
  ...u32(lba),
  ...u32(count),
  0,
  0,
];
export const cdb6 = (opcode: number, lba: number, count: number): number[] => [
  opcode,
  (lba >>> 16) & 0x1f,
  (lba >>> 8) & 0xff,
  lba & 0xff,
  count,
  0,
];
/** COMPARE AND WRITE of so many blocks; `flags` is byte 1. */
export function caw(lba: number, count: number, flags = 0): number[] {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x89;
  cdb[1] = flags;
  cdb.writeBigUInt64BE(BigInt(lba), 2);
  cdb[13] = count;
  return [...cdb];
}
export const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
