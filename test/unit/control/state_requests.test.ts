/** SET TARGET PORT GROUPS of initiators, from the engine's event to its answer. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigStore } from '../../../src/control/config_store.ts';
import { MAX_STATE_REQUESTS, StateRequests } from '../../../src/control/state_requests.ts';
import type { AluaGroup } from '../../../src/objects/document.ts';
import type { AluaStatesAsked } from '../../../src/objects/engine_port.ts';
import { createLog, SILENT_LOG, type LogRecord } from '../../../src/util/log.ts';
import { FakeClock } from '../../loopback/served.ts';
import { FakeEngine } from '../../support/fake_engine.ts';

let folder: string;
let engine: FakeEngine;
let store: ConfigStore;
let clock: FakeClock;
let requests: StateRequests;
let lines: LogRecord[];
let options: Omit<ConstructorParameters<typeof ConfigStore>[0], 'engine' | 'onChanged'>;

const asked = (ask: number, state: number, group = 'other'): AluaStatesAsked => ({
  type: 'aluaStatesAsked',
  ask,
  storageObject: 'ramdisk/r1',
  initiator: 'iqn.1994-05.com.example:c1',
  states: [{ group, state }],
});
const group = (attributes: AluaGroup['attributes'], id = 5): AluaGroup => ({
  tg_pt_gp_id: id,
  attributes,
});
const R1 = ['backstores', 'ramdisk', 'r1'];
const change = (path: readonly string[], value: unknown) =>
  store.change({ revision: store.current.revision, edits: [{ path, value }] });
const alua = () => store.current.document.backstores.ramdisk['r1']?.alua;
const answered = () => expect.poll(() => engine.answered.length).toBe;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'states-'));
  engine = new FakeEngine();
  clock = new FakeClock();
  lines = [];
  options = { log: SILENT_LOG, file: join(folder, 'config.yaml'), identity: 'test' };
  store = new ConfigStore({ ...options, engine, onChanged: () => {} });
  await store.boot();
  const log = createLog((record) => lines.push(record), 'alua', 'info');
  requests = new StateRequests({ store, engine, log, clock });
  const r1 = { size: 4096, nullio: false, wwn: 'wwn-1', attributes: {} };
  await change(R1, { ...r1, alua: { other: group({ preferred: true }) } });
});
afterEach(async () => {
  await store.idle();
  await rm(folder, { recursive: true, force: true });
});

describe('states that an initiator asks for', () => {
  test('are a change of the configuration, with its place in the history', async () => {
    requests.take(asked(7, 2));
    await answered()(1);
    expect(engine.answered).toEqual([[7, true]]);
    const attributes = { preferred: true, alua_access_state: 2, alua_access_status: 1 };
    expect(alua()).toEqual({ other: group(attributes) });
    expect(engine.plans.at(-1)).toMatchObject([{ subject: 'storage_object', path: R1 }]);
    expect(store.history(1)).toMatchObject([
      {
        kind: 'change',
        client: 'initiator iqn.1994-05.com.example:c1',
        command: 'SET TARGET PORT GROUPS ramdisk/r1 other=2',
      },
    ]);
  });

  test('stand in the sparse form, of the default group too', async () => {
    requests.take(asked(1, 2, 'default_tg_pt_gp'));
    requests.take(asked(2, 0, 'default_tg_pt_gp'));
    await answered()(2);
    expect(alua()?.['default_tg_pt_gp']).toEqual(group({ alua_access_status: 1 }, 0));
    // That is so already.
    const { revision } = store.current;
    requests.take(asked(3, 0, 'default_tg_pt_gp'));
    await answered()(3);
    expect([engine.answered.at(-1), store.current.revision]).toEqual([[3, true], revision]);
  });

  test('are one entry until somebody else changes something, and taken back as one', async () => {
    for (const [i, state] of [2, 0, 3, 1].entries()) requests.take(asked(i, state));
    await answered()(4);
    await change([...R1, 'attributes'], { emulate_tpu: true });
    requests.take(asked(5, 2));
    await answered()(5);
    const told = store
      .history(10)
      .map(({ command, revision, first }) => [command, revision, first]);
    expect(told.slice(1)).toEqual([
      ['SET TARGET PORT GROUPS ramdisk/r1 other=1', 6, 3],
      ['', 7, undefined],
      ['SET TARGET PORT GROUPS ramdisk/r1 other=2', 8, undefined],
    ]);
    const by = { user: '', client: '', command: '' };
    await store.undo({ count: 3, by });
    expect(alua()).toEqual({ other: group({ preferred: true }) });
    await store.redo({ count: 1, by });
    expect(alua()?.['other']?.attributes.alua_access_state).toBe(1);
  });

  test('are one entry of the journal written anew, and of what comes back from it', async () => {
    const journal = `${options.file}.journal`;
    for (const [i, state] of [2, 0, 3].entries()) requests.take(asked(i, state));
    await answered()(3);
    const lines = async () => (await readFile(journal, 'utf8')).trim().split('\n').length;
    expect(await lines()).toBe(5);
    // Removed by somebody, it is written anew with the next change.
    await rm(journal);
    requests.take(asked(4, 1));
    await answered()(4);
    expect(await lines()).toBe(3);
    const again = new ConfigStore({ ...options, engine: new FakeEngine(), onChanged: () => {} });
    await again.boot();
    expect(again.history(10).map(({ kind, revision, first }) => [kind, revision, first])).toEqual([
      ['change', 2, undefined],
      ['change', 6, 3],
      ['start', 7, undefined],
    ]);
  });

  test('are carried out eight at once for a storage object, then four a second', async () => {
    for (let ask = 1; ask <= 10; ask++) requests.take(asked(ask, 1 + (ask % 2)));
    requests.take({ ...asked(11, 2), storageObject: 'ramdisk/gone' });
    await answered()(9);
    expect(engine.answered.at(-1)).toEqual([11, false]);
    clock.pass(249);
    await store.idle();
    expect(engine.answered).toHaveLength(9);
    clock.pass(1);
    await answered()(10);
    clock.pass(250);
    await answered()(11);
    expect(engine.answered.at(-1)).toEqual([10, true]);
    // Beyond what could be answered in time.
    for (let ask = 12; engine.answered.length === 11; ask++) requests.take(asked(ask, 2));
    expect(engine.answered.at(-1)?.[1]).toBe(false);
  });

  test('leave what an administrator has undone to be redone', async () => {
    const by = { user: '', client: '', command: '' };
    await change([...R1, 'attributes'], { emulate_tpu: true });
    await store.undo({ count: 1, by });
    requests.take(asked(7, 2));
    await answered()(1);
    await store.redo({ count: 1, by });
    expect(store.current.document.backstores.ramdisk['r1']?.attributes).toEqual({
      emulate_tpu: true,
    });
  });

  test('are computed anew when somebody else was faster', async () => {
    let go = () => {};
    engine.gate = new Promise<void>((resolve) => (go = resolve));
    const others = change([...R1, 'attributes'], { emulate_tpu: true });
    requests.take(asked(7, 2));
    go();
    await others;
    await answered()(1);
    expect(engine.answered).toEqual([[7, true]]);
    expect(store.current.document.backstores.ramdisk['r1']?.attributes.emulate_tpu).toBe(true);
  });

  test.each([
    ['no storage object', { ...asked(7, 2), storageObject: 'ramdisk/gone' }, /no ramdisk\/gone/],
    ['no group', asked(7, 2, 'gone'), /no group gone/],
    ['the engine refuses', asked(7, 2), /out of order/],
  ])('are refused where there is reason: %s', async (what, event, why) => {
    if (what === 'the engine refuses') engine.refuse = 'out of order';
    requests.take(event);
    await answered()(1);
    expect(engine.answered).toEqual([[7, false]]);
    expect(lines.map(({ fields }) => String(fields?.['why']))).toEqual([
      expect.stringMatching(why),
    ]);
    expect(alua()).toEqual({ other: group({ preferred: true }) });
  });

  test('are refused where alua_access_type lets initiators change nothing', async () => {
    await change([...R1, 'alua', 'other'], group({ alua_access_type: 1 }));
    requests.take(asked(7, 2));
    await answered()(1);
    expect(engine.answered).toEqual([[7, false]]);
  });

  test('are refused when the initiator has its answer already, and after the stop', async () => {
    let go = () => {};
    engine.gate = new Promise<void>((resolve) => (go = resolve));
    requests.take(asked(1, 2));
    requests.take(asked(2, 3));
    clock.pass(10_001);
    go();
    await answered()(2);
    expect(engine.answered.at(-1)).toEqual([2, false]);
    requests.stop();
    requests.take(asked(3, 3));
    await answered()(3);
    expect(engine.answered.at(-1)).toEqual([3, false]);
  });

  test('wait in a queue that has an end', async () => {
    requests.stop();
    for (let ask = 0; ask <= MAX_STATE_REQUESTS; ask++) {
      requests.take({ ...asked(ask, 2), storageObject: `ramdisk/r${ask}` });
    }
    expect(engine.answered).toEqual([[MAX_STATE_REQUESTS, false]]);
    await answered()(MAX_STATE_REQUESTS + 1);
  });
});
