import { beforeEach, describe, expect, test } from 'vitest';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { TASK_ATTRIBUTE } from '../../../../src/target/scsi/scsi_task.ts';
import { submit } from '../../../../src/target/scsi/device_server.ts';
import { STAGING } from '../../../../src/target/scsi/staging.ts';
import {
  abortTask,
  abortTaskSet,
  clearTaskSet,
  logicalUnitReset,
  targetReset,
} from '../../../../src/target/scsi/task_management.ts';
import { MAX_WAITING_COMMANDS } from '../../../../src/target/scsi/task_set.ts';
import { FakeClock } from '../../../loopback/served.ts';
import {
  attentions,
  BLOCK,
  cdb10,
  mapping,
  nexusOn,
  run,
  start,
  taskOf,
  TEST_UNIT_READY,
  unit,
  type Options,
  type ScriptedMedium,
  type UnitOptions,
} from './bench.ts';

const { SIMPLE, ORDERED, HEAD_OF_QUEUE } = TASK_ATTRIBUTE;

let lu: LogicalUnit;
let medium: ScriptedMedium;
let nexus: ItNexus;
let other: ItNexus;
beforeEach(() => {
  ({ lu, medium } = unit({ attributes: { queue_depth: 4 } }));
  nexus = nexusOn({ 0: lu });
  other = nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' });
  medium.holding = true;
});

const read = (of: ItNexus, attribute: number = SIMPLE, options: Options = {}) =>
  start(of, cdb10(0x28, 0, 1), { inLength: BLOCK, attribute, ...options });
const write = (of: ItNexus, options: Options = {}) =>
  start(of, cdb10(0x2a, 0, 1), { out: Buffer.alloc(BLOCK, 1), ...options });

describe('the task set', () => {
  test('runs as many as queue_depth, the others in order of arrival', () => {
    const tasks = Array.from({ length: 6 }, () => read(nexus));
    expect(medium.held).toHaveLength(4);
    medium.held.shift()?.();
    expect(tasks.map(({ done }) => done)).toEqual([true, false, false, false, false, false]);
    expect(medium.held).toHaveLength(4);
    medium.release();
    medium.release();
    expect(tasks.every(({ outcome }) => outcome === 'good')).toBe(true);
    expect(lu.taskSet.size).toBe(0);
  });

  test('one nexus has no more than a share under execution while another is there', () => {
    ({ lu, medium } = unit({ attributes: { queue_depth: 128 } }));
    [nexus, other] = [
      nexusOn({ 0: lu }),
      nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' }),
    ];
    medium.holding = true;
    for (let at = 0; at < 100; at++) write(nexus);
    expect(medium.held).toHaveLength(100);
    const shallow = write(other);
    expect(medium.held).toHaveLength(101);
    medium.release();
    expect(shallow.done).toBe(true);
    for (let at = 0; at < 100; at++) write(nexus);
    expect(medium.held).toHaveLength(16);
    const next = write(other);
    expect(medium.held).toHaveLength(17);
    medium.held.pop()?.();
    expect(next.done).toBe(true);
    medium.holding = false;
    medium.release();
    for (let at = 0; at < 1100; at++) write(nexus);
    medium.holding = true;
    for (let at = 0; at < 100; at++) write(nexus);
    expect(medium.held).toHaveLength(100);
    medium.release();
  });

  test('an ORDERED command waits for all older and holds back all younger', () => {
    const older = [read(nexus), read(other)];
    const ordered = read(nexus, ORDERED);
    const younger = read(other);
    expect(medium.held).toHaveLength(2);
    medium.held.pop()?.();
    expect(medium.held).toHaveLength(1);
    medium.release();
    expect([older.every(({ done }) => done), ordered.done, medium.held.length]).toEqual([
      true,
      false,
      1,
    ]);
    medium.release();
    expect([ordered.done, younger.done]).toEqual([true, false]);
    medium.release();
    expect(younger.done).toBe(true);
  });

  test('HEAD OF QUEUE passes what has not begun', () => {
    read(nexus);
    const ordered = read(nexus, ORDERED);
    const urgent = read(nexus, HEAD_OF_QUEUE);
    expect(medium.held).toHaveLength(2);
    medium.held.pop()?.();
    expect([urgent.done, ordered.done]).toEqual([true, false]);
    medium.release();
    medium.release();
    expect(ordered.done).toBe(true);
  });

  test('is full at its limit, and says so', () => {
    for (let count = 0; count < 4 + MAX_WAITING_COMMANDS; count++) read(nexus);
    expect(read(nexus).outcome).toBe('task set full');
    abortTaskSet(nexus, 0, () => {});
    medium.holding = false;
    medium.release();
    expect(lu.taskSet.size).toBe(0);
  });

  test('goes on after a mistake of ours in one command', () => {
    const flawed = taskOf(nexus, [0x12, 0, 0, 0, 36, 0], { inLength: 36 });
    medium.holding = false;
    flawed.sendDataIn = () => {
      throw new Error('mistake');
    };
    expect(() => submit(flawed)).toThrow('mistake');
    expect(read(other).outcome).toBe('good');
  });
});

