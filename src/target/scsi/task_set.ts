/**
 * SAM-5 §8: the commands of one logical unit, in the order in which they may run. At most
 * `queueDepth` of each nexus are under execution, so that one whose data never comes keeps its own
 * places only; the others wait in the order of arrival. SIMPLE commands may
 * pass one another once they run (unrestricted reordering); ORDERED ones wait for all older and
 * hold back all younger; HEAD OF QUEUE goes before everything that has not begun.
 */
import { SYSTEM_CLOCK, type Clock } from '../../util/clock.ts';
import type { Command } from './command.ts';
import type { ItlNexus, ItNexus } from './nexus.ts';
import { FEW_COMMANDS, ReadShare, RECENT_COMMANDS } from './read_share.ts';
import { RateLimit, type Rates, type Waiter } from './rate_limit.ts';
import { TASK_ATTRIBUTE } from './scsi_task.ts';
import { SharedOrder } from './shared_order.ts';
import type { Siblings } from './siblings.ts';

/** Commands that may wait in one task set; beyond it the initiator hears TASK SET FULL. */
export const MAX_WAITING_COMMANDS = 4096;

/**
 * What one nexus may have under execution while others use the logical unit: a medium works on
 * about twice as many at once, and a command that comes behind them all would wait for all of them.
 */
const DEPTH_BESIDE_OTHERS = 16;
/** After so many commands in a row of one nexus, it has the logical unit to itself. */
const ALONE_AFTER = 1024;

export class TaskSet implements Waiter {
  queueDepth: number;
  /** Aborted writes that the storage still works on; counted by the commands. */
  leftovers = 0;
  readonly #waiting: Command[] = [];
  readonly #running: Command[] = [];
  /** ORDERED and HEAD OF QUEUE commands among them. */
  #barriers = 0;
  /** Of sessions that have used up their rate: not yet in the order of this task set. */
  readonly #throttled = new Set<Command>();
  /** What other data threads have to do with it; null: there are none. */
  readonly shared: SharedOrder | null;
  #pumping = false;
  /** Of all initiators together. */
  readonly #limit: RateLimit;
  /** Whose command began last, and how many in a row have been of that nexus. */
  #latest: ItlNexus | null = null;
  #inARow = ALONE_AFTER;
  /** The nexus with a shallow queue whose read waited for the medium last. */
  #shallow: ItlNexus | null = null;
  /** Commands that began since; counted as far as it matters. */
  #sinceShallow = RECENT_COMMANDS;
  readonly #readShare = new ReadShare();
  /** What ends before it has begun has waited for nothing. */
  #starting: Command | null = null;
  /** Counts what began under the limit, so that nexuses take turns. */
  #turns = 0;

  constructor(queueDepth: number, clock: Clock = SYSTEM_CLOCK, siblings: Siblings | null = null) {
    this.queueDepth = queueDepth;
    this.shared = siblings && new SharedOrder(siblings, this);
    this.#limit = new RateLimit(clock, siblings?.dues(clock));
  }

  /** Commands beyond it wait; those that wait already begin when it allows. */
  setRates(rates: Rates): void {
    this.#limit.set(rates);
    this.pump();
  }

  /** False: TASK SET FULL; the command was not taken. */
  submit(command: Command): boolean {
    if (this.#waiting.length + this.#throttled.size >= MAX_WAITING_COMMANDS) return false;
    const throttle = command.itl === null ? null : command.itl.itNexus.throttle;
    if (throttle !== null && !throttle.admit(command)) this.#throttled.add(command);
    else this.#enter(command);
    return true;
  }

  /** Its session may go on. */
  release(command: Command): void {
    if (this.#throttled.delete(command)) this.#enter(command);
  }

  #enter(command: Command): void {
    const { itl } = command;
    if (itl !== null) itl.depth = Math.max(itl.queued << 3, itl.depth - 1);
    if (command.task.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) {
      this.#waiting.unshift(command);
    } else {
      this.#waiting.push(command);
    }
    this.pump();
  }

  /** The command is over, whether it ran or not; `pump` is to follow. */
  remove(command: Command): void {
    if (command.place >= 0) return this.#leave(command);
    const waitedAt = this.#waiting.indexOf(command);
    if (waitedAt >= 0) {
      this.#waiting.splice(waitedAt, 1);
      this.shared?.gone(command);
    } else if (this.#throttled.delete(command)) {
      command.itl?.itNexus.throttle?.remove(command);
    }
    return undefined;
  }

  /**
   * A write of a nexus that is lost is still with the storage, and the same initiator is back: what
   * it writes now must not be overwritten by that.
   */
  hasLeftoverWrite(nexus: ItNexus): boolean {
    if (this.shared?.hasLeftoverWrite(nexus.initiatorName) === true) return true;
    if (this.leftovers === 0) return false;
    const { initiatorName } = nexus;
    return this.#running.some(
      (command) =>
        command.leftover &&
        command.nexus !== nexus &&
        command.nexus.initiatorName === initiatorName,
    );
  }

  isRunning(command: Command): boolean {
    return command.place >= 0;
  }

