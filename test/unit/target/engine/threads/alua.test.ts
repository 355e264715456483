/** Target port groups with sessions in several data threads: each applies the same plan. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AluaGroup } from '../../../../../src/objects/document.ts';
import type { AluaStatesAsked } from '../../../../../src/objects/engine_port.ts';
import type { Initiator } from '../../../../loopback/initiator.ts';
import {
  eventually,
  ramdisk,
  readBlock,
  sessionInEach,
  startGroup,
  storage,
  targetOf,
  type Group,
} from './group.ts';

const MIB = 1024 * 1024;
let group: Group;
let sessions: Initiator[];
let asks: AluaStatesAsked[];
let now: object;

/** The default group of the LUN with those attributes. */
async function change(attributes: AluaGroup['attributes']): Promise<void> {
  const next = { ...ramdisk(MIB), alua: { default_tg_pt_gp: { tg_pt_gp_id: 0, attributes } } };
  await group.engine.apply([storage('ramdisk/r', next, now)]);
  now = next;
}
const reads = async () => {
  const outcomes: string[] = [];
  for (const session of sessions) {
    const { status, sense } = await session.run(readBlock(0));
    outcomes.push(status === 0 ? 'good' : (sense ?? ''));
  }
  return outcomes;
};
function setState(session: Initiator, state: number) {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0xa4;
  cdb[1] = 0x0a;
  cdb[9] = 8;
  const payload = Buffer.from([0, 0, 0, 0, state, 0, 0, 0]);
  return session.run({ write: true, edtl: 8, cdb, payload });
}

beforeEach(async () => {
  group = await startGroup(3);
  asks = [];
  group.engine.onEvent((event) => {
    if (event.type === 'aluaStatesAsked') asks.push(event);
  });
  now = ramdisk(MIB);
  await group.engine.apply([storage('ramdisk/r', now), ...targetOf(group.port, ['ramdisk/r'])]);
  sessions = await sessionInEach(group);
});
afterEach(() => group.stop());

test('a state holds in all threads, and all are told', async () => {
  await change({ alua_access_state: 2 });
  const told = '06/2a/06';
  expect(await reads()).toEqual([told, told, told]);
  expect(await reads()).toEqual(['02/04/0b', '02/04/0b', '02/04/0b']);
  await change({});
  expect(await reads()).toEqual([told, told, told]);
  expect(await reads()).toEqual(['good', 'good', 'good']);
});

test('what a session of any thread asks for is answered to it and told to others', async () => {
  const first = setState(sessions[2]!, 1);
  await eventually(() => asks.length === 1);
  const second = setState(sessions[1]!, 1);
  await eventually(() => asks.length === 2);
  expect(asks[0]!.ask).not.toBe(asks[1]!.ask);
  await group.engine.answerStates(asks[1]!.ask, false);
  expect((await second).sense).toBe('05/67/0a');
  await change({ alua_access_state: 1, alua_access_status: 1, nonop_delay_msecs: 0 });
  await group.engine.answerStates(asks[0]!.ask, true);
  expect((await first).status).toBe(0);
  expect(await reads()).toEqual(['06/2a/06', '06/2a/06', 'good']);
});