describe('task management', () => {
  const outcomes: string[] = [];
  const done = (outcome: string) => void outcomes.push(outcome);
  beforeEach(() => void (outcomes.length = 0));

  test('ABORT TASK is done only when the storage has let go, and the task says nothing', () => {
    const task = read(nexus);
    abortTask(task, done);
    expect([outcomes.length, task.done, task.aborted]).toEqual([0, false, true]);
    medium.release();
    expect([outcomes, task.done, task.dataIn.length]).toEqual([['complete'], true, 0]);
    abortTask(task, done);
    expect(outcomes).toEqual(['complete', 'taskNotFound']);
  });

  test('ABORT TASK ends a task that waits for its turn, its data, or its memory', () => {
    Array.from({ length: 3 }, () => read(nexus));
    const forData = write(nexus, { holdsTransfers: true });
    const forTurn = read(nexus);
    abortTask(forTurn, done);
    abortTask(forData, done);
    expect([outcomes, forTurn.done, forData.done]).toEqual([['complete', 'complete'], true, true]);
    expect(medium.calls).toEqual(['read', 'read', 'read']);
    medium.release();
    expect(STAGING.usedBytes).toBe(0);
  });

  test('ABORT TASK leaves no write behind it', () => {
    const task = start(nexus, cdb10(0x2a, 0, 4000), { out: Buffer.alloc(4000 * BLOCK, 1) });
    abortTask(task, done);
    medium.release();
    medium.release();
    expect([outcomes, medium.calls]).toEqual([['complete'], ['write']]);
  });

  test('ABORT TASK SET takes the tasks of its own nexus only', () => {
    const mine = [read(nexus), write(nexus)];
    const theirs = read(other);
    abortTaskSet(nexus, 0, done);
    expect(outcomes).toEqual([]);
    medium.release();
    expect(outcomes).toEqual(['complete']);
    expect(mine.every(({ aborted }) => aborted)).toBe(true);
    expect([theirs.aborted, theirs.outcome]).toEqual([false, 'good']);
    expect(attentions(other)).toEqual([]);
  });

  test('CLEAR TASK SET ends those of others with TASK ABORTED', () => {
    const mine = read(nexus);
    const theirs = write(other, { holdsTransfers: true });
    clearTaskSet(nexus, 0, done);
    expect([theirs.done, theirs.aborted, theirs.outcome]).toEqual([true, false, 'task aborted']);
    medium.release();
    expect([outcomes, mine.aborted]).toEqual([['complete'], true]);
    expect(attentions(other)).toEqual([]);
  });

  test('CLEAR TASK SET without TAS tells others by unit attention, if they had tasks', () => {
    lu.updateAttributes({ ...lu.attributes, emulate_tas: false });
    attentions(other);
    const idle = nexusOn({ 0: lu });
    const theirs = read(other);
    clearTaskSet(nexus, 0, done);
    medium.release();
    expect([outcomes, theirs.aborted]).toEqual([['complete'], true]);
    expect([attentions(other), attentions(idle)]).toEqual([['2f00'], []]);
  });

  test('LOGICAL UNIT RESET ends all, resets mode parameters, and tells every nexus', () => {
    lu.softwareWriteProtect = true;
    lu.descriptorSense = true;
    const tasks = [read(nexus), read(other), read(nexus, ORDERED)];
    logicalUnitReset(nexus, 0, done);
    expect(outcomes).toEqual([]);
    medium.release();
    expect(outcomes).toEqual(['complete']);
    expect(tasks.every((task) => task.done)).toBe(true);
    expect([lu.softwareWriteProtect, lu.descriptorSense]).toEqual([false, false]);
    expect([attentions(nexus), attentions(other)]).toEqual([['2903'], ['2903']]);
  });

  test('a second function on the same task waits for the same end', () => {
    const task = read(nexus);
    abortTask(task, done);
    logicalUnitReset(other, 0, done);
    expect(outcomes).toEqual([]);
    medium.release();
    expect([outcomes, task.completions]).toEqual([['complete', 'complete'], 1]);
  });

  test('TARGET RESET ends the tasks of each LUN, and all without a LUN', () => {
    const second = unit();
    second.medium.holding = true;
    nexus.setLuns(mapping({ 0: lu, 1: second.lu }));
    attentions(nexus, 0);
    attentions(nexus, 1);
    const tasks = [read(nexus), read(nexus, SIMPLE, { lun: 1 })];
    targetReset(nexus, done);
    medium.release();
    expect(outcomes).toEqual([]);
    second.medium.release();
    expect([outcomes, tasks.every((task) => task.aborted)]).toEqual([['complete'], true]);
    targetReset(nexusOn({}), done);
    expect(outcomes).toEqual(['complete', 'complete']);
  });

  test('functions on a LUN that is not mapped say so', () => {
    for (const run of [abortTaskSet, clearTaskSet, logicalUnitReset]) run(nexus, 9, done);
    expect(outcomes).toEqual(['lunNotFound', 'lunNotFound', 'lunNotFound']);
  });
});

