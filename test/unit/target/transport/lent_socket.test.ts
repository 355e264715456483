import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LentSocket, onInput } from '../../../../src/target/transport/lent_socket.ts';

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
