/**
 * SAM-5 §7: task management functions. `done` is called once every affected command has stopped:
 * its last storage operation is over and it has called `complete`.
 */
import { abortCommands, type AbortKind } from './abort.ts';
import type { Command } from './command.ts';
import type { ItNexus } from './nexus.ts';
import type { LogicalUnit } from './logical_unit.ts';
import type { ScsiTask } from './scsi_task.ts';
import { UNIT_ATTENTION } from './unit_attention.ts';

export type TaskManagementOutcome = 'complete' | 'lunNotFound' | 'taskNotFound';
export type TaskManagementDone = (outcome: TaskManagementOutcome) => void;

/** SAM-5 §7.2. `taskNotFound`: it is over already, or was never submitted. */
export function abortTask(task: ScsiTask, done: TaskManagementDone): void {
  const taskSet = task.nexus.luns.get(task.lun)?.logicalUnit.taskSet ?? task.nexus.unmappedTasks;
  let found = false;
  const chosen = (command: Command): boolean => command.task === task;
  for (const command of taskSet.commands()) found ||= chosen(command);
  if (!found) return done('taskNotFound');
  return abortCommands(taskSet, chosen, 'silent', () => done('complete'));
}

/** SAM-5 §7.3: every task of this nexus on the logical unit. */
export function abortTaskSet(nexus: ItNexus, lun: number, done: TaskManagementDone): void {
  const itl = nexus.luns.get(lun);
  if (itl === undefined) return done('lunNotFound');
  const chosen = (command: Command): boolean => command.itl === itl;
  return abortCommands(itl.logicalUnit.taskSet, chosen, 'silent', () => done('complete'));
}

/** SAM-5 §7.5: every task on the logical unit; other nexuses learn of it when theirs were hit. */
export function clearTaskSet(nexus: ItNexus, lun: number, done: TaskManagementDone): void {
  const logicalUnit = nexus.luns.get(lun)?.logicalUnit;
  if (logicalUnit === undefined) return done('lunNotFound');
  tellCleared(logicalUnit, nexus);
  return stopAll(logicalUnit, nexus, true, () => done('complete'));
}

/** SPC-4 §7.5.7: with TAS the status itself tells; without it, the unit attention. */
function tellCleared(logicalUnit: LogicalUnit, cause: ItNexus | null): void {
  if (logicalUnit.attributes.emulate_tas) return;
  for (const { itl } of logicalUnit.taskSet.commands()) {
    if (itl !== null && itl.itNexus !== cause) {
      itl.unitAttentions.raise(UNIT_ATTENTION.COMMANDS_CLEARED);
    }
  }
}

/** A nexus of another data thread has reset the logical unit, or `cleared` its task set. */
export function stopForSibling(
  logicalUnit: LogicalUnit,
  cleared: boolean,
  stopped: () => void,
): void {
  if (cleared) tellCleared(logicalUnit, null);
  stopOwn(logicalUnit, null, stopped);
}

/** SAM-5 §7.7. */
export function logicalUnitReset(nexus: ItNexus, lun: number, done: TaskManagementDone): void {
  const logicalUnit = nexus.luns.get(lun)?.logicalUnit;
  if (logicalUnit === undefined) return done('lunNotFound');
  return resetOne(logicalUnit, nexus, () => done('complete'));
}

/** RFC 7143's TARGET WARM RESET: every logical unit that this nexus reaches. */
export function targetReset(nexus: ItNexus, done: TaskManagementDone): void {
  const units = new Set([...nexus.luns.values()].map((itl) => itl.logicalUnit));
  let left = 2;
  const one = (): void => {
    if (--left === 0) done('complete');
  };
  left += units.size;
  for (const logicalUnit of units) resetOne(logicalUnit, nexus, one);
  abortCommands(nexus.unmappedTasks, () => true, 'silent', one);
  one();
}

function resetOne(logicalUnit: LogicalUnit, nexus: ItNexus, stopped: () => void): void {
  // SAM-5 §6.3.3: for every I_T nexus, that of the requester too.
  logicalUnit.siblings?.raise(UNIT_ATTENTION.BUS_DEVICE_RESET);
  logicalUnit.raise(UNIT_ATTENTION.BUS_DEVICE_RESET);
  logicalUnit.reset();
  stopAll(logicalUnit, nexus, false, stopped);
}

function stopAll(
  logicalUnit: LogicalUnit,
  nexus: ItNexus,
  cleared: boolean,
  stopped: () => void,
): void {
  const { siblings } = logicalUnit;
  if (siblings === null) return stopOwn(logicalUnit, nexus, stopped);
  let left = 2;
  const one = (): void => {
    if (--left === 0) stopped();
  };
  siblings.stopAll(cleared, one);
  return stopOwn(logicalUnit, nexus, one);
}

/** Own tasks end in silence (the response to the function speaks for them), foreign ones by TAS. */
function stopOwn(logicalUnit: LogicalUnit, nexus: ItNexus | null, stopped: () => void): void {
  const kind = (command: Command): AbortKind =>
    logicalUnit.attributes.emulate_tas && command.task.nexus !== nexus ? 'status' : 'silent';
  abortCommands(logicalUnit.taskSet, () => true, kind, stopped);
}