describe('an I_T nexus', () => {
  test('keeps untouched LUNs as they are, and tells them of a changed inventory', () => {
    const second = unit().lu;
    const kept = nexus.luns.get(0);
    const task = read(nexus);
    nexus.setLuns(mapping({ 0: lu, 1: second }));
    expect(nexus.luns.get(0)).toBe(kept);
    expect([attentions(nexus, 0), attentions(nexus, 1)]).toEqual([['3f0e'], ['2900']]);
    nexus.setLuns(mapping({ 0: lu, 1: second }));
    expect([attentions(nexus, 0), attentions(nexus, 1)]).toEqual([[], []]);
    expect(attentions(other)).toEqual([]);
    medium.release();
    expect(task.outcome).toBe('good');
  });

  test('ends the tasks of a LUN that goes, or that is another unit now, and says so', () => {
    const task = read(nexus);
    nexus.setLuns(mapping({ 0: unit().lu }));
    expect([...lu.nexuses].map(({ itNexus }) => itNexus)).toEqual([other]);
    medium.release();
    expect([task.aborted, task.outcome]).toEqual([false, 'task aborted']);
    expect(attentions(nexus)).toEqual(['2900']);
  });

  test('tells a changed write protection as changed mode parameters', () => {
    nexus.setLuns(mapping({ 0: lu }, true));
    expect(attentions(nexus)).toEqual(['2a01']);
    expect(write(nexus).outcome).toBe('07/27/00');
  });

  test('that is lost in the midst of a write holds its initiator back until that has ended', () => {
    const old = write(nexus);
    const theirs = read(other);
    nexus.close();
    const back = nexusOn({ 0: lu });
    expect([write(back).outcome, read(back).outcome]).toEqual(['busy', 'busy']);
    expect(start(back, [0x12, 0, 0, 0, 36, 0], { inLength: 36 }).outcome).toBe('good');
    // Nobody else waits, and no one after it is over.
    medium.held.pop()?.();
    expect([theirs.outcome, old.done]).toEqual(['good', false]);
    medium.release();
    expect([old.done, old.aborted, lu.taskSet.leftovers]).toEqual([true, true, 0]);
    const again = write(back);
    medium.release();
    expect(again.outcome).toBe('good');
  });

  test('whose data never comes keeps its own places of the queue, not those of others', () => {
    const stuck = Array.from({ length: 6 }, () => write(nexus, { holdsTransfers: true }));
    const theirs = Array.from({ length: 6 }, () => read(other));
    expect(medium.held).toHaveLength(4);
    medium.release();
    medium.release();
    expect(theirs.every(({ outcome }) => outcome === 'good')).toBe(true);
    expect(stuck.some((task) => task.done)).toBe(false);
    const ordered = read(other, ORDERED);
    const behind = read(other);
    expect([ordered.done, behind.done, medium.held.length]).toEqual([false, false, 0]);
    nexus.close();
    medium.release();
    medium.release();
    expect([ordered.outcome, behind.outcome, lu.taskSet.size]).toEqual(['good', 'good', 0]);
  });

  test('leaves nothing on the unit when it closes', () => {
    const tasks = [read(nexus), write(nexus), read(nexus), read(nexus), read(nexus)];
    nexus.close();
    medium.release();
    expect(tasks.every((task) => task.done && task.aborted)).toBe(true);
    expect([...lu.nexuses].map(({ itNexus }) => itNexus)).toEqual([other]);
    expect([lu.taskSet.size, STAGING.usedBytes]).toEqual([0, 0]);
  });
});

