import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { RateLimit, type Rates } from '../../../../src/target/scsi/rate_limit.ts';
import { TASK_ATTRIBUTE } from '../../../../src/target/scsi/scsi_task.ts';
import { abortTaskSet, logicalUnitReset } from '../../../../src/target/scsi/task_management.ts';
import { Throttle } from '../../../../src/target/scsi/throttle.ts';
import { FakeClock } from '../../../loopback/served.ts';
import { BLOCK, cdb10, nexusOn, start, unit, type ScriptedMedium, type TestTask } from './bench.ts';

const { SIMPLE, ORDERED, HEAD_OF_QUEUE } = TASK_ATTRIBUTE;

let clock: FakeClock;
let lu: LogicalUnit;
let second: LogicalUnit;
let medium: ScriptedMedium;
beforeEach(() => {
  clock = new FakeClock();
  ({ lu, medium } = unit({ clock, attributes: { queue_depth: 4 } }));
  ({ lu: second } = unit({ clock, name: 'disk2' }));
});

function limit(values: Partial<Rates>): RateLimit {
  const made = new RateLimit(clock);
  made.set({ max_iops: 0, max_bandwidth: 0, burst_time: 100, ...values });
  return made;
}
let count = 0;
function session(own: RateLimit | null, acl: RateLimit | null = null): ItNexus {
  const nexus = nexusOn({ 0: lu, 1: second }, { initiator: `iqn.2020-01.example:s${count++}` });
  if (own === null && acl === null) return nexus;
  nexus.throttle = new Throttle();
  nexus.throttle.setLimits(own, acl);
  return nexus;
}
const read = (of: ItNexus, attribute: number = SIMPLE, lun = 0): TestTask =>
  start(of, cdb10(0x28, 0, 1), { inLength: BLOCK, attribute, lun });
const reads = (of: ItNexus, number: number, lun = 0): TestTask[] =>
  Array.from({ length: number }, () => read(of, SIMPLE, lun));
const over = (tasks: readonly TestTask[]) => tasks.filter(({ done }) => done).length;

describe('a session with a limit', () => {
  test('waits, and no other at the same LUN does', () => {
    const slow = session(limit({ max_iops: 10 }));
    const free = session(null);
    const held = reads(slow, 5);
    expect([over(held), over(reads(free, 50))]).toEqual([2, 50]);
    clock.pass(100);
    expect([over(held), over(reads(free, 50))]).toEqual([3, 50]);
    clock.pass(200);
    expect([over(held), clock.pending, lu.taskSet.size]).toEqual([5, 0, 0]);
  });

  test('is counted over all its LUNs, in the order of arrival', () => {
    const slow = session(limit({ max_iops: 10 }));
    const tasks = [...reads(slow, 3), ...reads(slow, 3, 1)];
    expect(over(tasks)).toBe(2);
    for (let left = 3; left <= 6; left++) {
      clock.pass(100);
      expect(tasks.map(({ done }) => done)).toEqual(tasks.map((_, at) => at < left));
    }
  });

  test('has its ORDERED command in its place, which holds back no other session', () => {
    const slow = session(limit({ max_iops: 10 }));
    const free = session(null);
    const older = reads(slow, 4);
    const ordered = read(slow, ORDERED);
    const younger = read(slow);
    expect(over(reads(free, 3))).toBe(3);
    clock.pass(200);
    expect([over(older), ordered.done]).toEqual([4, false]);
    medium.holding = true;
    clock.pass(100);
    const mine = read(free);
    // It is in the task set now, before what came meanwhile.
    expect(medium.held).toHaveLength(1);
    clock.pass(100);
    medium.release();
    expect([ordered.done, younger.done, mine.done]).toEqual([true, false, false]);
    medium.release();
    expect([younger.done, mine.done]).toEqual([true, true]);
  });

  test('has its HEAD OF QUEUE command go first of what waits, and counted', () => {
    const slow = session(limit({ max_iops: 10 }));
    const tasks = reads(slow, 4);
    const urgent = read(slow, HEAD_OF_QUEUE);
    expect(urgent.done).toBe(false);
    clock.pass(100);
    expect([urgent.done, over(tasks)]).toEqual([true, 2]);
  });

  test('aborts what waits: the task set, and a reset', () => {
    const slow = session(limit({ max_iops: 1 }));
    const tasks = reads(slow, 5);
    let stopped = 0;
    abortTaskSet(slow, 0, () => stopped++);
    expect([stopped, lu.taskSet.size, slow.throttle?.waiting, clock.pending]).toEqual([1, 0, 0, 0]);
    expect(tasks.slice(2).every(({ aborted }) => aborted)).toBe(true);
    reads(slow, 3);
    logicalUnitReset(slow, 0, () => stopped++);
    expect([stopped, lu.taskSet.size, clock.pending]).toEqual([2, 0, 0]);
  });

  test('that ends leaves nothing that waits', () => {
    const slow = session(limit({ max_iops: 1 }));
    reads(slow, 5);
    slow.close();
    expect([lu.taskSet.size, clock.pending]).toEqual([0, 0]);
  });

  test('goes on at once with a higher limit, and with none', () => {
    const own = limit({ max_iops: 10 });
    const slow = session(own);
    const tasks = reads(slow, 200);
    expect(over(tasks)).toBe(2);
    own.set({ max_iops: 1000, max_bandwidth: 0, burst_time: 100 });
    expect(over(tasks)).toBeGreaterThan(100);
    slow.throttle?.setLimits(null, null);
    expect([over(tasks), clock.pending, slow.throttle?.waiting]).toEqual([200, 0, 0]);
  });

  test('says how often a command waited, and for what', () => {
    const slow = session(limit({ max_iops: 10 }), limit({ max_iops: 1000 }));
    reads(slow, 4);
    clock.pass(1000);
    expect([slow.throttle?.sessionDelays, slow.throttle?.aclDelays]).toEqual([2, 0]);
  });
});

