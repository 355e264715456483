/** Target port groups of a logical unit as the configuration changes them: who learns what. */
import { describe, expect, test } from 'vitest';
import type { AluaGroup } from '../../../../src/objects/document.ts';
import type { AluaGroups } from '../../../../src/target/scsi/port_groups.ts';
import { FakeClock } from '../../../loopback/served.ts';
import { attentions, mapping, nexusOn, start, TEST_UNIT_READY, unit } from './bench.ts';

const group = (attributes: AluaGroup['attributes'], id = 0): AluaGroup => ({
  tg_pt_gp_id: id,
  attributes,
});
const STATES = '2a06';
const INQUIRY = '3f03';

/** A nexus through the default group and one through `other`. */
function served(alua: AluaGroups) {
  const clock = new FakeClock();
  const { lu } = unit({ alua, clock });
  const here = nexusOn({ 0: lu });
  const there = nexusOn({ 0: lu }, { group: 'other', initiator: 'iqn.2020-01.example:b' });
  const told = () => [attentions(here), attentions(there)];
  const ready = () => [here, there].map((nexus) => start(nexus, TEST_UNIT_READY).outcome);
  return { clock, lu, here, there, told, ready, groups: lu.portGroups };
}
const OTHER = { other: group({}, 4) };

describe('a change of state', () => {
  test('holds at once, for its group only; every nexus is told', () => {
    const { groups, told, ready } = served(OTHER);
    groups.update({ other: group({ alua_access_state: 2 }, 4) });
    expect(told()).toEqual([[STATES], [STATES]]);
    expect(ready()).toEqual(['good', '02/04/0b']);
    groups.update(OTHER);
    expect(told()).toEqual([[STATES], [STATES]]);
    expect(ready()).toEqual(['good', 'good']);
  });

  test('is all that is told, also where INQUIRY then says that no device is connected', () => {
    const { groups, told } = served(OTHER);
    groups.update({ other: group({ alua_access_state: 3 }, 4) });
    expect(told()).toEqual([[STATES], [STATES]]);
    groups.update({ other: group({ alua_access_state: 14 }, 4) });
    expect(told()).toEqual([[STATES], [STATES]]);
  });

  test('passes through transitioning for trans_delay_msecs, and is told at its end', () => {
    const { groups, clock, told, ready } = served(OTHER);
    groups.update({ other: group({ alua_access_state: 2, trans_delay_msecs: 300 }, 4) });
    expect(ready()).toEqual(['good', '02/04/0a']);
    clock.pass(299);
    expect([...told(), ...ready()]).toEqual([[], [], 'good', '02/04/0a']);
    clock.pass(1);
    expect(told()).toEqual([[STATES], [STATES]]);
    expect(ready()).toEqual(['good', '02/04/0b']);
  });

  test('during a transition leads to the last state, once', () => {
    const { groups, clock, told, ready } = served(OTHER);
    const delay = { trans_delay_msecs: 300 };
    groups.update({ other: group({ alua_access_state: 2, ...delay }, 4) });
    clock.pass(200);
    groups.update({ other: group({ alua_access_state: 1, nonop_delay_msecs: 0, ...delay }, 4) });
    clock.pass(299);
    expect(ready()).toEqual(['good', '02/04/0a']);
    clock.pass(1);
    expect([...told(), ...ready()]).toEqual([[STATES], [STATES], 'good', 'good']);
  });

  test('without the state transitioning takes no time', () => {
    const { groups, told, ready } = served(OTHER);
    const attributes = { trans_delay_msecs: 300, alua_support_transitioning: false };
    groups.update({ other: group({ alua_access_state: 2, ...attributes }, 4) });
    expect(told()).toEqual([[STATES], [STATES]]);
    expect(ready()).toEqual(['good', '02/04/0b']);
  });

  test('that was under way when the logical unit closed never comes', async () => {
    const { groups, clock, lu, told } = served(OTHER);
    groups.update({ other: group({ alua_access_state: 2, trans_delay_msecs: 300 }, 4) });
    await lu.close();
    clock.pass(1000);
    expect(told()).toEqual([[], []]);
  });
});

describe('other changes', () => {
  test('a preference is told as a change of states, for initiators read it with them', () => {
    const { groups, told } = served(OTHER);
    groups.update({ other: group({ preferred: true }, 4) });
    expect(told()).toEqual([[STATES], [STATES]]);
  });

  test.each([
    ['alua_access_type', group({ alua_access_type: 1 }, 4)],
    ['tg_pt_gp_id', group({}, 5)],
  ])('%s changes INQUIRY data of the group', (_what, changed) => {
    const { groups, told } = served(OTHER);
    groups.update({ other: changed });
    expect(told()).toEqual([[], [INQUIRY]]);
  });

  test('a delay, or nothing, is told to nobody and holds for the next command', () => {
    const slow = { other: group({ alua_access_state: 1 }, 4) };
    const { groups, told, there } = served(slow);
    groups.update(structuredClone(slow));
    const fast = { alua_access_state: 1, nonop_delay_msecs: 0, alua_access_status: 2 };
    groups.update({ other: group(fast, 4) });
    expect(told()).toEqual([[], []]);
    expect(start(there, TEST_UNIT_READY).outcome).toBe('good');
  });

  test('LUNs of a group that goes are in the default group', () => {
    const { groups, told, there, ready } = served({ other: group({ alua_access_state: 2 }, 4) });
    groups.update({});
    expect(there.luns.get(0)?.portGroup.name).toBe('default_tg_pt_gp');
    expect([...told(), ...ready()]).toEqual([[], [INQUIRY, STATES], 'good', 'good']);
  });

  test('the default group goes back to its defaults when it is not named any more', () => {
    const { groups, ready } = served({ default_tg_pt_gp: group({ alua_access_state: 2 }) });
    expect(ready()).toEqual(['02/04/0b', '02/04/0b']);
    groups.update({});
    expect(ready()).toEqual(['06/2a/06', '06/2a/06']);
    expect(ready()).toEqual(['good', 'good']);
  });

  test('a LUN that moves to another group keeps its nexus, and hears of it', () => {
    const { lu, here, told, ready } = served({ other: group({ alua_access_state: 2 }, 4) });
    const itl = here.luns.get(0);
    here.setLuns(mapping({ 0: lu }, false, 'other'));
    expect(here.luns.get(0)).toBe(itl);
    expect([...told(), ...ready()]).toEqual([[INQUIRY, STATES], [], '02/04/0b', '02/04/0b']);
    here.setLuns(mapping({ 0: lu }, false, 'other'));
    expect(told()).toEqual([[], []]);
  });
});

test('groups are as the document has them when the logical unit opens', () => {
  const delay = { trans_delay_msecs: 300 };
  const { clock, ready, told } = served({ other: group({ alua_access_state: 3, ...delay }, 4) });
  expect(ready()).toEqual(['good', '02/04/0c']);
  clock.pass(300);
  expect(told()).toEqual([[], []]);
});
