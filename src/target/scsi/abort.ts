/** Stopping commands of a task set, and knowing when they have stopped. */
import type { Command } from './command.ts';
import type { TaskSet } from './task_set.ts';

/** `silent`: the initiator hears nothing; `status`: TASK ABORTED (SAM-5 §5.3.1). */
export type AbortKind = 'silent' | 'status';

/**
 * Aborts every command of `taskSet` that `chosen` names. `stopped` is called once, when the last
 * of them has completed: at once where there is none.
 */
export function abortCommands(
  taskSet: TaskSet,
  chosen: (command: Command) => boolean,
  kind: AbortKind | ((command: Command) => AbortKind),
  stopped: () => void = () => {},
): void {
  let left = 1;
  const one = (): void => {
    if (--left === 0) stopped();
  };
  // Two passes: ending one command may end others (a budget freed, an ORDERED one gone), and those
  // must know already that they are aborted.
  const commands = taskSet.commands().filter(chosen);
  for (const command of commands) {
    left++;
    command.markAborted(typeof kind === 'function' ? kind(command) : kind, one);
  }
  for (const command of commands) command.carryOutAbort();
  one();
}
