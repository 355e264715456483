/** The TCP data mover on a real socket pair, without a session above it. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Transfer,
  type MoverEvents,
  type MoverSettings,
} from '../../../../src/target/transport/datamover.ts';
import { OUTPUT_HIGH_WATER } from '../../../../src/target/transport/output_queue.ts';
import { LentSocket } from '../../../../src/target/transport/lent_socket.ts';
import { SHARED_READ, TcpMover } from '../../../../src/target/transport/tcp.ts';
import { TURNS } from '../../../../src/target/transport/turns.ts';
import { FakeClock, patternOf } from '../../../loopback/served.ts';

const SETTINGS: MoverSettings = {
  headerDigest: false,
  dataDigest: false,
  maxSendDataSegmentLength: 262_144,
  maxRecvDataSegmentLength: 262_144,
  maxBurstLength: 262_144,
  firstBurstLength: 65_536,
  maxOutstandingR2T: 1,
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

let server: Server;
let near: Socket;
let far: Socket;
let mover: TcpMover;
let clock: FakeClock;
let notified: Buffer[];
let terminated: string[];
let statSN: number;

beforeEach(async () => {
  server = createServer({ noDelay: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  far = connect({ port, host: '127.0.0.1' });
  far.on('error', () => {});
  near = LentSocket.takeOver(await accepted);
  clock = new FakeClock();
  notified = [];
  terminated = [];
  statSN = 100;
  const events: MoverEvents = {
    stamp: (buffer, at, use) => {
      if (use !== 'none') buffer.writeUInt32BE(statSN, at + 24);
      if (use === 'take') statSN++;
    },
    controlNotify: (bhs, _ahs, data) => {
      notified.push(Buffer.concat([bhs, data]));
      // An echo, as a NOP-In would be.
      mover.sendControl(mover.newHeader(), data);
    },
    dataDigestError: () => {},
    strayData: () => {},
    internalError: (error) => {
      throw error;
    },
    connectionTerminateNotify: (why) => terminated.push(why),
  };
  mover = new TcpMover({ socket: near, clock, events });
  mover.enableDatamover(SETTINGS);
});
afterEach(async () => {
  far.destroy();
  near.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function transferOf(itt: number): Transfer {
  const transfer = new Transfer();
  transfer.reset(itt);
  return transfer;
}

/** Writes that reached the system, from now on. */
function countWrites(): () => number {
  let writes = 0;
  const original = near.write.bind(near);
  near.write = ((...args: Parameters<Socket['write']>) => {
    writes++;
    return original(...args);
  }) as Socket['write'];
  const lent = near as LentSocket;
  const sendNow = lent.sendNow.bind(lent);
  lent.sendNow = (pieces) => {
    const taken = sendNow(pieces);
    // What is not taken whole goes on as a write.
    if (taken === pieces.reduce((sum, piece) => sum + piece.length, 0)) writes++;
    return taken;
  };
  return () => writes;
}

