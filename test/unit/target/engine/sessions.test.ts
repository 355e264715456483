/** Sessions as the engine reports and ends them, over a real socket. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EnginePort } from '../../../../src/objects/engine_port.ts';
import type { Step } from '../../../../src/objects/plan.ts';
import { createEngine } from '../../../../src/target/engine.ts';
import { Initiator, OP } from '../../../loopback/initiator.ts';

const TARGET = 'iqn.2003-01.org.example:t1';
const INITIATOR = 'iqn.1994-05.com.redhat:c1';
const TPG = ['iscsi', 'targets', TARGET, 'tpgs', '1'];
const tpgValue = (attributes: object) => ({
  enabled: true,
  attributes,
  parameters: {},
  auth: {},
  portals: {},
  luns: {},
  acls: {},
});

const planFor = (key: string, attributes: object): Step[] => [
  {
    subject: 'storage_object',
    path: ['backstores', 'ramdisk', 'r1'],
    after: { size: 1024 * 1024, nullio: false, wwn: 'wwn-1', attributes: {} },
  },
  { subject: 'target', path: TPG.slice(0, 3), after: { tpgs: {} } },
  { subject: 'tpg', path: TPG, after: tpgValue(attributes) },
  { subject: 'lun', path: [...TPG, 'luns', '0'], after: { storage_object: 'ramdisk/r1' } },
  { subject: 'portal', path: [...TPG, 'portals', key], after: { iser: false } },
];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

let engine: EnginePort;
let port: number;
let initiator: Initiator;
beforeEach(async () => {
  engine = createEngine({ logLevel: 'error' });
  port = await freePort();
  initiator = await engine
    .apply(planFor(`127.0.0.1:${port}`, { generate_node_acls: true }))
    .then(() => Initiator.open(port));
});
afterEach(async () => {
  initiator.destroy();
  await engine.stop(0);
});

const login = (name = INITIATOR, target = TARGET) =>
  initiator.login({
    keys: { InitiatorName: name, TargetName: target, SessionType: 'Normal' },
  });

test('what a session reads is counted for it and for the storage object', async () => {
  await login();
  const read = { read: true, edtl: 512, cdb: Buffer.from([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0]) };
  // The first command hears the unit attention of a new nexus.
  await initiator.run(read);
  expect((await initiator.run(read)).status).toBe(0);
  const { io, sessions } = await engine.runtime();
  const counted = { commands: 2, reads: 1, readBytes: 512, errors: 1, queued: 0 };
  expect(sessions[0]?.mappedLuns[0]).toMatchObject({ mappedLun: 0, io: counted });
  expect(io['ramdisk/r1']).toMatchObject(counted);
});

test('a session that did nothing since the last look is not described anew', async () => {
  const served = engine as ReturnType<typeof createEngine>;
  const changedSessions = async (): Promise<string[]> =>
    Object.keys((await served.changes(true)).sessions.set);
  await login();
  const other = await Initiator.open(port);
  await other.login({
    keys: { InitiatorName: `${INITIATOR}2`, TargetName: TARGET, SessionType: 'Normal' },
  });
  expect(await changedSessions()).toEqual(['1', '2']);
  expect(await changedSessions()).toEqual([]);
  await initiator.run({ cdb: Buffer.alloc(6) });
  expect(await changedSessions()).toEqual(['1']);
  expect(await changedSessions()).toEqual([]);
  const before = tpgValue({ generate_node_acls: true });
  const after = tpgValue({ generate_node_acls: true, session_max_iops: 10 });
  await engine.apply([{ subject: 'tpg', path: TPG, before, after }]);
  expect(await changedSessions()).toEqual(['1', '2']);
  await engine.apply([{ subject: 'tpg', path: TPG, before: after, after: before }]);
  await changedSessions();
  other.destroy();
  await expect.poll(async () => (await served.changes(true)).sessions.gone).toEqual(['2']);
  expect((await engine.runtime()).sessions.map(({ sid }) => sid)).toEqual([1]);
});

test('kick ends that session, tells its initiator, and leaves others alone', async () => {
  await login();
  const [session] = (await engine.runtime()).sessions;
  expect(await engine.kick(99)).toBe(false);
  expect((await engine.runtime()).sessions).toHaveLength(1);
  expect(await engine.kick(session!.sid)).toBe(true);
  // RFC 7143 §11.9.1: event 3, all connections of the session are dropped.
  expect((await initiator.expect(OP.ASYNC)).bhs[36]).toBe(3);
  expect(await initiator.next()).toBe(null);
  expect((await engine.runtime()).sessions).toEqual([]);
});

test('a refused login is remembered with its rule', async () => {
  const answer = await login(INITIATOR, 'iqn.2003-01.org.example:other');
  expect(answer.bhs[36]).toBe(2);
  expect((await engine.runtime()).refusedLogins).toMatchObject([
    {
      initiator: INITIATOR,
      target: 'iqn.2003-01.org.example:other',
      address: '127.0.0.1',
      rule: 'there is no target "iqn.2003-01.org.example:other"',
      count: 1,
    },
  ]);
});

describe('storage objects changed under a session', () => {
  const path = ['backstores', 'ramdisk', 'r1'];
  const disk = (size: number) => ({ size, nullio: false, wwn: 'wwn-1', attributes: {} });
  const command = (...bytes: number[]) => Buffer.concat([Buffer.from(bytes), Buffer.alloc(16)], 16);
  const capacity = async () => {
    const answer = await initiator.run({ read: true, edtl: 8, cdb: command(0x25) });
    return answer.status === 0 ? answer.data.readUInt32BE(0) + 1 : answer.sense;
  };
  const write = (text: string) =>
    initiator.run({
      write: true,
      edtl: 512,
      cdb: command(0x2a, 0, 0, 0, 0, 0, 0, 0, 1),
      payload: Buffer.alloc(512, text),
    });
  const read = async () => {
    const cdb = command(0x28, 0, 0, 0, 0, 0, 0, 0, 1);
    return (await initiator.run({ read: true, edtl: 512, cdb })).data.toString('latin1', 0, 1);
  };

  beforeEach(async () => {
    await engine.apply([
      {
        subject: 'tpg',
        path: TPG,
        before: tpgValue({ generate_node_acls: true }),
        after: tpgValue({ generate_node_acls: true, demo_mode_write_protect: false }),
      },
    ]);
    await login();
    // The unit attention of a new nexus.
    await capacity();
    expect((await write('a')).status).toBe(0);
  });

  test('another size is told as a unit attention, and data and session stay', async () => {
    const [before, after] = [disk(1024 * 1024), disk(2 * 1024 * 1024)];
    await engine.apply([{ subject: 'storage_object', path, before, after }]);
    expect(await capacity()).toBe('06/2a/09');
    expect(await capacity()).toBe(4096);
    expect(await read()).toBe('a');
    expect((await engine.runtime()).sessions).toHaveLength(1);
  });

  test('a refused plan takes a smaller size back, with the data beyond it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: taken } = server.address() as { port: number };
    const steps: Step[] = [
      { subject: 'storage_object', path, before: disk(1024 * 1024), after: disk(512) },
      {
        subject: 'portal',
        path: [...TPG, 'portals', `127.0.0.1:${taken}`],
        after: { iser: false },
      },
    ];
    const last = command(0x2a, 0, 0, 0, 7, 0xff, 0, 0, 1);
    await initiator.run({ write: true, edtl: 512, cdb: last, payload: Buffer.alloc(512, 'z') });
    await expect(engine.apply(steps)).rejects.toThrow('cannot listen');
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await capacity();
    const back = command(0x28, 0, 0, 0, 7, 0xff, 0, 0, 1);
    const answer = await initiator.run({ read: true, edtl: 512, cdb: back });
    expect(answer.data.toString('latin1', 0, 1)).toBe('z');
  });

  test('another name keeps logical unit, data and session', async () => {
    const value = disk(1024 * 1024);
    const lunPath = [...TPG, 'luns', '0'];
    await engine.apply([
      { subject: 'lun', path: lunPath, before: { storage_object: 'ramdisk/r1' } },
      { subject: 'storage_object', path, before: value },
      { subject: 'storage_object', path: ['backstores', 'ramdisk', 'data'], after: value },
      { subject: 'lun', path: lunPath, after: { storage_object: 'ramdisk/data' } },
    ]);
    expect(await read()).toBe('a');
    const { sessions, io, storageObjects } = await engine.runtime();
    expect(sessions[0]?.mappedLuns[0]?.storageObject).toBe('ramdisk/data');
    expect(io['ramdisk/data']?.writes).toBe(1);
    expect(Object.keys(storageObjects)).toEqual(['ramdisk/data']);
  });

  test('rescan of what is no block device gives its size; of nothing it is refused', async () => {
    expect(await engine.rescan('ramdisk/r1')).toBe(1024 * 1024);
    await expect(engine.rescan('ramdisk/none')).rejects.toThrow('no storage object');
  });
});

test('a file grows with its storage object, and is never cut', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lunsmith-resize-'));
  const file = join(folder, 'disk.img');
  try {
    writeFileSync(file, Buffer.alloc(4096));
    const path = ['backstores', 'fileio', 'f1'];
    const value = (size: number) => ({
      path: file,
      size,
      write_back: true,
      wwn: 'wwn-f1',
      attributes: {},
    });
    const to = (before: number, after: number): Step => ({
      subject: 'storage_object',
      path,
      before: value(before),
      after: value(after),
    });
    await engine.apply([{ subject: 'storage_object', path, after: value(4096) }]);
    await engine.apply([to(4096, 8192)]);
    expect(statSync(file).size).toBe(8192);
    await engine.apply([to(8192, 512)]);
    expect(statSync(file).size).toBe(8192);
    expect((await engine.runtime()).storageObjects['fileio/f1']).toEqual({ ok: true, size: 512 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