  /** A copy: those under execution first, then those that wait. */
  commands(): Command[] {
    return [...this.#running, ...this.#waiting, ...this.#throttled];
  }

  get runs(): boolean {
    return this.#running.length > 0;
  }

  get size(): number {
    return this.#running.length + this.#waiting.length + this.#throttled.size;
  }

  /** Starts what may run now. */
  pump(): void {
    // A command that completes at once comes back here; the outer loop then goes on.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let command = this.#takeNext(); command !== null; command = this.#takeNext()) {
        this.#begin(command);
        this.#starting = command;
        command.start();
      }
    } finally {
      this.#starting = null;
      // A mistake in one command must not stop those of all others.
      this.#pumping = false;
    }
  }

  /** SIMPLE commands of a nexus that has its share under execution are passed by. */
  #takeNext(): Command | null {
    if (this.#limit.active) return this.#takeInTurn();
    for (let at = 0; at < this.#waiting.length; at++) {
      const command = this.#waiting[at];
      if (command === undefined) return null;
      const { taskAttribute } = command.task;
      if (this.#hasPlace(command)) {
        if (!this.#mayRun(command)) return null;
        if (taskAttribute === TASK_ATTRIBUTE.ORDERED && at > 0) return null;
        if (at === this.#waiting.length - 1) this.#waiting.pop();
        else this.#waiting.splice(at, 1);
        return command;
      }
      if (taskAttribute > TASK_ATTRIBUTE.SIMPLE) return null;
    }
    return null;
  }

  /** Of a rate that does not suffice each nexus has its share, however deep the queue of others. */
  #takeInTurn(): Command | null {
    const at = this.#nextInTurn();
    const command = this.#waiting[at];
    if (command === undefined || !this.#mayRun(command) || !this.#admit(command)) return null;
    if (command.itl !== null) command.itl.turn = ++this.#turns;
    this.#waiting.splice(at, 1);
    return command;
  }

  /** The oldest SIMPLE command of the nexus that was served least recently; -1: none may run. */
  #nextInTurn(): number {
    let best = -1;
    let bestTurn = Infinity;
    for (let at = 0; at < this.#waiting.length; at++) {
      const command = this.#waiting[at];
      if (command === undefined) break;
      const { task, itl } = command;
      const simple = task.taskAttribute <= TASK_ATTRIBUTE.SIMPLE;
      if (!simple && at > 0) break;
      const turn = itl?.turn ?? 0;
      if (turn < bestTurn && this.#hasPlace(command)) {
        best = at;
        bestTurn = turn;
      }
      if (!simple) break;
    }
    return best;
  }

  /** The limit of the logical unit lets the next command begin. */
  advance(): void {
    this.pump();
  }

  /** False: too early; `advance` is called in time. */
  #admit({ task, itl }: Command): boolean {
    const limit = this.#limit;
    if (limit.contended) return false;
    if (limit.waitMs() > 0) {
      itl?.io.delayed();
      itl?.logicalUnit.io.delayed();
      limit.wait(this);
      return false;
    }
    limit.take(task.dataInExpected + task.dataOutExpected);
    return true;
  }

  #hasPlace({ itl, task }: Command): boolean {
    const running = itl === null ? this.#running.length : itl.running;
    if (running >= this.queueDepth) return false;
    if (running >= DEPTH_BESIDE_OTHERS && this.#inARow < ALONE_AFTER) return false;
    if (itl === null || itl.reading < this.#readShare.limit) return true;
    if (this.#sinceShallow >= RECENT_COMMANDS || itl === this.#shallow) return true;
    return isShallow(itl) || task.dataInExpected === 0;
  }

  /** SAM-5 §8.6: an ORDERED command runs after all older and before all younger commands. */
  #mayRun(command: Command): boolean {
    const { taskAttribute } = command.task;
    if (taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) return true;
    if (this.shared?.held === true) return false;
    if (taskAttribute === TASK_ATTRIBUTE.ORDERED) {
      return this.#running.length === 0 && this.shared?.hasTurn(command) !== false;
    }
    return this.#barriers === 0;
  }

  #begin(command: Command): void {
    command.place = this.#running.push(command) - 1;
    if (command.itl !== null) {
      command.itl.running++;
      if (command.task.dataInExpected > 0) command.itl.reading++;
    }
    if (this.#sinceShallow < RECENT_COMMANDS) this.#sinceShallow++;
    if (command.itl === this.#latest) this.#inARow++;
    else this.#follow(command.itl);
    if (command.task.taskAttribute > TASK_ATTRIBUTE.SIMPLE) this.#barriers++;
    this.shared?.begins(command);
  }

  #follow(itl: ItlNexus | null): void {
    // The first of all is nobody's company.
    if (this.#latest !== null) this.#inARow = 0;
    this.#latest = itl;
  }

  /** The last takes its place: those under execution have no order. */
  #leave(command: Command): void {
    const last = this.#running.pop();
    if (last !== undefined && last !== command) {
      this.#running[command.place] = last;
      last.place = command.place;
    }
    command.place = -1;
    if (command.itl !== null) this.#leaveNexus(command, command.itl);
    if (command.task.taskAttribute > TASK_ATTRIBUTE.SIMPLE) this.#barriers--;
    this.shared?.ended(command);
  }

  #leaveNexus(command: Command, itl: ItlNexus): void {
    itl.running--;
    if (command.task.dataInExpected === 0) return;
    itl.reading--;
    if (command === this.#starting || !isShallow(itl)) return;
    this.#shallow = itl;
    this.#sinceShallow = 0;
    if (this.#waiting.length > 0) this.#readShare.took(command.elapsedMs);
  }
}

const isShallow = (itl: ItlNexus): boolean => itl.depth <= FEW_COMMANDS << 3;
