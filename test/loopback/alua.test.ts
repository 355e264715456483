/** SET TARGET PORT GROUPS from an initiator into the configuration, and what `undo` makes of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigStore } from '../../src/control/config_store.ts';
import { StateRequests } from '../../src/control/state_requests.ts';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { createEngine } from '../../src/target/engine.ts';
import { SYSTEM_CLOCK } from '../../src/util/clock.ts';
import { SILENT_LOG } from '../../src/util/log.ts';
import { freePort } from '../support/free_port.ts';
import { Initiator } from './initiator.ts';

const TARGETS = ['iqn.2003-01.org.example:a', 'iqn.2003-01.org.example:b'];
let folder: string;
let engine: EnginePort;
let store: ConfigStore;
let paths: Initiator[];

const change = (path: readonly string[], value: unknown) =>
  store.change({ revision: store.current.revision, edits: [{ path, value }] });
const R1 = ['backstores', 'ramdisk', 'r1'];

/** One LUN of each target, in a group of its own, on a port of its own. */
async function serve(target: string, group: string, port: number): Promise<void> {
  const tpg = {
    enabled: true,
    attributes: { generate_node_acls: true, demo_mode_write_protect: false },
    parameters: {},
    auth: {},
    portals: { [`127.0.0.1:${port}`]: { iser: false } },
    luns: { '0': { storage_object: 'ramdisk/r1', alua_tg_pt_gp_name: group } },
    acls: {},
  };
  await change(['iscsi', 'targets', target], { tpgs: { '1': tpg } });
  const path = await Initiator.open(port);
  paths.push(path);
  const keys = { InitiatorName: 'iqn.1994-05.com.example:c', TargetName: target };
  await path.login({ keys: { ...keys, SessionType: 'Normal' } });
  // The unit attention of a new nexus.
  await read(path);
}
const cdb = (...bytes: number[]) => Buffer.concat([Buffer.from(bytes), Buffer.alloc(16)], 16);
async function read(path: Initiator): Promise<string> {
  const command = { read: true, edtl: 512, cdb: cdb(0x28, 0, 0, 0, 0, 0, 0, 0, 1) };
  const { status, sense } = await path.run(command);
  return status === 0 ? 'good' : sense;
}
/** Each path's first answer; where that is a unit attention, the next. */
async function reads(): Promise<string[]> {
  const outcomes: string[] = [];
  for (const path of paths) {
    const first = await read(path);
    outcomes.push(first === '06/2a/06' ? await read(path) : first);
  }
  return outcomes;
}
const setStates = (path: Initiator, ...states: [state: number, id: number][]) => {
  const list = [0, 0, 0, 0, ...states.flatMap(([state, id]) => [state, 0, 0, id])];
  const payload = Buffer.from(list);
  const command = cdb(0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, payload.length);
  return path.run({ write: true, edtl: payload.length, cdb: command, payload });
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alua-'));
  paths = [];
  engine = createEngine({ logLevel: 'error' });
  const options = { engine, log: SILENT_LOG, file: join(folder, 'config.yaml'), identity: 'test' };
  store = new ConfigStore({ ...options, onChanged: () => {} });
  await store.boot();
  const requests = new StateRequests({ store, engine, log: SILENT_LOG, clock: SYSTEM_CLOCK });
  engine.onEvent((event) => {
    if (event.type === 'aluaStatesAsked') requests.take(event);
  });
  const alua = {
    left: { tg_pt_gp_id: 1, attributes: {} },
    right: { tg_pt_gp_id: 2, attributes: { alua_access_state: 2 } },
  };
  await change(R1, { size: 65536, nullio: false, wwn: 'wwn-1', attributes: {}, alua });
  await serve(TARGETS[0]!, 'left', await freePort());
  await serve(TARGETS[1]!, 'right', await freePort());
});
afterEach(async () => {
  for (const path of paths) path.destroy();
  await engine.stop(0);
  await rm(folder, { recursive: true, force: true });
});

test('an initiator moves over to the other target, and undo brings the states back', async () => {
  expect(await reads()).toEqual(['good', '02/04/0b']);
  expect((await setStates(paths[1]!, [2, 1], [0, 2])).status).toBe(0);
  expect(await read(paths[1]!)).toBe('good');
  expect(await reads()).toEqual(['02/04/0b', 'good']);
  expect(store.current.document.backstores.ramdisk['r1']?.alua).toEqual({
    left: { tg_pt_gp_id: 1, attributes: { alua_access_state: 2, alua_access_status: 1 } },
    right: { tg_pt_gp_id: 2, attributes: { alua_access_status: 1 } },
  });
  await store.undo({ count: 1, by: { user: '', client: '', command: 'undo' } });
  expect(await reads()).toEqual(['good', '02/04/0b']);
  expect((await engine.runtime()).sessions).toHaveLength(2);
});

test('both at once: one of them is done first, and none is lost or left waiting', async () => {
  const states: [number, number][] = [
    [1, 1],
    [1, 2],
  ];
  const answers = await Promise.all(paths.map((path) => setStates(path, ...states)));
  const outcomes = answers.map(({ status, sense }) => (status === 2 ? sense : status));
  for (const outcome of outcomes) expect([0, 8, '06/2a/06']).toContain(outcome);
  expect(outcomes).toContain(0);
  expect(Object.values(store.current.document.backstores.ramdisk['r1']?.alua ?? {})).toMatchObject([
    { attributes: { alua_access_state: 1 } },
    { attributes: { alua_access_state: 1 } },
  ]);
});
