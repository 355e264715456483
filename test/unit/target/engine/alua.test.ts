/** Target port groups as the engine takes them from a document, seen by initiators of two TPGs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diff } from '../../../../src/objects/diff.ts';
import { EMPTY_DOCUMENT, type AluaGroup, type Document } from '../../../../src/objects/document.ts';
import type { AluaStatesAsked, EnginePort } from '../../../../src/objects/engine_port.ts';
import { createEngine } from '../../../../src/target/engine.ts';
import { Initiator } from '../../../loopback/initiator.ts';
import { FakeClock } from '../../../loopback/served.ts';
import { freePort } from '../../../support/free_port.ts';

const TARGET = 'iqn.2003-01.org.example:t1';

interface Wanted {
  readonly alua?: Readonly<Record<string, AluaGroup>>;
  /** The group of TPG 2. */
  readonly group?: string;
}

let ports: number[];
let clock: FakeClock;
let engine: EnginePort;
let now: Document;
let sessions: Initiator[];
let asks: AluaStatesAsked[];

function documentOf({ alua, group }: Wanted): Document {
  const tpg = (tag: number) => ({
    enabled: true,
    attributes: { generate_node_acls: true, demo_mode_write_protect: false },
    parameters: {},
    auth: {},
    portals: { [`127.0.0.1:${ports[tag - 1]}`]: { iser: false } },
    luns: {
      '0': {
        storage_object: 'ramdisk/r1',
        ...(tag === 2 && group !== undefined && { alua_tg_pt_gp_name: group }),
      },
    },
    acls: {},
  });
  const r1 = { size: 1024 * 1024, nullio: false, wwn: 'wwn-1', attributes: {} };
  return {
    ...EMPTY_DOCUMENT,
    backstores: { ...EMPTY_DOCUMENT.backstores, ramdisk: { r1: { ...r1, ...(alua && { alua }) } } },
    iscsi: { discovery_auth: {}, targets: { [TARGET]: { tpgs: { '1': tpg(1), '2': tpg(2) } } } },
  };
}
const group = (id: number, attributes: AluaGroup['attributes'] = {}): AluaGroup => ({
  tg_pt_gp_id: id,
  attributes,
});

async function change(wanted: Wanted): Promise<void> {
  const next = documentOf(wanted);
  await engine.apply(diff(now, next));
  now = next;
}

const cdb = (...bytes: number[]) => Buffer.concat([Buffer.from(bytes), Buffer.alloc(16)], 16);
const read = async (session: Initiator) => {
  const command = { read: true, edtl: 512, cdb: cdb(0x28, 0, 0, 0, 0, 0, 0, 0, 1) };
  const { status, sense } = await session.run(command);
  return status === 0 ? 'good' : sense;
};
/** Group by group: state, number, ports. */
const report = async (session: Initiator) => {
  const command = cdb(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0);
  const { data } = await session.run({ read: true, edtl: 256, cdb: command });
  return data.toString('hex', 4);
};
const setStates = (session: Initiator, ...states: [state: number, id: number][]) => {
  const list = [0, 0, 0, 0, ...states.flatMap(([state, id]) => [state, 0, id >>> 8, id & 0xff])];
  const payload = Buffer.from(list);
  const command = cdb(0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, payload.length);
  return session.run({ write: true, edtl: payload.length, cdb: command, payload });
};

beforeEach(async () => {
  ports = [await freePort(), await freePort()];
  clock = new FakeClock();
  engine = createEngine({ logLevel: 'error', clock });
  asks = [];
  engine.onEvent((event) => {
    if (event.type === 'aluaStatesAsked') asks.push(event);
  });
  now = EMPTY_DOCUMENT;
  await change({ alua: { other: group(7) }, group: 'other' });
  sessions = [];
  for (const [at, port] of ports.entries()) {
    const session = await Initiator.open(port);
    sessions.push(session);
    const keys = {
      InitiatorName: `iqn.1994-05.com.example:c${at}`,
      TargetName: TARGET,
      SessionType: 'Normal',
    };
    await session.login({ keys });
    // The unit attention of a new nexus.
    await read(session);
  }
});
afterEach(async () => {
  for (const session of sessions) session.destroy();
  await engine.stop(0);
});

const reads = async () => [await read(sessions[0]!), await read(sessions[1]!)];

