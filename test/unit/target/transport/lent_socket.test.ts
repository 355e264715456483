import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { coresForThisProcess } from '../../../../src/util/cores.ts';
import { BUSY_POLL } from '../../../../src/util/busy_poll.ts';
import { OutputQueue } from '../../../../src/target/transport/output_queue.ts';
import { LentSocket, onInput } from '../../../../src/target/transport/lent_socket.ts';
import { NO_SOCKET_CALLS, unless } from '../../../support/unless.ts';

let server: Server;
const sockets: Socket[] = [];
beforeEach(async () => {
  server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

async function pair(): Promise<{ near: Socket; far: Socket }> {
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const { port } = server.address() as { port: number };
  const far = connect({ port, host: '127.0.0.1' });
  far.on('error', () => {});
  const near = LentSocket.takeOver(await accepted);
  sockets.push(near, far);
  return { near, far };
}

/** All that comes until `length` bytes are there, copied at once. */
function collect(socket: Socket, length: number, chunks: Buffer[] = []): Promise<Buffer> {
  return new Promise((resolve) => {
    let have = 0;
    const parts: Buffer[] = [];
    onInput(socket, (chunk) => {
      chunks.push(chunk);
      parts.push(Buffer.from(chunk));
      have += chunk.length;
      if (have >= length) resolve(Buffer.concat(parts));
    });
    socket.resume();
  });
}

describe('a socket with lent input', () => {
  test('connections of one thread share one buffer, and each gets its own bytes', async () => {
    const pairs = [await pair(), await pair(), await pair()];
    const sent = pairs.map((_, at) =>
      Buffer.from(Array.from({ length: 300_000 }, (_each, index) => (index * (at + 3)) % 251)),
    );
    const chunks: Buffer[] = [];
    const got = pairs.map(({ near }, at) => collect(near, sent[at]?.length ?? 0, chunks));
    for (let at = 0; at < 300_000; at += 20_000) {
      pairs.forEach(({ far }, of) => far.write(sent[of]?.subarray(at, at + 20_000) ?? ''));
    }
    const received = await Promise.all(got);
    received.forEach((bytes, at) => expect(bytes.equals(sent[at] ?? Buffer.alloc(0))).toBe(true));
    expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBe(1);
  });

  test('knows its addresses, and is closed when the peer closes', async () => {
    const { near, far } = await pair();
    expect(near.remotePort).toBe(far.localPort);
    expect(near.localAddress).toBe('127.0.0.1');
    const closed = new Promise((resolve) => near.once('close', resolve));
    near.resume();
    far.end();
    await closed;
    expect(near.destroyed).toBe(true);
  });

  test('paused it takes nothing, resumed it goes on', async () => {
    const { near, far } = await pair();
    const got = collect(near, 4);
    near.pause();
    far.write('abcd');
    let over = false;
    void got.then(() => (over = true));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(false);
    near.resume();
    expect((await got).toString()).toBe('abcd');
  });
});

describe('a limit of what one read brings', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const sent = (far: Socket, bytes: Buffer) =>
    new Promise<void>((resolve) => far.write(bytes, () => resolve()));

  test('holds from the next read on, and every byte comes', async () => {
    const { near, far } = await pair();
    const lengths: number[] = [];
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251));
    const parts: Buffer[] = [];
    onInput(near, (chunk) => {
      lengths.push(chunk.length);
      parts.push(Buffer.from(chunk));
      (near as LentSocket).readAtMost(lengths.length < 5 ? 10_000 : Infinity);
    });
    near.resume();
    far.write('a');
    while (lengths.length === 0) await turn();
    far.write(bytes);
    while (Buffer.concat(parts).length <= bytes.length) await turn();
    expect(Buffer.concat(parts).subarray(1).equals(bytes)).toBe(true);
    expect(lengths.slice(0, 5)).toEqual([1, 10_000, 10_000, 10_000, 10_000]);
  });

  test('a read that is full is the last of its turn: others come between', async () => {
    const deep = await pair();
    const other = await pair();
    const order: string[] = [];
    onInput(deep.near, (chunk) => {
      order.push(`deep ${chunk.length}`);
      (deep.near as LentSocket).readAtMost(20_000);
    });
    onInput(other.near, (chunk) => order.push(`other ${chunk.length}`));
    deep.near.resume();
    deep.far.write('a');
    while (order.length === 0) await turn();
    deep.near.pause();
    await sent(deep.far, Buffer.alloc(100_000));
    await sent(other.far, Buffer.alloc(4));
    deep.near.resume();
    other.near.resume();
    while (order.length < 7) await turn();
    expect(order.slice(1, 3).sort()).toEqual(['deep 20000', 'other 4']);
    expect(order.slice(3)).toEqual(Array(4).fill('deep 20000'));
  });

  test('while it is paused between two turns, nothing is read', async () => {
    const { near, far } = await pair();
    let got = 0;
    onInput(near, (chunk) => {
      got += chunk.length;
      (near as LentSocket).readAtMost(10);
      if (got > 1) near.pause();
    });
    near.resume();
    far.write('a');
    while (got === 0) await turn();
    far.write(Buffer.alloc(25));
    while (got === 1) await turn();
    for (let at = 0; at < 20; at++) await turn();
    expect(got).toBe(11);
    for (const expected of [21, 26]) {
      near.resume();
      while (got < expected) await turn();
      expect(got).toBe(expected);
    }
  });
});

/** What is sent on loopback is there at once, or soon. */
function soon(happens: () => boolean): boolean {
  const until = performance.now() + 2000;
  while (performance.now() < until) if (happens()) return true;
  return false;
}

