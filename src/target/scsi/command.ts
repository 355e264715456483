/**
 * One command under the device server's care, from `submit` to `complete`. Objects are pooled; the
 * methods that continue after storage or transport are bound once, so that a READ or WRITE costs no
 * closure. Every continuation asks `halted` first: that is where an aborted command ends.
 */
import { monotonicMs, recentMs } from '../../util/clock.ts';
import type { StorageFault } from '../storage/backstore.ts';
import type { AbortKind } from './abort.ts';
import type { CommandRow } from './command_row.ts';
import type { LogicalUnit } from './logical_unit.ts';
import type { ItlNexus, ItNexus } from './nexus.ts';
import type { ScsiTask } from './scsi_task.ts';
import { buildSense, SENSE, STATUS, type Sense, type SenseDetail } from './sense.ts';
import { STAGING, type StagingBuffer } from './staging.ts';
import type { TaskSet } from './task_set.ts';

/** Command objects kept for reuse. */
const POOL_SIZE = 1024;
const pool: Command[] = [];

type Staged = (staging: StagingBuffer) => void;
const nothing = (): void => {};

export class Command {
  #task: ScsiTask | null = null;
  #taskSet: TaskSet | null = null;
  /** Null: the LUN is not mapped. */
  itl: ItlNexus | null = null;
  row: CommandRow | null = null;
  #execute: ((command: Command) => void) | null = null;
  #abortKind: AbortKind | null = null;
  #stopped: (() => void)[] = [];
  #staging: StagingBuffer | null = null;
  #whenStaged: Staged | null = null;
  /** It waits for neither storage nor transport; to be called when it is aborted. */
  #stopWaiting: (() => void) | null = null;
  #arrivedMs = 0;
  /** Where its task set has it among those under execution; for `TaskSet` only. -1: not there. */
  place = -1;
  /** A write that was aborted while the storage has it. */
  leftover = false;

  static acquire(task: ScsiTask, itl: ItlNexus | null, execute: (c: Command) => void): Command {
    const command = pool.pop() ?? new Command();
    command.#task = task;
    command.itl = itl;
    command.#taskSet = itl === null ? task.nexus.unmappedTasks : itl.logicalUnit.taskSet;
    command.#execute = execute;
    if (itl !== null) {
      itl.queued++;
      // The transport looks when input comes, and each command when it ends.
      command.#arrivedMs = recentMs();
    }
    return command;
  }

