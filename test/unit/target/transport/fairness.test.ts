/** Connections that share one event loop, in time that passes only by what each request costs. */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { MoverEvents } from '../../../../src/target/transport/datamover.ts';
import { TcpMover } from '../../../../src/target/transport/tcp.ts';
import { FakeClock } from '../../../loopback/served.ts';
import { socketPair } from '../../../support/memory_sockets.ts';

/** What a request takes of the event loop. */
const COST_MS = 0.008;
const BHS_BYTES = 48;
const NOP_OUT = Buffer.alloc(BHS_BYTES);

/** An initiator that keeps so many requests under way, and a target that answers each at once. */
class Connection {
  served = 0;
  readonly #far: Socket;
  readonly #mover: TcpMover;

  constructor(clock: FakeClock, depth: number) {
    const { near, far } = socketPair();
    this.#far = far;
    const events: MoverEvents = {
      stamp: () => {},
      controlNotify: () => {
        clock.pass(COST_MS);
        this.served++;
        this.#mover.sendControl(this.#mover.newHeader(), null);
      },
      dataDigestError: () => {},
      strayData: () => {},
      internalError: (error) => {
        throw error;
      },
      connectionTerminateNotify: () => {},
    };
    this.#mover = new TcpMover({ socket: near, clock, events });
    // As many requests as answers came, in one piece.
    far.on('data', (chunk: Buffer) => this.#send(chunk.length / BHS_BYTES));
    this.#send(depth);
  }

  #send(count: number): void {
    this.#far.write(Buffer.concat(Array.from({ length: count }, () => NOP_OUT)));
  }

  close(): void {
    this.#far.destroy();
  }
}

/** Goes on from test to test, as what the thread remembers of its connections does. */
const clock = new FakeClock();

/** Requests served of each connection until all together are so many. */
async function share(depths: readonly number[], requests: number): Promise<number[]> {
  // Those of the test before are forgotten.
  clock.pass(1000);
  const connections = depths.map((depth) => new Connection(clock, depth));
  const total = () => connections.reduce((sum, { served }) => sum + served, 0);
  while (total() < requests) await new Promise((resolve) => setImmediate(resolve));
  for (const connection of connections) connection.close();
  return connections.map(({ served }) => served);
}

test('a shallow session waits for two shares of a deep one, not for its queue', async () => {
  const requests = 4000;
  const [deep = 0, shallow = 0] = await share([128, 1], requests);
  // A share of 20 microseconds lets three begin; its answer and its next request take a turn each.
  expect(deep / shallow).toBeLessThanOrEqual(6.5);
  expect(deep).toBeGreaterThan(requests / 2);
});

test('deep sessions among themselves share evenly', async () => {
  const [one = 0, two = 0] = await share([128, 128], 8000);
  expect(Math.abs(one - two)).toBeLessThanOrEqual(2 * 128);
});

test('two shallow sessions share beside a deep one', async () => {
  const [, one = 0, two = 0] = await share([128, 1, 1], 4000);
  expect(Math.abs(one - two)).toBeLessThan(40);
  // Each has one where the deep one has six; that one had its first queue served whole.
  expect(one).toBeGreaterThan(4000 / 8.2);
});
