/** Limits of rate over TCP through the whole engine, changed under running sessions. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT, type Document, type Tpg } from '../../src/objects/document.ts';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { createEngine } from '../../src/target/engine.ts';
import { serialDistance } from '../../src/util/serial32.ts';
import { freePort } from '../support/free_port.ts';
import { demoDocument, TARGET } from './demo_document.ts';
import { Initiator } from './initiator.ts';
import { FakeClock } from './served.ts';

const NAME = 'iqn.1993-08.org.debian:01:limited';
const OTHER = 'iqn.1993-08.org.debian:01:other';
const READ = Buffer.from([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
const MAX_CMD_SN = 32;

let engine: EnginePort;
let clock: FakeClock;
let document: Document;
let port: number;
const initiators: Initiator[] = [];

beforeEach(async () => {
  port = await freePort();
  clock = new FakeClock();
  engine = createEngine({ logLevel: 'error', clock });
  document = EMPTY_DOCUMENT;
  await change({});
});
afterEach(async () => {
  for (const initiator of initiators.splice(0)) initiator.destroy();
  await engine.stop(0);
});

interface Limits {
  readonly tpg?: Tpg['attributes'];
  readonly acl?: Tpg['acls'][string]['attributes'];
}

/** What an administrator sets, under running sessions. */
async function change({ tpg = {}, acl = {} }: Limits): Promise<void> {
  const next = demoDocument(port);
  const value = next.iscsi.targets[TARGET]?.tpgs['1'] as { -readonly [K in keyof Tpg]: Tpg[K] };
  value.attributes = { ...value.attributes, ...tpg };
  const mapped_luns = { 0: { lun: 0, write_protect: false } };
  value.acls = { [NAME]: { attributes: acl, auth: {}, mapped_luns } };
  await engine.apply(diff(document, next));
  document = next;
}

async function login(name: string, isid = '00023d000001'): Promise<Initiator> {
  const initiator = await Initiator.open(port);
  initiators.push(initiator);
  const keys = { InitiatorName: name, TargetName: TARGET, SessionType: 'Normal' };
  await initiator.login({ isid, keys });
  // Hears the unit attention of a new nexus.
  await initiator.run({ read: true, edtl: 512, cdb: READ });
  return initiator;
}

const read = (initiator: Initiator) => initiator.run({ read: true, edtl: 512, cdb: READ });
const many = (initiator: Initiator, count: number) =>
  Array.from({ length: count }, () => read(initiator));
/** Of each session: commands that are over, the first of the login left out. */
const served = async () =>
  (await engine.runtime()).sessions.map(
    ({ mappedLuns }) => mappedLuns.reduce((sum, { io }) => sum + io.commands, 0) - 1,
  );
/** So many commands are here, over or not. */
async function arrived(count: number): Promise<void> {
  await vi.waitFor(async () => {
    const { sessions } = await engine.runtime();
    const here = sessions.flatMap(({ mappedLuns }) =>
      mappedLuns.map(({ io }) => io.commands - 1 + io.queued),
    );
    expect(here.reduce((sum, one) => sum + one)).toBe(count);
  });
}
const limitsNow = async () => (await engine.runtime()).sessions.map(({ limits }) => limits);

describe('a limit set while sessions run', () => {
  test('holds the initiator of the node ACL, and no other; lifted, it goes on', async () => {
    const [limited, other] = [await login(NAME), await login(OTHER)];
    await change({ acl: { max_iops: 10, burst_time: 100 } });
    const slow = many(limited, 10);
    await Promise.all(many(other, 10));
    await arrived(20);
    const [mine, theirs] = await limitsNow();
    expect(mine).toMatchObject({ waiting: 8, acl: { maxIops: 10 } });
    expect(theirs).toBe(undefined);
    clock.pass(300);
    expect(await served()).toEqual([5, 10]);
    await change({});
    await Promise.all(slow);
    expect(await limitsNow()).toEqual([undefined, undefined]);
  });

  test('of a node ACL counts the sessions of its initiator together', async () => {
    const both = [await login(NAME), await login(NAME, '00023d000002')];
    await change({ acl: { max_iops: 100, burst_time: 10 } });
    const commands = both.flatMap((one) => many(one, 20));
    await arrived(40);
    clock.pass(200);
    const [one = 0, two = 0] = await served();
    expect(one + two).toBe(22);
    expect(Math.abs(one - two)).toBeLessThanOrEqual(2);
    await change({});
    await Promise.all(commands);
  });

  test('of a TPG counts each session alone, in demo mode too', async () => {
    const both = [await login(NAME), await login(OTHER)];
    await change({ tpg: { session_max_iops: 100, session_burst_time: 10 } });
    const commands = both.flatMap((one) => many(one, 40));
    await arrived(80);
    clock.pass(200);
    expect(await served()).toEqual([22, 22]);
    await change({});
    await Promise.all(commands);
  });

  test('closes the command window, and opens it again', async () => {
    const limited = await login(NAME);
    const open = async (): Promise<number> => {
      const { last } = await read(limited);
      return serialDistance(limited.cmdSN, last.bhs.readUInt32BE(MAX_CMD_SN)) + 1;
    };
    expect(await open()).toBeGreaterThan(60);
    await change({ acl: { max_iops: 1, burst_time: 10 } });
    // What was granted is never taken back; those commands wait.
    const granted = many(limited, 60);
    const answer = await granted[0];
    const max = answer?.last.bhs.readUInt32BE(MAX_CMD_SN) ?? 0;
    expect(serialDistance(limited.cmdSN, max)).toBeLessThan(5);
    await change({});
    await Promise.all(granted);
    expect(await open()).toBeGreaterThan(60);
  });

  test('holds from the login on: one command at a time', async () => {
    await change({ acl: { max_iops: 1, burst_time: 10 } });
    const initiator = await Initiator.open(port);
    initiators.push(initiator);
    const keys = { InitiatorName: NAME, TargetName: TARGET, SessionType: 'Normal' };
    const answer = await initiator.login({ keys });
    const max = answer.bhs.readUInt32BE(MAX_CMD_SN);
    expect(serialDistance(initiator.cmdSN, max)).toBeLessThanOrEqual(1);
  });
});
