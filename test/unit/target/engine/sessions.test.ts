/** Sessions as the engine reports and ends them, over a real socket. */
import { createServer } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
