/** Nothing stays behind of iSER sessions: no registration, no receive buffer, no socket. */
import { queryObjects } from 'node:v8';
import { expect, test } from 'vitest';
import { IserMover } from '../../src/target/transport/iser/iser_mover.ts';
import { IwarpConnection } from '../../src/target/transport/iwarp/iwarp_connection.ts';
import { bench, type Bench } from '../unit/target/iscsi/served_kit.ts';
import { INITIATOR, PORTAL, TARGET } from '../unit/target/iscsi/login_kit.ts';
import { OP } from './initiator.ts';
import { IserInitiator } from './iser_initiator.ts';
import { cdbOf, patternOf } from './served.ts';

/** 10,000 take about a minute. */
const CYCLES = Number(process.env['LUNSMITH_ISER_CYCLES'] ?? 150);
const WARM_UP = 20;
const CYCLE_MS = 200;
const KEYS = { InitiatorName: INITIATOR, TargetName: TARGET, SessionType: 'Normal' };
const NONE = { regions: 0, receives: 0, reads: 0, served: 0 };
/** Buffers of dead connections that the collector has not come to, and stages kept for reuse. */
const SLACK_BYTES = 4 * 1024 * 1024;

/** What lives after a collection: of both sides, which are in this process. */
function held() {
  const connections = queryObjects(IwarpConnection);
  const movers = queryObjects(IserMover);
  const resources = process.getActiveResourcesInfo();
  const sockets = resources.filter((name) => name === 'TCPSocketWrap').length;
  return { connections, movers, sockets };
}

/** `read`: a read, else a write that is fetched; every third session ends without a logout. */
async function cycle(served: Bench, round: number): Promise<void> {
  const initiator = await IserInitiator.connect(served.port);
  const answer = await initiator.login({ keys: KEYS });
  expect(answer.bhs[36]).toBe(0);
  const size = 20_000;
  const payload = patternOf(size);
  const command = { edtl: size, cdb: cdbOf(size) };
  const way = round % 2 === 0 ? { read: true } : { write: true, payload };
  expect((await initiator.run({ ...command, ...way })).status).toBe(0);
  served.written.length = 0;
  if (round % 3 === 0) {
    initiator.command({ ...command, write: true }, payload);
    initiator.destroy();
  } else {
    initiator.logout();
    await initiator.expect(OP.LOGOUT_RESPONSE);
  }
  await initiator.closed;
  expect(initiator.rdma.counts).toEqual(NONE);
}

test(
  `${CYCLES} logins and logouts leave nothing behind`,
  { timeout: 60_000 + CYCLES * CYCLE_MS },
  async () => {
    const served = await bench({ iserPortals: [PORTAL] });
    served.served.iser = true;
    const { sessions, opened, closed, records } = served.served;
    /** What the harness remembers of the sessions that were. */
    const forget = (): void => {
      for (const list of [opened, closed, records]) list.length = 0;
    };
    const run = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        await cycle(served, round);
        forget();
      }
      await expect.poll(() => sessions.size, { timeout: 10_000 }).toBe(0);
      await expect.poll(() => sessions.logins(PORTAL)).toBe(0);
      forget();
    };
    await run(WARM_UP);
    await expect.poll(held, { timeout: 10_000 }).toEqual({ connections: 0, movers: 0, sockets: 0 });
    const before = process.memoryUsage();
    await run(CYCLES);
    await expect.poll(held, { timeout: 10_000 }).toEqual({ connections: 0, movers: 0, sockets: 0 });
    const after = process.memoryUsage();
    expect(after.arrayBuffers).toBeLessThan(before.arrayBuffers + SLACK_BYTES);
    if (process.env['LUNSMITH_ISER_CYCLES'] !== undefined) console.log({ before, after });
  },
);
