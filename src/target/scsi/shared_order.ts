/**
 * The order of commands when several data threads serve one logical unit: each has a task set of
 * its own, and this is what the others have to say in it. SIMPLE commands cost one look at a field.
 */
import type { Command } from './command.ts';
import { TASK_ATTRIBUTE } from './scsi_task.ts';
import type { Siblings } from './siblings.ts';

/** The task set of this thread. */
interface OwnTaskSet {
  /** A command is under execution. */
  readonly runs: boolean;
  pump(): void;
}

export class SharedOrder {
  readonly #siblings: Siblings;
  readonly #own: OwnTaskSet;
  #holds = 0;
  #whenStill: (() => void)[] = [];
  /** The ORDERED command, next in this thread, that has asked for the turn. */
  #ordered: Command | null = null;
  #turn = false;
  /** By initiator: writes of its lost sessions that the storage still has, in other threads. */
  readonly #leftovers = new Map<string, number>();

  constructor(siblings: Siblings, own: OwnTaskSet) {
    this.#siblings = siblings;
    this.#own = own;
  }

  /** Commands of other threads hold back all but HEAD OF QUEUE. */
  get held(): boolean {
    return this.#holds > 0;
  }

  hold(change: number): void {
    this.#holds += change;
    if (this.#holds === 0) this.#own.pump();
  }

  /** Calls back when no command runs in this thread; to be asked for while held. */
  whenStill(still: () => void): void {
    if (this.#own.runs) this.#whenStill.push(still);
    else still();
  }

  countLeftover(initiatorName: string, change: number): void {
    const count = (this.#leftovers.get(initiatorName) ?? 0) + change;
    if (count === 0) this.#leftovers.delete(initiatorName);
    else this.#leftovers.set(initiatorName, count);
  }

  hasLeftoverWrite(initiatorName: string): boolean {
    return this.#leftovers.size > 0 && this.#leftovers.has(initiatorName);
  }

  /** False: not yet, and the task set is pumped when it has. Nothing runs in this thread. */
  hasTurn(command: Command): boolean {
    if (this.#ordered !== command) {
      this.#ordered = command;
      this.#siblings.takeTurn(() => {
        this.#turn = true;
        this.#own.pump();
      });
    }
    return this.#turn;
  }

  begins(command: Command): void {
    if (command.task.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#siblings.hold(1);
  }

  /** The command ran and is over; it is no longer counted. */
  ended(command: Command): void {
    if (command.task.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#siblings.hold(-1);
    this.gone(command);
    if (this.#whenStill.length === 0 || this.#own.runs) return;
    const waiting = this.#whenStill;
    this.#whenStill = [];
    for (const still of waiting) still();
  }

  /** The command is over, perhaps without having run. */
  gone(command: Command): void {
    if (this.#ordered !== command) return;
    this.#ordered = null;
    this.#turn = false;
    this.#siblings.giveTurn();
  }
}
