/** SPC-4 §5.15.2.4: which commands each state of a target port group lets through. */
import { describe, expect, test } from 'vitest';
import type { AluaGroup } from '../../../../src/objects/document.ts';
import { abortTaskSet } from '../../../../src/target/scsi/task_management.ts';
import { FakeClock } from '../../../loopback/served.ts';
import { cdb10, nexusOn, run, start, TEST_UNIT_READY, unit } from './bench.ts';

const inState = (state: number, more: AluaGroup['attributes'] = {}) => {
  const clock = new FakeClock();
  const attributes = { alua_access_state: state, ...more };
  const alua = { default_tg_pt_gp: { tg_pt_gp_id: 0, attributes } };
  const { lu, medium } = unit({ alua, clock, askStates: () => null });
  return { clock, lu, medium, nexus: nexusOn({ 0: lu }) };
};

const INQUIRY = [0x12, 0, 0, 0, 96, 0];
const IDENTIFICATION = [0x12, 0x01, 0x83, 0, 96, 0];
const REPORT_LUNS = [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0];
const REQUEST_SENSE = [0x03, 0, 0, 0, 18, 0];
const REPORT_GROUPS = [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0];
const SET_GROUPS = [0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const MODE_SENSE = [0x1a, 0, 0x3f, 0, 192, 0];
const CAPACITY = cdb10(0x25, 0, 0);
const READ = cdb10(0x28, 0, 1);
const WRITE = cdb10(0x2a, 0, 1);
const FLUSH = cdb10(0x35, 0, 0);

const done: Record<number, readonly (readonly number[])[]> = {
  2: [INQUIRY, REPORT_LUNS, REQUEST_SENSE, REPORT_GROUPS, SET_GROUPS, MODE_SENSE, CAPACITY],
  3: [INQUIRY, REPORT_LUNS, REQUEST_SENSE, REPORT_GROUPS, SET_GROUPS],
  14: [INQUIRY, REPORT_LUNS, REQUEST_SENSE, REPORT_GROUPS],
};
const refused: Record<number, readonly (readonly number[])[]> = {
  2: [TEST_UNIT_READY, READ, WRITE, FLUSH],
  3: [TEST_UNIT_READY, READ, WRITE, FLUSH, MODE_SENSE, CAPACITY],
  14: [TEST_UNIT_READY, READ, WRITE, FLUSH, MODE_SENSE, CAPACITY, SET_GROUPS],
};
const block = { inLength: 512 };

describe.each([
  [2, 'standby', '02/04/0b', 0],
  [3, 'unavailable', '02/04/0c', 0x20],
  [14, 'offline', '02/04/12', 0x20],
])('state %i, %s', (state, _name, sense, device) => {
  test('does what the standard allows', async () => {
    const { nexus } = inState(state);
    for (const cdb of done[state] ?? []) {
      expect((await run(nexus, cdb, block)).outcome, `${cdb[0]}`).toBe('good');
    }
  });

  test('refuses the rest, before the medium hears of it', async () => {
    const { nexus, medium } = inState(state);
    for (const cdb of refused[state] ?? []) {
      const task = await run(nexus, cdb, { ...block, out: Buffer.alloc(512) });
      expect(task.outcome, `${cdb[0]}`).toBe(sense);
    }
    expect(medium.calls).toEqual([]);
  });

  test('REQUEST SENSE tells it, INQUIRY whether a device is connected', async () => {
    const { nexus } = inState(state);
    const { dataIn } = await run(nexus, REQUEST_SENSE, { inLength: 18 });
    const [key = 0, asc = 0, ascq = 0] = [dataIn[2], dataIn[12], dataIn[13]];
    expect([key, asc, ascq].map((n) => n.toString(16).padStart(2, '0')).join('/')).toBe(sense);
    for (const inquiry of [INQUIRY, IDENTIFICATION]) {
      expect((await run(nexus, inquiry, { inLength: 96 })).dataIn[0]).toBe(device);
    }
  });

  test('a unit attention comes first, and an unknown command is unknown', async () => {
    const { lu } = inState(state);
    const nexus = nexusOn({ 0: lu }, { keepAttentions: true });
    expect((await run(nexus, READ, block)).outcome).toBe('06/29/00');
    expect((await run(nexus, READ, block)).outcome).toBe(sense);
    expect((await run(nexus, [0x5f])).outcome).toBe('05/20/00');
  });
});

describe('active/non-optimized', () => {
  test('each command waits nonop_delay_msecs, and others run meanwhile', async () => {
    const { nexus, clock, medium } = inState(1, { nonop_delay_msecs: 70 });
    const first = start(nexus, READ, block);
    clock.pass(40);
    const second = start(nexus, READ, block);
    expect([first.done, medium.calls]).toEqual([false, []]);
    clock.pass(30);
    expect([first.outcome, first.done, second.done]).toEqual(['good', true, false]);
    clock.pass(40);
    expect(second.done).toBe(true);
  });

  test('without a delay it is as fast as the optimized state', () => {
    const { nexus } = inState(1, { nonop_delay_msecs: 0 });
    expect(start(nexus, READ, block).done).toBe(true);
  });

  test('a command that waits is aborted at once', () => {
    const { nexus, clock, medium } = inState(1);
    const read = start(nexus, READ, block);
    let outcome = '';
    abortTaskSet(nexus, 0, (how) => (outcome = how));
    expect([outcome, read.done, read.aborted]).toEqual(['complete', true, true]);
    clock.pass(1000);
    expect(medium.calls).toEqual([]);
  });

  test('no more commands wait than the queue depth lets begin', () => {
    const clock = new FakeClock();
    const alua = { default_tg_pt_gp: { tg_pt_gp_id: 0, attributes: { alua_access_state: 1 } } };
    const { lu } = unit({ alua, clock, attributes: { queue_depth: 4 } });
    const nexus = nexusOn({ 0: lu });
    const reads = Array.from({ length: 10 }, () => start(nexus, READ, block));
    const over = () => reads.filter((read) => read.done).length;
    const counts: number[] = [];
    for (let round = 0; round < 3; round++) {
      clock.pass(100);
      counts.push(over());
    }
    expect(counts).toEqual([4, 8, 10]);
  });

  test('a command that waited is refused when the state is standby by then', () => {
    const { nexus, clock, lu, medium } = inState(1);
    const read = start(nexus, READ, block);
    lu.portGroups.update({
      default_tg_pt_gp: { tg_pt_gp_id: 0, attributes: { alua_access_state: 2 } },
    });
    clock.pass(100);
    expect([read.outcome, medium.calls]).toEqual(['02/04/0b', []]);
  });
});
