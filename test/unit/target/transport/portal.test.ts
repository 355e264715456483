import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Portal } from '../../../../src/target/transport/portal.ts';
import { SILENT_LOG } from '../../../../src/util/log.ts';

const portals: Portal[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const portal of portals.splice(0)) await portal.close();
});

async function listening(address: string, port = 0): Promise<{ portal: Portal; peers: string[] }> {
  const peers: string[] = [];
  const portal = new Portal({
    address,
    port,
    log: SILENT_LOG,
    onSocket: (socket) => {
      sockets.push(socket);
      peers.push(socket.remoteAddress ?? '');
    },
  });
  portals.push(portal);
  await portal.listen();
  return { portal, peers };
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    sockets.push(socket);
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('Portal', () => {
  test('hands over the sockets that connect', async () => {
    const { portal, peers } = await listening('127.0.0.1');
    await dial('127.0.0.1', portal.port);
    while (peers.length === 0) await turn();
    expect(peers).toEqual(['127.0.0.1']);
  });

  test('`::` serves IPv4 as well', async () => {
    const { portal, peers } = await listening('::');
    await dial('127.0.0.1', portal.port);
    await dial('::1', portal.port);
    while (peers.length < 2) await turn();
    expect(peers.toSorted()).toEqual(['::1', '::ffff:127.0.0.1']);
  });

  test('an address in use is an error of `listen`', async () => {
    const { portal } = await listening('127.0.0.1');
    await expect(listening('127.0.0.1', portal.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('closed, it takes no one, frees its port, and leaves connections alone', async () => {
    const { portal, peers } = await listening('127.0.0.1');
    const { port } = portal;
    const kept = await dial('127.0.0.1', port);
    while (peers.length === 0) await turn();
    await portal.close();
    await expect(dial('127.0.0.1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(kept.destroyed).toBe(false);
    await listening('127.0.0.1', port);
  });
});