describe('receiving', () => {
  /** NOP-Outs whose tag is their number. */
  const pings = (count: number): Buffer => {
    const bytes = Buffer.alloc(count * 48);
    for (let at = 0; at < count; at++) bytes.writeUInt32BE(at, at * 48 + 16);
    return bytes;
  };
  const tags = () => notified.map((pdu) => pdu.readUInt32BE(16));

  test('while another waits, a long chunk is served in parts, in order and in full', async () => {
    const waiting = {};
    const counts = new Set<number>();
    const nowMs = clock.nowMs.bind(clock);
    // Each look at the clock takes 10 µs, so that a share of 40 µs is a few PDUs.
    clock.nowMs = () => {
      clock.pass(0.01);
      TURNS.served(waiting, 1, nowMs());
      return nowMs();
    };
    far.resume();
    far.write(pings(500));
    while (notified.length < 500) {
      counts.add(notified.length);
      await turn();
    }
    expect(tags()).toEqual(Array.from({ length: 500 }, (_, at) => at));
    expect(counts.size).toBeGreaterThan(50);
    const more = pings(3);
    far.write(more);
    while (notified.length < 503) await turn();
    expect(tags().slice(500)).toEqual([0, 1, 2]);
  });

  test('beside another, a read ends where the data of the next command begins', async () => {
    const waiting = {};
    const nowMs = clock.nowMs.bind(clock);
    let others = true;
    clock.nowMs = () => {
      clock.pass(0.01);
      if (others) TURNS.served(waiting, 1, nowMs());
      return nowMs();
    };
    const lent = near as LentSocket;
    let limit = 0;
    lent.readAtMost = (bytes) => void (limit = bytes);
    far.resume();
    lent.received(pings(200));
    while (notified.length < 200) await turn();
    expect(limit).toBe(SHARED_READ);
    const DATA = 65_536;
    const written = Buffer.alloc(48 + DATA);
    written.writeUIntBE(DATA, 5, 3);
    lent.received(written.subarray(0, limit));
    expect(limit).toBe(written.length - SHARED_READ + 48);
    lent.received(Buffer.concat([written.subarray(SHARED_READ), written.subarray(0, 48)]));
    expect([notified.length, limit]).toEqual([201, DATA + 48]);
    // Read in full, it says nothing of how much more there is; read in part, it was all.
    lent.received(Buffer.concat([written.subarray(48), written.subarray(0, 48)]));
    expect([notified.length, limit]).toEqual([202, DATA + 48]);
    lent.received(written.subarray(48));
    expect([notified.length, limit]).toEqual([203, SHARED_READ]);
    others = false;
    clock.pass(10);
    lent.received(pings(1));
    expect([notified.length, limit]).toEqual([204, 131_072]);
    clock.pass(1000);
    lent.received(pings(1));
    expect([notified.length, limit]).toEqual([205, Infinity]);
  });

  test('what waits for its turn is dropped when the connection ends', async () => {
    const waiting = {};
    const nowMs = clock.nowMs.bind(clock);
    clock.nowMs = () => {
      clock.pass(0.01);
      TURNS.served(waiting, 1, nowMs());
      return nowMs();
    };
    far.resume();
    far.write(pings(500));
    while (notified.length === 0) await turn();
    expect(notified.length).toBeLessThan(500);
    const known = notified.length;
    mover.connectionTerminate(false);
    for (let at = 0; at < 20; at++) await turn();
    expect(notified).toHaveLength(known);
    expect(terminated).toHaveLength(1);
  });
});

