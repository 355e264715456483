/** SAM-5 §4.5: where commands enter, and the checks that all share, in one order. */
import { Command } from './command.ts';
import type { ScsiTask } from './scsi_task.ts';
import { SENSE, STATUS } from './sense.ts';

/** Runs one command; the answer comes through `task`. Never throws for what a peer sent. */
export function submit(task: ScsiTask): void {
  const itl = task.nexus.luns.get(task.lun) ?? null;
  const command = Command.acquire(task, itl, execute);
  if (!command.taskSet.submit(command)) command.complete(STATUS.TASK_SET_FULL, null);
}

function execute(command: Command): void {
  command.check(SENSE.INVALID_OPERATION_CODE);
}
