import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AluaGroup } from '../../../../src/objects/document.ts';
import type {
  AluaGroups,
  AskStates,
  WantedState,
} from '../../../../src/target/scsi/port_groups.ts';
import { abortTaskSet } from '../../../../src/target/scsi/task_management.ts';
import { FakeClock } from '../../../loopback/served.ts';
import { attentions, nexusOn, PORT, start, unit } from './bench.ts';

const group = (id: number, attributes: AluaGroup['attributes'] = {}): AluaGroup => ({
  tg_pt_gp_id: id,
  attributes,
});
const ALUA = { left: group(1), right: group(2) };
const port = (relativePortId: number) => ({ ...PORT, tpgTag: relativePortId, relativePortId });

/** The initiator's nexus goes through `left`, port 3; `right` has ports 4 and 5. */
function served(alua: AluaGroups = ALUA) {
  const clock = new FakeClock();
  const asks: { states: readonly WantedState[]; answer: (held: boolean) => void }[] = [];
  let cancelled = 0;
  const askStates: AskStates = ({ states }, answer) => {
    asks.push({ states, answer });
    return () => cancelled++;
  };
  const members = [
    { port: port(3), group: 'left' },
    { port: port(4), group: 'right' },
    { port: port(5), group: 'right' },
  ];
  const { lu } = unit({ alua, clock, askStates, members });
  const nexus = nexusOn({ 0: lu }, { group: 'left' });
  const other = nexusOn({ 0: lu }, { group: 'right', initiator: 'iqn.2020-01.example:b' });
  return { clock, lu, asks, nexus, other, cancelled: () => cancelled };
}

/** SET TARGET PORT GROUPS with descriptors of state and number. */
const command = (length: number) => {
  const cdb = Buffer.alloc(12);
  cdb[0] = 0xa4;
  cdb[1] = 0x0a;
  cdb.writeUInt32BE(length, 6);
  return cdb;
};
function ask(
  nexus: ReturnType<typeof served>['nexus'],
  states: readonly (readonly [state: number, id: number])[],
) {
  const list = Buffer.concat([
    Buffer.alloc(4),
    ...states.map(([state, id]) => Buffer.from([state, 0, id >>> 8, id & 0xff])),
  ]);
  return start(nexus, command(list.length), { out: list });
}
/** Where the sense points into the parameter list, or CDB. */
const field = (task: ReturnType<typeof ask>) => task.sense?.readUInt16BE(16);

describe('SET TARGET PORT GROUPS', () => {
  test('waits for the answer; GOOD when the states hold', () => {
    const { nexus, asks, lu } = served();
    const task = ask(nexus, [
      [2, 1],
      [1, 2],
    ]);
    expect([task.done, asks.map(({ states }) => states)]).toEqual([
      false,
      [
        [
          { group: 'left', state: 2 },
          { group: 'right', state: 1 },
        ],
      ],
    ]);
    const status = { alua_access_status: 1 };
    lu.portGroups.update({
      left: group(1, { ...status, alua_access_state: 2 }),
      right: group(2, { ...status, alua_access_state: 1 }),
    });
    expect(task.done).toBe(false);
    asks[0]?.answer(true);
    expect([task.done, task.outcome]).toEqual([true, 'good']);
  });

  test('every nexus hears of an explicit change but the one that asked', () => {
    const { nexus, other, asks, lu } = served();
    ask(nexus, [[2, 1]]);
    lu.portGroups.update({
      ...ALUA,
      left: group(1, { alua_access_state: 2, alua_access_status: 1 }),
    });
    asks[0]?.answer(true);
    expect([attentions(nexus), attentions(other)]).toEqual([[], ['2a06']]);
    // Meanwhile the administrator does something else.
    ask(nexus, [[0, 1]]);
    lu.portGroups.update({
      ...ALUA,
      left: group(1, { alua_access_state: 3, alua_access_status: 2 }),
    });
    expect([attentions(nexus), attentions(other)]).toEqual([['2a06'], ['2a06']]);
  });

  test('GOOD comes after the transition', () => {
    const slow = { trans_delay_msecs: 500 };
    const { nexus, other, asks, lu, clock } = served({ ...ALUA, left: group(1, slow) });
    const task = ask(nexus, [[2, 1]]);
    const after = { ...slow, alua_access_state: 2, alua_access_status: 1 };
    lu.portGroups.update({ ...ALUA, left: group(1, after) });
    asks[0]?.answer(true);
    clock.pass(499);
    expect(task.done).toBe(false);
    clock.pass(1);
    expect(task.outcome).toBe('good');
    expect([attentions(nexus), attentions(other)]).toEqual([[], ['2a06']]);
  });

  test('what holds already is GOOD and asks nobody', () => {
    const { nexus, asks } = served();
    expect([ask(nexus, [[0, 1]]).outcome, asks.length]).toEqual(['good', 0]);
    expect(ask(nexus, []).outcome).toBe('good');
    expect(start(nexus, command(0)).outcome).toBe('good');
  });

  test('what is refused has failed', () => {
    const { nexus, asks } = served();
    const task = ask(nexus, [[2, 1]]);
    asks[0]?.answer(false);
    expect([task.done, task.outcome]).toEqual([true, '05/67/0a']);
    // The next one may ask.
    expect(ask(nexus, [[2, 1]]).done).toBe(false);
  });

  test('one at a time: a second one is BUSY', () => {
    const { nexus, other, asks } = served();
    ask(nexus, [[2, 1]]);
    expect([ask(other, [[2, 2]]).outcome, asks.length]).toEqual(['busy', 1]);
  });

  test.each([false, true])('an abort ends it; in transition: %s', (transition) => {
    const { nexus, asks, lu, clock, cancelled } = served();
    const task = ask(nexus, [[2, 1]]);
    if (transition) {
      const after = { trans_delay_msecs: 500, alua_access_state: 2, alua_access_status: 1 };
      lu.portGroups.update({ ...ALUA, left: group(1, after) });
      asks[0]?.answer(true);
    }
    let outcome = '';
    abortTaskSet(nexus, 0, (how) => (outcome = how));
    expect([outcome, task.done, task.aborted]).toEqual(['complete', true, true]);
    expect(cancelled()).toBe(transition ? 0 : 1);
    clock.pass(1000);
    expect(task.completions).toBe(1);
  });

  test('the end of the session ends it', () => {
    const { nexus, other, cancelled } = served();
    const task = ask(nexus, [[2, 1]]);
    nexus.close();
    expect([task.done, cancelled()]).toEqual([true, 1]);
    expect(ask(other, [[2, 2]]).done).toBe(false);
  });
});