describe('a document with target port groups', () => {
  test('puts the ports of its TPGs into them', async () => {
    const both = '00cf00000000000100000001' + '00cf00070000000100000002';
    expect([await report(sessions[0]!), await report(sessions[1]!)]).toEqual([both, both]);
    await change({ alua: { other: group(7) } });
    expect(await reads()).toEqual(['good', '06/3f/03']);
    expect(await report(sessions[0]!)).toBe('00cf0000000000020000000100000002');
  });

  test('that changes nothing but a state changes it in place', async () => {
    const alua = { other: group(7, { alua_access_state: 2 }) };
    const steps = diff(now, documentOf({ alua, group: 'other' }));
    expect(steps.map(({ subject, before }) => [subject, before !== undefined])).toEqual([
      ['storage_object', true],
    ]);
    await change({ alua, group: 'other' });
    expect(await reads()).toEqual(['06/2a/06', '06/2a/06']);
    expect(await reads()).toEqual(['good', '02/04/0b']);
    await change({ alua: { other: group(7) }, group: 'other' });
    expect(await reads()).toEqual(['06/2a/06', '06/2a/06']);
    expect(await reads()).toEqual(['good', 'good']);
    expect((await engine.runtime()).sessions).toHaveLength(2);
  });

  test('that moves a LUN to another group keeps the LUN', async () => {
    const alua = { other: group(7), slow: group(8, { alua_access_state: 3 }) };
    await change({ alua, group: 'slow' });
    expect(await reads()).toEqual(['good', '06/3f/03']);
    expect(await reads()).toEqual(['good', '06/2a/06']);
    expect(await reads()).toEqual(['good', '02/04/0c']);
    const io = (await engine.runtime()).sessions.map(({ mappedLuns }) => mappedLuns[0]?.io);
    expect(io.every((counters) => (counters?.commands ?? 0) >= 4)).toBe(true);
  });

  test('that is refused changes no state', async () => {
    const next = documentOf({
      alua: { other: group(7, { alua_access_state: 2 }) },
      group: 'other',
    });
    const missing = { path: '/no/such/folder/x', size: 4096, write_back: true, wwn: 'wwn-2' };
    const fileio = { x: { ...missing, attributes: {} } };
    const wanted = { ...next, backstores: { ...next.backstores, fileio } };
    await expect(engine.apply(diff(now, wanted))).rejects.toThrow('fileio/x');
    expect(await reads()).toEqual(['good', 'good']);
  });
});

describe('SET TARGET PORT GROUPS', () => {
  const explicit = { alua_access_state: 2, alua_access_status: 1 };

  test('is told, and GOOD once the change is answered', async () => {
    const answer = setStates(sessions[0]!, [2, 7]);
    await expect.poll(() => asks.length).toBe(1);
    expect(asks[0]).toMatchObject({
      storageObject: 'ramdisk/r1',
      initiator: 'iqn.1994-05.com.example:c0',
      states: [{ group: 'other', state: 2 }],
    });
    await change({ alua: { other: group(7, explicit) }, group: 'other' });
    await engine.answerStates(asks[0]!.ask, true);
    expect((await answer).status).toBe(0);
    expect(await reads()).toEqual(['good', '06/2a/06']);
    expect(await report(sessions[1]!)).toBe(
      '00cf00000000000100000001' + '02cf00070001000100000002',
    );
  });

  test('fails when it is refused', async () => {
    const answer = setStates(sessions[0]!, [2, 7]);
    await expect.poll(() => asks.length).toBe(1);
    await engine.answerStates(asks[0]!.ask + 1, true);
    await engine.answerStates(asks[0]!.ask, false);
    expect((await answer).sense).toBe('05/67/0a');
  });

  test('fails when nobody answers in time', async () => {
    const answer = setStates(sessions[0]!, [2, 7]);
    await expect.poll(() => asks.length).toBe(1);
    clock.pass(12_000);
    expect((await answer).sense).toBe('05/67/0a');
    // Too late.
    await engine.answerStates(asks[0]!.ask, true);
  });

  test('of a session that ended is forgotten', async () => {
    void setStates(sessions[0]!, [2, 7]).catch(() => {});
    await expect.poll(() => asks.length).toBe(1);
    sessions[0]!.destroy();
    await expect.poll(async () => (await engine.runtime()).sessions.length).toBe(1);
    const answer = setStates(sessions[1]!, [2, 7]);
    await expect.poll(() => asks.length).toBe(2);
    await engine.answerStates(asks[0]!.ask, true);
    await engine.answerStates(asks[1]!.ask, false);
    expect((await answer).sense).toBe('05/67/0a');
  });
});