describe('sending', () => {
  test('what is queued in one turn leaves in one write', async () => {
    const writes = countWrites();
    for (let i = 0; i < 50; i++) {
      const transfer = transferOf(i);
      mover.putData(transfer, patternOf(4096), 0, true, () => {});
      expect(mover.putStatus(transfer, 0, 0, 0)).toBe(true);
    }
    expect(writes()).toBe(0);
    await turn();
    // 50 × 4144 bytes lie in stages of 16, 64 and 256 KiB: one vector.
    expect(writes()).toBe(1);
    const got = await bytesFrom(far, 50 * (48 + 4096));
    for (let i = 0; i < 50; i++) {
      const pdu = got.subarray(i * 4144, (i + 1) * 4144);
      expect([pdu[0], pdu[1], pdu.readUInt32BE(16), pdu.readUInt32BE(24)]).toEqual([
        0x25,
        0x81,
        i,
        100 + i,
      ]);
      expect(pdu.subarray(48).equals(patternOf(4096))).toBe(true);
    }
  });

  test('the answers to one chunk leave in one write, within the call', () => {
    const writes = countWrites();
    (near as LentSocket).received(Buffer.concat([Buffer.alloc(48), Buffer.alloc(48)]));
    expect(notified).toHaveLength(2);
    expect(writes()).toBe(1);
  });

  test('nothing is written after the connection was given up in the same chunk', () => {
    const writes = countWrites();
    const tooLong = Buffer.alloc(48);
    tooLong.writeUIntBE(0xff_ffff, 5, 3);
    (near as LentSocket).received(Buffer.concat([Buffer.alloc(48), tooLong]));
    expect(notified).toHaveLength(1);
    expect(writes()).toBe(0);
  });

  test('status joins only the data of its own command, while nothing follows it', async () => {
    const one = transferOf(1);
    const two = transferOf(2);
    mover.putData(one, patternOf(8), 0, true, () => {});
    expect(mover.putStatus(two, 0, 0, 0)).toBe(false);
    mover.putData(two, patternOf(8), 0, true, () => {});
    expect(mover.putStatus(one, 0, 0, 0)).toBe(false);
    expect(mover.putStatus(two, 0, 0, 0)).toBe(true);
    expect(mover.putStatus(two, 0, 0, 0)).toBe(false);
    mover.putData(one, patternOf(8), 8, true, () => {});
    await turn();
    expect(mover.putStatus(one, 0, 0, 0)).toBe(false);
    mover.putData(one, patternOf(8), 16, true, () => {});
    mover.deallocateTaskResources(one);
    expect(mover.putStatus(one, 0, 0, 0)).toBe(false);
  });

  test('`sent` comes when the socket has taken long data, at once for short data', async () => {
    const order: string[] = [];
    mover.putData(transferOf(1), patternOf(100), 0, true, () => order.push('short'));
    mover.putData(transferOf(2), patternOf(100_000), 0, true, () => order.push('long'));
    expect(order).toEqual(['short']);
    far.resume();
    while (order.length < 2) await turn();
    expect(order).toEqual(['short', 'long']);
  });

  test('a peer that does not read makes producers wait, and gets all once it reads', async () => {
    // Pieces end where bursts end, so that each is one PDU.
    mover.enableDatamover({ ...SETTINGS, maxBurstLength: 160_000 });
    far.pause();
    const lent = near as LentSocket;
    const sendNow = lent.sendNow.bind(lent);
    let sentNow = 0;
    lent.sendNow = (pieces) => {
      const taken = sendNow(pieces);
      sentNow += taken;
      return taken;
    };
    let sent = 0;
    let put = 0;
    const piece = patternOf(16_000);
    // A producer per command, as the device server: the next piece after `sent`.
    const transfer = transferOf(1);
    const produce = (): void => {
      if (put === 2000) return;
      mover.putData(transfer, piece, put++ * piece.length, false, () => {
        sent++;
        queueMicrotask(produce);
      });
    };
    produce();
    let last = -1;
    while (last !== put) {
      last = put;
      for (let i = 0; i < 20; i++) await turn();
    }
    expect(put).toBeLessThan(2000);
    // What the system's own buffers took comes on top; what we hold is bounded.
    const gone = sentNow + near.bytesWritten;
    expect(put * piece.length - gone).toBeLessThan(OUTPUT_HIGH_WATER);
    const total = 2000 * (48 + piece.length);
    const got = await bytesFrom(far, total);
    expect(sent).toBe(2000);
    expect(got.subarray(total - piece.length).equals(piece)).toBe(true);
  });

  test('every `sent` is called when the connection is lost', async () => {
    far.pause();
    let sent = 0;
    for (let i = 0; i < 200; i++) {
      mover.putData(transferOf(i), Buffer.alloc(100_000), 0, true, () => sent++);
    }
    far.destroy();
    while (terminated.length === 0) await turn();
    expect(sent).toBe(200);
    mover.putData(transferOf(1), Buffer.alloc(100_000), 0, true, () => sent++);
    expect(sent).toBe(201);
    expect(terminated.length).toBe(1);
  });

  test('ended gracefully it sends what is queued, then closes', async () => {
    mover.sendControl(mover.newHeader(), patternOf(5000));
    mover.connectionTerminate(true);
    const got = await bytesFrom(far, 48 + 5000);
    expect(got.subarray(48).equals(patternOf(5000))).toBe(true);
    while (terminated.length === 0) await turn();
    expect(terminated).toEqual(['connection closed by the target']);
  });

  test('a peer that takes nothing at the end is dropped after two seconds', async () => {
    far.pause();
    for (let i = 0; i < 100; i++) mover.sendControl(mover.newHeader(), Buffer.alloc(100_000));
    mover.connectionTerminate(true);
    for (let i = 0; i < 20; i++) await turn();
    expect(terminated).toEqual([]);
    clock.pass(2_000);
    while (terminated.length === 0) await turn();
  });

  test('padding and reused headers carry no old bytes', async () => {
    const header = mover.newHeader();
    header.fill(0xff);
    header.writeUIntBE(3, 5, 3);
    mover.sendControl(header, Buffer.from([1, 2, 3]));
    mover.sendControl(mover.newHeader(), null);
    const got = await bytesFrom(far, 48 + 4 + 48);
    expect([...got.subarray(48, 52)]).toEqual([1, 2, 3, 0]);
    expect(got.subarray(52).equals(Buffer.alloc(48))).toBe(true);
  });
});