describe('what cannot be asked', () => {
  const bad = (states: readonly (readonly [number, number])[], alua?: AluaGroups) => {
    const { nexus, asks } = served(alua);
    const task = ask(nexus, states);
    expect(asks).toEqual([]);
    return [task.outcome, field(task)];
  };

  test.each([4, 13, 15])('state %i is none to ask for', (state) => {
    expect(bad([[state, 1]])).toEqual(['05/26/00', 4]);
  });

  test('a state that the group does not support', () => {
    const alua = { ...ALUA, right: group(2, { alua_support_standby: false }) };
    const states = [
      [2, 1],
      [2, 2],
    ] as const;
    expect(bad(states, alua)).toEqual(['05/26/00', 8]);
  });

  test('a group that is not there, has no port, or is named twice', () => {
    expect(bad([[2, 3]])).toEqual(['05/26/00', 6]);
    expect(bad([[2, 3]], { ...ALUA, empty: group(3) })).toEqual(['05/26/00', 6]);
    const twice = [
      [2, 1],
      [1, 1],
    ] as const;
    expect(bad(twice)).toEqual(['05/26/00', 10]);
  });

  test('a group whose state initiators may not change', () => {
    const alua = { ...ALUA, right: group(2, { alua_access_type: 1 }) };
    expect(bad([[2, 2]], alua)).toEqual(['05/26/00', 6]);
  });

  test('anything, where only the target changes states', () => {
    const alua = { ...ALUA, left: group(1, { alua_access_type: 1 }) };
    expect(bad([[2, 2]], alua)[0]).toBe('05/20/00');
  });

  test('offline is a state of a port, which needs its group for itself', () => {
    const { nexus, asks } = served();
    expect(ask(nexus, [[14, 9]]).outcome).toBe('05/26/00');
    expect(ask(nexus, [[14, 4]]).outcome).toBe('05/67/0a');
    ask(nexus, [[14, 3]]);
    expect(asks.map(({ states }) => states)).toEqual([[{ group: 'left', state: 14 }]]);
  });

  test('lists of a wrong length', () => {
    const { nexus } = served();
    const odd = start(nexus, command(7), { out: Buffer.alloc(7) });
    expect([odd.outcome, field(odd)]).toEqual(['05/24/00', 6]);
    const long = start(nexus, command(4100), { out: Buffer.alloc(4100) });
    expect([long.outcome, field(long)]).toEqual(['05/24/00', 6]);
    expect(start(nexus, command(8), { out: Buffer.alloc(4) }).outcome).toBe('05/1a/00');
  });
});

test('any list is answered once, and asks for possible states of groups that are there', () => {
  const alua = { ...ALUA, right: group(2, { alua_support_unavailable: false }) };
  const descriptor = fc.tuple(fc.integer({ max: 15, min: 0 }), fc.integer({ max: 6, min: 0 }));
  const anyAnswer = fc.constantFrom(true, false, 'abort' as const);
  fc.assert(
    fc.property(fc.array(descriptor, { maxLength: 5 }), anyAnswer, (states, answer) => {
      const { nexus, asks } = served(alua);
      const task = ask(nexus, states);
      for (const asked of asks) {
        for (const { group: name, state } of asked.states) {
          expect([1, 2, ...(name === 'left' ? [3, 14] : [])]).toContain(state);
        }
        expect(task.done).toBe(false);
        if (answer === 'abort') abortTaskSet(nexus, 0, () => {});
        else asked.answer(answer);
      }
      expect(task.completions).toBe(1);
    }),
  );
});
