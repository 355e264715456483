/** SAM-5 §4.5: where commands enter, and the checks that all share, in one order. */
import { passGate } from './access_state.ts';
import { Command } from './command.ts';
import type { CommandRow } from './command_row.ts';
import { commandRow } from './command_table.ts';
import { isWriteProtected } from './mode.ts';
import { TASK_ATTRIBUTE, type ScsiTask } from './scsi_task.ts';
import { SENSE, STATUS, unitAttentionSense } from './sense.ts';
import { isServed, usageOf } from './supported_opcodes.ts';
import { notReadySense } from './unit_control.ts';

/** Runs one command; the answer comes through `task`. Never throws for what a peer sent. */
export function submit(task: ScsiTask): void {
  const itl = task.nexus.luns.get(task.lun) ?? null;
  const command = Command.acquire(task, itl, execute);
  // SAM-5 §8.6: NORMACA is zero, so that there is no ACA attribute; the codes above are reserved.
  if (task.taskAttribute > TASK_ATTRIBUTE.HEAD_OF_QUEUE) {
    command.check(SENSE.INVALID_MESSAGE_ERROR);
  } else if (!command.taskSet.submit(command)) {
    command.complete(STATUS.TASK_SET_FULL, null);
  }
}

/** LUN, unit attention, opcode, state of the target port group; then what `proceed` checks. */
function execute(command: Command): void {
  const row = commandRow(command.cdb);
  const { itl } = command;
  if (itl === null) return executeUnmapped(command, row);
  const condition = itl.unitAttentions.peek();
  if (condition !== 0 && row?.checks.passesUnitAttention !== true) {
    itl.reported(condition);
    return command.check(unitAttentionSense(condition));
  }
  if (row === undefined || !isServed(row, itl)) {
    return command.check(SENSE.INVALID_OPERATION_CODE);
  }
  const { gate } = itl.portGroup;
  if (gate === null) return proceed(command, row);
  return passGate(gate, command, row, itl.logicalUnit.clock, proceed);
}

/** Not ready, write protection, reserved bits; then the command. */
function proceed(command: Command, row: CommandRow): void {
  const { logicalUnit } = command;
  if (row.checks.notReadyOk !== true) {
    const notReady = notReadySense(logicalUnit);
    if (notReady !== null) return command.check(notReady);
    // SAM-5 §5.3.1: to be tried again, until the write of the lost nexus has ended.
    if (command.taskSet.hasLeftoverWrite(command.nexus)) {
      return command.complete(STATUS.BUSY, null);
    }
  }
  if (row.checks.writes === true && isWriteProtected(command)) {
    return command.check(SENSE.WRITE_PROTECTED);
  }
  if (!onlyUsedBits(command, usageOf(row, logicalUnit))) return;
  row.run(command);
}

/** SPC-4 §6.6, §6.33, §6.39: what is answered where no logical unit is. */
function executeUnmapped(command: Command, row: CommandRow | undefined): void {
  if (row?.checks.anyLun !== true) return command.check(SENSE.LOGICAL_UNIT_NOT_SUPPORTED);
  if (!onlyUsedBits(command, row.usage)) return;
  row.run(command);
}

/** SPC-4 §4.2.5: a one in a field that is reserved or not served is refused, and pointed at. */
function onlyUsedBits(command: Command, usage: readonly number[]): boolean {
  const { cdb } = command;
  for (let at = 1; at < usage.length; at++) {
    const bad = (cdb[at] ?? 0) & ~(usage[at] ?? 0);
    if (bad === 0) continue;
    command.invalidField(at, 31 - Math.clz32(bad));
    return false;
  }
  return true;
}