describe('receiving', () => {
  test('a peer that sends without reading is not read any more: answers are bounded', async () => {
    far.pause();
    const bhs = Buffer.alloc(48);
    bhs.writeUIntBE(60_000, 5, 3);
    const request = Buffer.concat([bhs, Buffer.alloc(60_000)]);
    const asked = 1000;
    for (let i = 0; i < asked; i++) far.write(request);
    let last = -1;
    while (last !== notified.length) {
      last = notified.length;
      for (let i = 0; i < 30; i++) await turn();
    }
    expect(notified.length).toBeLessThan(asked);
    expect(near.isPaused()).toBe(true);
    // Once it reads, all is answered.
    const total = asked * request.length;
    await bytesFrom(far, total);
    expect(notified.length).toBe(asked);
  });

  test('a data segment longer than declared ends the connection', async () => {
    const bhs = Buffer.alloc(48);
    bhs.writeUIntBE(SETTINGS.maxRecvDataSegmentLength + 1, 5, 3);
    far.write(bhs);
    while (terminated.length === 0) await turn();
    expect(terminated[0]).toContain('longer than MaxRecvDataSegmentLength');
  });
});

function bytesFrom(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let have = 0;
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      have += chunk.length;
      if (have < length) return;
      socket.off('data', take);
      resolve(Buffer.concat(chunks));
    };
    socket.on('data', take);
    socket.resume();
  });
}

describe('solicited data that a taker uses up', () => {
  const LENGTH = 3000;
  const payload = patternOf(LENGTH);
  let into: Buffer;
  let offered: Buffer[];
  let over: (string | null)[];

  /** Asks for the data; the target transfer tag of the R2T. `uses`: bytes of each piece. */
  async function ask(transfer: Transfer, uses: (data: Buffer) => number): Promise<Buffer> {
    into = Buffer.alloc(LENGTH);
    offered = [];
    over = [];
    let next = 0;
    const take = (data: Buffer, offset: number): number => {
      expect(offset).toBe(next);
      next += data.length;
      offered.push(Buffer.from(data));
      return uses(data);
    };
    transfer.taker = { take };
    const r2t = new Promise<Buffer>((resolve) => far.once('data', resolve));
    mover.getData(transfer, into, 0, (fault) => over.push(fault));
    return (await r2t).subarray(20, 24);
  }

  function dataOut(itt: number, ttt: Buffer): Buffer {
    const bhs = Buffer.alloc(48);
    bhs[0] = 0x05;
    bhs[1] = 0x80;
    bhs.writeUIntBE(LENGTH, 5, 3);
    bhs.writeUInt32BE(itt, 16);
    ttt.copy(bhs, 20);
    return Buffer.concat([bhs, payload]);
  }

  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await turn();
  };
  const offeredBytes = () => offered.reduce((sum, piece) => sum + piece.length, 0);

  test('is lent to it piece by piece; what it leaves goes where it was asked for', async () => {
    const ttt = await ask(transferOf(7), (data) => data.length >> 1);
    const wire = dataOut(7, ttt);
    far.write(wire.subarray(0, 1048));
    await until(() => offeredBytes() === 1000);
    far.write(wire.subarray(1048));
    await until(() => over.length > 0);
    expect(over).toEqual([null]);
    expect(Buffer.concat(offered).equals(payload)).toBe(true);
    expect(into.subarray(500, 1000).equals(payload.subarray(500, 1000))).toBe(true);
    expect(into.subarray(0, 500).equals(Buffer.alloc(500))).toBe(true);
  });

  test('is offered no more once the command was aborted in the midst of it', async () => {
    const transfer = transferOf(7);
    const ttt = await ask(transfer, (data) => data.length);
    const wire = dataOut(7, ttt);
    far.write(wire.subarray(0, 1048));
    await until(() => offeredBytes() === 1000);
    mover.deallocateTaskResources(transfer);
    far.write(Buffer.concat([wire.subarray(1048), Buffer.alloc(48)]));
    await until(() => notified.length > 0);
    expect([offeredBytes(), over]).toEqual([1000, []]);
  });

  test('with data digests is offered to nobody before it was found right', async () => {
    mover.enableDatamover({ ...SETTINGS, dataDigest: true });
    const ttt = await ask(transferOf(7), (data) => data.length);
    far.write(Buffer.concat([dataOut(7, ttt), Buffer.alloc(4, 0x55)]));
    await until(() => over.length > 0);
    expect([over, offered]).toEqual([['digest'], []]);
  });
});