  get task(): ScsiTask {
    if (this.#task === null) throw new Error('Command used after it completed');
    return this.#task;
  }

  get cdb(): Buffer {
    return this.task.cdb;
  }

  get nexus(): ItNexus {
    return this.task.nexus;
  }

  /** Only for rows that need a mapped LUN: the device server has checked it. */
  get logicalUnit(): LogicalUnit {
    if (this.itl === null) throw new Error('Command without a logical unit');
    return this.itl.logicalUnit;
  }

  get taskSet(): TaskSet {
    if (this.#taskSet === null) throw new Error('Command used after it completed');
    return this.#taskSet;
  }

  /** Since it arrived, at the last look at the time. */
  get elapsedMs(): number {
    return recentMs() - this.#arrivedMs;
  }

  get aborting(): boolean {
    return this.#abortKind !== null || this.task.aborted;
  }

  /** The task set lets it run. */
  start(): void {
    if (!this.halted()) this.#execute?.(this);
  }

  /** True: the command was aborted and is over now; the caller does nothing more with it. */
  halted(): boolean {
    if (!this.aborting) return false;
    this.#finish();
    return true;
  }

  /** First pass of an abort: nothing runs yet. Silence outweighs TASK ABORTED. */
  markAborted(kind: AbortKind, stopped: () => void): void {
    this.#stopped.push(stopped);
    if (this.#abortKind !== 'silent') this.#abortKind = kind;
  }

  /** Second pass: commands that wait end here; running ones at their next step. */
  carryOutAbort(): void {
    // Pass 2 of another command may have ended this one, and the object may serve anew.
    if (this.#task === null || this.#abortKind === null) return;
    this.task.aborted = this.#abortKind === 'silent';
    if (!this.taskSet.isRunning(this)) return this.#finish();
    if (STAGING.cancel(this) || this.#cancelWait()) return this.#finish();
    const { task } = this;
    task.stopData();
    if (this.#task !== task || task.dataOutExpected === 0 || this.leftover) return;
    this.#countLeftover(1);
  }

  good(): void {
    this.complete(STATUS.GOOD, null);
  }

  /** CHECK CONDITION. */
  check(sense: Sense, detail?: SenseDetail): void {
    const descriptorFormat = this.itl?.logicalUnit.descriptorSense ?? false;
    this.complete(STATUS.CHECK_CONDITION, buildSense(sense, descriptorFormat, detail));
  }

  /** INVALID FIELD IN CDB, with the byte and its most significant bad bit (SPC-4 §4.5.2.4.2). */
  invalidField(field: number, bit?: number): void {
    this.check(SENSE.INVALID_FIELD_IN_CDB, bit === undefined ? { field } : { field, bit });
  }

  invalidParameter(field: number): void {
    this.check(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, { field, inParameters: true });
  }

  fault(fault: StorageFault, lba?: number): void {
    this.logicalUnit.storageRefused(fault);
    const sense = FAULT_SENSE[fault.kind];
    const located = fault.kind === 'readError' || fault.kind === 'writeError';
    this.check(sense, located && lba !== undefined ? { information: lba } : undefined);
  }

  complete(status: number, sense: Buffer | null): void {
    const { task } = this;
    task.status = status;
    task.sense = sense;
    this.#finish();
  }

  /** The transport has set status and sense already (`received(false)`). */
  completeAsIs(): void {
    this.#finish();
  }

  /** Waits for a share of the staging budget: one per command, given back when it is over. */
  stage(byteLength: number, then: Staged): void {
    this.#whenStaged = then;
    STAGING.request(this, byteLength);
  }

  /** For `Staging` only. */
  staged(staging: StagingBuffer): void {
    this.#staging = staging;
    const then = this.#whenStaged;
    this.#whenStaged = null;
    if (!this.halted()) then?.(staging);
  }

  /** Until `waited`; an abort calls `stop` instead, after which the command is over. */
  waitFor(stop: () => void): void {
    this.#stopWaiting = stop;
  }

  /** The wait is over. False: so is the command. */
  waited(): boolean {
    this.#stopWaiting = null;
    return !this.halted();
  }

  /** The share outlives the command: a last transfer holds it, and releases it when sent. */
  handOverStaging(): void {
    this.#staging = null;
  }

  /** Parameter data: cut to the allocation length, then GOOD. */
  sendParameterData(data: Buffer, allocationLength: number): void {
    const { task } = this;
    const wanted = Math.min(data.length, allocationLength);
    task.dataInLength = wanted;
    const fits = Math.min(wanted, task.dataInExpected);
    // Not waited for: the status may ride with the data. Nobody changes `data` any more.
    if (fits > 0) task.sendDataIn(data.subarray(0, fits), 0, nothing);
    if (!this.halted()) this.good();
  }

  /** A parameter list of `length` bytes, or as much of it as the initiator gives. */
  receiveParameterList(length: number, then: (list: Buffer) => void): void {
    const { task } = this;
    task.dataOutLength = length;
    const fits = Math.min(length, task.dataOutExpected);
    if (fits === 0) return then(Buffer.alloc(0));
    const list = Buffer.alloc(fits);
    return task.receiveDataOut(list, 0, (ok) => {
      if (this.halted()) return;
      if (ok) then(list);
      else this.completeAsIs();
    });
  }

  /** All data of a READ or a WRITE has moved. */
  countRead(bytes: number): void {
    this.itl?.io.read(bytes);
    this.itl?.logicalUnit.io.read(bytes);
  }

  countWritten(bytes: number): void {
    this.itl?.io.written(bytes);
    this.itl?.logicalUnit.io.written(bytes);
  }

  #count(itl: ItlNexus, status: number): void {
    const elapsedMs = monotonicMs() - this.#arrivedMs;
    itl.queued--;
    itl.itNexus.commands++;
    itl.io.command(elapsedMs, status !== STATUS.GOOD);
    itl.logicalUnit.io.command(elapsedMs, status !== STATUS.GOOD);
  }

  #cancelWait(): boolean {
    const stop = this.#stopWaiting;
    this.#stopWaiting = null;
    stop?.();
    return stop !== null;
  }

  #countLeftover(change: 1 | -1): void {
    this.leftover = change > 0;
    this.taskSet.leftovers += change;
    this.itl?.logicalUnit.siblings?.leftover(this.nexus.initiatorName, change);
  }

  #finish(): void {
    const { task, taskSet } = this;
    const stopped = this.#stopped;
    if (this.#abortKind === 'status' && !task.aborted) {
      task.status = STATUS.TASK_ABORTED;
      task.sense = null;
    }
    if (this.itl !== null) this.#count(this.itl, task.status);
    const staging = this.#staging;
    taskSet.remove(this);
    if (this.leftover) this.#countLeftover(-1);
    this.#task = null;
    this.#taskSet = null;
    this.itl = null;
    this.row = null;
    this.#execute = null;
    this.#abortKind = null;
    this.#staging = null;
    this.#whenStaged = null;
    this.#stopWaiting = null;
    if (stopped.length > 0) this.#stopped = [];
    if (pool.length < POOL_SIZE) pool.push(this);
    task.complete();
    for (const tell of stopped) tell();
    staging?.release();
    taskSet.pump();
  }
}

const FAULT_SENSE: Readonly<Record<StorageFault['kind'], Sense>> = {
  notReady: SENSE.NOT_READY,
  readError: SENSE.UNRECOVERED_READ_ERROR,
  writeError: SENSE.WRITE_ERROR,
  noSpace: SENSE.SPACE_ALLOCATION_FAILED,
  readOnly: SENSE.WRITE_PROTECTED,
};
