/**
 * The limits of one session, and of its initiator, before its commands enter a task set: a session
 * that has used up its rate must not hold up others at the same LUN. So its commands wait here in
 * their own order, HEAD OF QUEUE first; to the task set they arrive when their time has come.
 */
import type { Command } from './command.ts';
import type { RateLimit, Waiter } from './rate_limit.ts';
import { TASK_ATTRIBUTE } from './scsi_task.ts';

const bytesOf = ({ task }: Command): number => task.dataInExpected + task.dataOutExpected;

export class Throttle implements Waiter {
  /** How often a command waited for each of the two. */
  sessionDelays = 0;
  aclDelays = 0;
  #session: RateLimit | null = null;
  #acl: RateLimit | null = null;
  readonly #queue: Command[] = [];
  #queuedBytes = 0;
  /** Of the latest command: what the next will be like. */
  #commandBytes = 0;
  #waitsFor: RateLimit | null = null;

  get session(): RateLimit | null {
    return this.#session;
  }

  /** Shared by all sessions of the initiator in the TPG. */
  get acl(): RateLimit | null {
    return this.#acl;
  }

  /** Commands that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Holds at once, also for commands that wait already. */
  setLimits(session: RateLimit | null, acl: RateLimit | null): void {
    if (session === this.#session && acl === this.#acl) return;
    this.#waitsFor?.leave(this);
    this.#waitsFor = null;
    this.#session = session;
    this.#acl = acl;
    for (let at = this.#blockedBy(null); ; at = this.#blockedBy(null)) {
      if (at !== null) return this.#queue.length > 0 ? this.#waitFor(at) : undefined;
      const command = this.#begin();
      if (command === undefined) return;
      command.taskSet.release(command);
    }
  }

  /** False: it waits; `TaskSet.release` is called in time. */
  admit(command: Command): boolean {
    const bytes = bytesOf(command);
    this.#commandBytes = bytes;
    const blockedBy = this.#queue.length > 0 ? this.#waitsFor : this.#blockedBy(null);
    if (blockedBy === null && this.#queue.length === 0) {
      this.#take(bytes);
      return true;
    }
    if (command.task.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#queue.unshift(command);
    else this.#queue.push(command);
    this.#queuedBytes += bytes;
    if (this.#waitsFor === null && blockedBy !== null) this.#waitFor(blockedBy);
    return false;
  }

  /** The command was aborted while it waited. */
  remove(command: Command): void {
    const at = this.#queue.indexOf(command);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#queuedBytes -= bytesOf(command);
    if (this.#queue.length > 0) return;
    this.#waitsFor?.leave(this);
    this.#waitsFor = null;
  }

  /** How many more commands the initiator should send now. */
  room(): number {
    const waiting = this.#queue.length;
    let room = Infinity;
    for (const limit of [this.#session, this.#acl]) {
      if (limit === null) continue;
      room = Math.min(room, limit.room(waiting, this.#queuedBytes, this.#commandBytes));
    }
    return room;
  }

  /** One command per turn: sessions of one initiator share its rate evenly. */
  advance(turn: RateLimit): void {
    this.#waitsFor = null;
    const blockedBy = this.#blockedBy(turn);
    if (blockedBy !== null) return this.#waitFor(blockedBy);
    const command = this.#begin();
    if (command === undefined) return;
    if (this.#queue.length > 0) this.#waitFor(this.#blockedBy(null) ?? turn);
    command.taskSet.release(command);
  }

  /** The first command that waits is off the queue and counted. */
  #begin(): Command | undefined {
    const command = this.#queue.shift();
    if (command === undefined) return undefined;
    const bytes = bytesOf(command);
    this.#queuedBytes -= bytes;
    this.#take(bytes);
    return command;
  }

  #take(bytes: number): void {
    this.#session?.take(bytes);
    this.#acl?.take(bytes);
  }

  /** `turn`: the limit whose turn it is; those who wait for it wait behind us. */
  #blockedBy(turn: RateLimit | null): RateLimit | null {
    for (const limit of [this.#session, this.#acl]) {
      if (limit === null) continue;
      if ((limit !== turn && limit.contended) || limit.waitMs() > 0) return limit;
    }
    return null;
  }

  #waitFor(limit: RateLimit): void {
    if (limit === this.#session) this.sessionDelays++;
    else this.aclDelays++;
    this.#waitsFor = limit;
    limit.wait(this);
  }
}