describe('a socket with lent input, without the event loop', unless(NO_SOCKET_CALLS), () => {
  async function lentPair(): Promise<{ near: LentSocket; far: Socket; got: string[] }> {
    const { near, far } = await pair();
    const got: string[] = [];
    onInput(near, (chunk) => got.push(chunk.toString()));
    near.resume();
    await new Promise((resolve) => setImmediate(resolve));
    return { near: near as LentSocket, far, got };
  }

  test('takes what is there within the call, and says when nothing is', async () => {
    const { near, far, got } = await lentPair();
    expect(near.look()).toBe(false);
    far.write('abcd');
    expect(soon(() => near.look())).toBe(true);
    expect(got).toEqual(['abcd']);
    expect(near.look()).toBe(false);
  });

  test('takes nothing while it is paused', async () => {
    const { near, far, got } = await lentPair();
    near.pause();
    far.write('abcd');
    const { near: other, far: otherFar } = await lentPair();
    otherFar.write('e');
    expect(soon(() => other.look())).toBe(true);
    expect([near.look(), got]).toEqual([false, []]);
  });

  test('leaves the end of the stream to the event loop', async () => {
    const { near, far } = await lentPair();
    const closed = new Promise((resolve) => near.once('close', resolve));
    far.end();
    expect(near.look()).toBe(false);
    await closed;
    expect(near.look()).toBe(false);
  });

  test('tells of a reset once, as the stream would', async () => {
    const { near, far } = await lentPair();
    const errors: string[] = [];
    near.on('error', (error) => errors.push(error.message));
    const closed = new Promise((resolve) => near.once('close', resolve));
    far.resetAndDestroy();
    soon(() => near.look() || near.destroyed);
    await closed;
    expect(errors).toEqual(['read ECONNRESET']);
  });

  test('sends at once, but never before what was written earlier', async () => {
    const { near, far } = await lentPair();
    far.pause();
    const block = Buffer.alloc(4 * 1024 * 1024);
    let taken = 0;
    for (let n = block.length; n === block.length; taken += n) n = near.sendNow([block]);
    expect(taken).toBeGreaterThan(0);
    near.write('then');
    expect(near.sendNow([Buffer.from('never')])).toBe(0);
    let bytes = 0;
    let end = '';
    const all = new Promise<void>((resolve) => {
      far.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        end = (end + chunk.toString('latin1')).slice(-4);
        if (bytes === taken + 4) resolve();
      });
    });
    far.resume();
    await all;
    expect(end).toBe('then');
    near.destroy();
    expect(near.sendNow([block])).toBe(0);
  });

  test('a peer that reads slowly gets all output in its order', async () => {
    const { near, far } = await lentPair();
    const queue = new OutputQueue(near, () => {});
    const pieces = 2000;
    for (let at = 0; at < pieces; at++) {
      queue.gather();
      queue.copy(Buffer.alloc(9000, at % 251));
      queue.release();
    }
    expect(queue.pending).toBeGreaterThan(0);
    let have = 0;
    let wrong = 0;
    await new Promise<void>((resolve) => {
      far.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte !== Math.floor(have++ / 9000) % 251) wrong++;
        if (have === pieces * 9000) resolve();
      });
    });
    expect(wrong).toBe(0);
  });

  test('memory that is passed may be filled anew as soon as it is told sent', async () => {
    const { near, far } = await lentPair();
    const queue = new OutputQueue(near, () => {});
    const length = 100_003;
    const total = 300;
    const spare = Array.from({ length: 5 }, () => Buffer.alloc(length));
    let put = 0;
    const produce = (): void => {
      while (put < total && spare.length > 0) {
        const mine = spare.pop() ?? Buffer.alloc(0);
        mine.fill(++put % 251);
        queue.copy(Buffer.alloc(3, put % 251));
        queue.pass(mine);
        queue.whenSent(() => {
          // Whoever still reads it would see this.
          mine.fill(255);
          spare.push(mine);
          produce();
        });
      }
    };
    produce();
    const whole = length + 3;
    let have = 0;
    let wrong = 0;
    await new Promise<void>((resolve) => {
      far.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte !== (Math.floor(have++ / whole) + 1) % 251) wrong++;
        if (have === total * whole) resolve();
      });
    });
    expect(wrong).toBe(0);
    while (spare.length < 5) await new Promise((resolve) => setImmediate(resolve));
  });
});

const oneCore = coresForThisProcess() < 2 ? 'looking is off where there is one core' : undefined;

describe('a thread that looks', unless(NO_SOCKET_CALLS ?? oneCore), () => {
  afterEach(() => {
    BUSY_POLL.micros = 0;
  });

  test('goes round while a client asks again and again, and not once it is silent', async () => {
    const { turns: before } = BUSY_POLL;
    BUSY_POLL.micros = 1000;
    const { near, far } = await pair();
    let answered = 0;
    onInput(near, (chunk) => void near.write(chunk));
    near.resume();
    await new Promise<void>((resolve) => {
      far.on('data', () => {
        if (++answered === 200) resolve();
        else far.write('again');
      });
      far.write('first');
    });
    expect(BUSY_POLL.turns).toBeGreaterThan(before);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const until = performance.now() + 1.5;
    while (performance.now() < until) await turn();
    // The look that is due may be the first to see that its time is over.
    await turn();
    const { turns } = BUSY_POLL;
    for (let at = 0; at < 1000; at++) await turn();
    expect(BUSY_POLL.turns).toBe(turns);
  });
});
