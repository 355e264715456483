/** From an accepted socket to a connection. */
import type { Socket } from 'node:net';
import { TcpMover } from '../transport/tcp.ts';
import { Connection } from './connection.ts';
import type { Endpoint } from './directory.ts';
import type { SessionTable } from './session_table.ts';

export interface AcceptOptions {
  /** The portal's configured key, `0.0.0.0:3260`. */
  readonly portal: string;
  readonly sessions: SessionTable;
}

/** Takes the socket over; all that follows is reported through the host. */
export function acceptConnection(socket: Socket, { portal, sessions }: AcceptOptions): void {
  const { host } = sessions;
  const endpoint = endpointOf(socket, portal);
  // Without an address the peer has gone already.
  if (endpoint === null) {
    socket.destroy();
    return;
  }
  const connection = new Connection(endpoint, sessions);
  if (!sessions.connectionOpened(connection)) {
    host.log.warn('connection refused: too many unfinished logins, or stopping', {
      portal,
      address: endpoint.remoteAddress,
    });
    socket.destroy();
    return;
  }
  connection.start(new TcpMover({ socket, clock: host.clock, events: connection }));
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

function endpointOf(socket: Socket, portal: string): Endpoint | null {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined) return null;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return {
    portal,
    localAddress: plain(localAddress),
    localPort,
    remoteAddress: plain(remoteAddress),
    remotePort,
    transport: 'TCP',
  };
}

/** An IPv4 peer of a dual-stack socket is shown, and answered in SendTargets, as IPv4. */
function plain(address: string): string {
  return MAPPED_IPV4.exec(address)?.[1] ?? address;
}