describe('the limit of an initiator', () => {
  test('counts its sessions together, and gives each a turn', () => {
    const acl = limit({ max_iops: 100 });
    const greedy = session(null, acl);
    const modest = session(null, acl);
    const many = reads(greedy, 128);
    const [first] = reads(modest, 1);
    expect(first?.done).toBe(false);
    expect(clock.pending).toBe(1);
    clock.pass(20);
    expect(first?.done).toBe(true);
    // Always one waiting: every second turn.
    let served = 0;
    for (let at = 0; at < 50; at++) {
      const [task] = reads(modest, 1);
      clock.pass(20);
      if (task?.done === true) served++;
    }
    expect(served).toBe(50);
    clock.pass(10_000);
    expect([over(many), clock.pending]).toEqual([128, 0]);
  });

  test('is left to the others by a session that is slower by its own', () => {
    const acl = limit({ max_iops: 100 });
    const slow = session(limit({ max_iops: 10 }), acl);
    const fast = session(null, acl);
    const [ofSlow, ofFast] = [reads(slow, 100), reads(fast, 400)];
    clock.pass(2000);
    expect(over(ofSlow)).toBeCloseTo(21, -1);
    expect(over(ofSlow) + over(ofFast)).toBeGreaterThanOrEqual(208);
  });
});

test('any sessions: each and all within the rates, and none waits while it may begin', () => {
  const step = fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.nat(60)),
    who: fc.nat(2),
    attribute: fc.constantFrom(SIMPLE, SIMPLE, SIMPLE, ORDERED, HEAD_OF_QUEUE),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      clock = new FakeClock();
      ({ lu, medium } = unit({ clock }));
      ({ lu: second } = unit({ clock, name: 'disk2' }));
      const rate = { own: 20, acl: 30 };
      const acl = limit({ max_iops: rate.acl });
      const sessions = [0, 1].map(() => session(limit({ max_iops: rate.own }), acl));
      const free = session(null);
      const begun: number[][] = [[], []];
      for (const { gapMs, who, attribute } of steps) {
        clock.pass(gapMs);
        const mine = sessions[who];
        if (mine === undefined) {
          expect(read(free, attribute).done).toBe(true);
          continue;
        }
        read(mine, attribute).whenComplete = () => begun[who]?.push(clock.nowMs());
        if ((mine.throttle?.waiting ?? 0) > 0) {
          expect(acl.waitMs() > 0 || mine.throttle?.session?.waitMs() !== 0).toBe(true);
        }
      }
      clock.pass(steps.length * 60);
      const all = begun.flat().sort((a, b) => a - b);
      expect([lu.taskSet.size, clock.pending]).toEqual([0, 0]);
      for (const [times, iops] of [
        [begun[0], rate.own],
        [begun[1], rate.own],
        [all, rate.acl],
      ] as const) {
        times?.forEach((from, at) =>
          times.slice(at).forEach((to, many) => {
            expect(many).toBeLessThanOrEqual(((to - from + 100) * iops) / 1000 + 1e-6);
          }),
        );
      }
    }),
  );
});