describe('a logical unit', () => {
  test('waits on close until its last command has stopped', async () => {
    const task = read(nexus);
    let closed = false;
    const closing = lu.close().then(() => (closed = true));
    await Promise.resolve();
    expect(closed).toBe(false);
    medium.release();
    await closing;
    expect(task.aborted).toBe(true);
  });

  test('tells changed attributes where initiators must know', () => {
    const change = (changed: Partial<LogicalUnit['attributes']>) => {
      lu.updateAttributes({ ...lu.attributes, ...changed });
      return attentions(nexus);
    };
    expect(change({ emulate_write_cache: true })).toEqual(['2a01']);
    expect(medium.writeCache).toBe(true);
    expect(change({ emulate_tpu: true, is_nonrot: true })).toEqual(['3f03']);
    expect(change({ emulate_rsoc: false })).toEqual([]);
    expect(change({})).toEqual([]);
  });

  test('turning the write cache off by attribute makes durable what it held', () => {
    medium.holding = false;
    lu.updateAttributes({ ...lu.attributes, emulate_write_cache: true });
    medium.calls.length = 0;
    lu.updateAttributes({ ...lu.attributes, emulate_write_cache: false });
    expect([medium.writeCache, medium.calls]).toEqual([false, ['flush']]);
  });

  test('goes on after aborts as if nothing had been', async () => {
    for (let round = 0; round < 50; round++) {
      Array.from({ length: 9 }, (_, index) => read(index % 2 === 0 ? nexus : other));
      abortTaskSet(round % 2 === 0 ? nexus : other, 0, () => {});
      medium.release();
      medium.release();
      medium.release();
    }
    medium.holding = false;
    medium.release();
    expect((await run(nexus, TEST_UNIT_READY)).outcome).toBe('good');
    expect([lu.taskSet.size, STAGING.usedBytes]).toEqual([0, 0]);
  });
});

describe('a logical unit with a rate', () => {
  const setup = (attributes: UnitOptions['attributes']) => {
    const clock = new FakeClock();
    ({ lu, medium } = unit({ attributes: attributes ?? {}, clock }));
    nexus = nexusOn({ 0: lu });
    return clock;
  };
  const over = (tasks: readonly { done: boolean }[]) => tasks.filter(({ done }) => done).length;

  test('holds commands back in their order, and lets them go on in time', () => {
    const clock = setup({ max_iops: 10 });
    const tasks = Array.from({ length: 5 }, () => read(nexus));
    expect(over(tasks)).toBe(2);
    clock.pass(100);
    expect(tasks.map(({ done }) => done)).toEqual([true, true, true, false, false]);
    clock.pass(200);
    expect(over(tasks)).toBe(5);
    expect(lu.taskSet.size).toBe(0);
  });

  test('gives each nexus turns: a deep queue leaves a shallow one its share', () => {
    const clock = setup({ max_iops: 100, burst_time: 10 });
    const shallow = nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' });
    const deep = Array.from({ length: 128 }, () => read(nexus));
    let served = 0;
    for (let turn = 0; turn < 50; turn++) {
      const task = read(shallow);
      clock.pass(20);
      if (task.done) served++;
    }
    // Of 100 commands a second each has half.
    expect(served).toBe(50);
    expect(over(deep)).toBeGreaterThanOrEqual(50);
  });

  test('takes no turn past an ORDERED command, and HEAD OF QUEUE goes first', () => {
    const clock = setup({ max_iops: 10, burst_time: 10 });
    const later = nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' });
    const [first, second] = [read(nexus), read(nexus)];
    const ordered = read(nexus, ORDERED);
    const younger = read(later);
    const urgent = read(later, HEAD_OF_QUEUE);
    const order = [first, urgent, second, ordered, younger];
    for (let done = 1; done <= 5; done++) {
      expect(order.map((task) => task.done)).toEqual(order.map((_, at) => at < done));
      clock.pass(100);
    }
  });

  test('counts bytes of both directions', () => {
    const clock = setup({ max_bandwidth: 10 * BLOCK });
    const tasks = [read(nexus), write(nexus), read(nexus), write(nexus)];
    expect(over(tasks)).toBe(2);
    clock.pass(100);
    expect(over(tasks)).toBe(3);
  });

  test('set anew, holds for commands that wait already', () => {
    setup({ max_iops: 1 });
    const tasks = Array.from({ length: 5 }, () => read(nexus));
    expect(over(tasks)).toBeLessThan(5);
    lu.updateAttributes({ ...lu.attributes, max_iops: 0 });
    expect(over(tasks)).toBe(5);
    expect(attentions(nexus)).toEqual([]);
  });

  test('aborts what waits for its time', () => {
    setup({ max_iops: 1 });
    const tasks = Array.from({ length: 5 }, () => read(nexus));
    let stopped = false;
    abortTaskSet(nexus, 0, () => (stopped = true));
    expect(stopped).toBe(true);
    expect(tasks.slice(-2).map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(lu.taskSet.size).toBe(0);
  });
});
