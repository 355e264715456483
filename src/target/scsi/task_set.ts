/**
 * SAM-5 §8: the commands of one logical unit, in the order in which they may run. At most
 * `queueDepth` are under execution; the others wait in the order of arrival. SIMPLE commands may
 * pass one another once they run (unrestricted reordering); ORDERED ones wait for all older and
 * hold back all younger; HEAD OF QUEUE goes before everything that has not begun.
 */
import type { Command } from './command.ts';
import { TASK_ATTRIBUTE } from './scsi_task.ts';

/** Commands that may wait in one task set; beyond it the initiator hears TASK SET FULL. */
export const MAX_WAITING_COMMANDS = 4096;

export class TaskSet {
  queueDepth: number;
  readonly #waiting: Command[] = [];
  readonly #running: Command[] = [];
  #pumping = false;

  constructor(queueDepth: number) {
    this.queueDepth = queueDepth;
  }

  /** False: TASK SET FULL; the command was not taken. */
  submit(command: Command): boolean {
    if (this.#waiting.length >= MAX_WAITING_COMMANDS) return false;
    if (command.task.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) {
      this.#waiting.unshift(command);
    } else {
      this.#waiting.push(command);
    }
    this.pump();
    return true;
  }

  /** The command is over, whether it ran or not; `pump` is to follow. */
  remove(command: Command): void {
    const at = this.#running.indexOf(command);
    if (at >= 0) {
      this.#running.splice(at, 1);
      return;
    }
    const waitedAt = this.#waiting.indexOf(command);
    if (waitedAt >= 0) this.#waiting.splice(waitedAt, 1);
  }

  isRunning(command: Command): boolean {
    return this.#running.includes(command);
  }

  /** A copy: those under execution first, then those that wait. */
  commands(): Command[] {
    return [...this.#running, ...this.#waiting];
  }

  get size(): number {
    return this.#running.length + this.#waiting.length;
  }

  /** Starts what may run now. */
  pump(): void {
    // A command that completes at once comes back here; the outer loop then goes on.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#running.length < this.queueDepth) {
      const command = this.#waiting[0];
      if (command === undefined || !this.#mayRun(command)) break;
      this.#waiting.shift();
      this.#running.push(command);
      command.start();
    }
    this.#pumping = false;
  }

  /** SAM-5 §8.6: an ORDERED command runs after all older and before all younger commands. */
  #mayRun(command: Command): boolean {
    const { taskAttribute } = command.task;
    if (taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) return true;
    if (taskAttribute === TASK_ATTRIBUTE.ORDERED) return this.#running.length === 0;
    for (const other of this.#running) {
      const { taskAttribute: ahead } = other.task;
      if (ahead === TASK_ATTRIBUTE.ORDERED || ahead === TASK_ATTRIBUTE.HEAD_OF_QUEUE) return false;
    }
    return true;
  }
}
