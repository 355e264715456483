/** From an accepted socket to a connection. */
import type { Socket } from 'node:net';
import type { SessionTable } from './session_table.ts';

export interface AcceptOptions {
  /** The portal's configured key, `0.0.0.0:3260`. */
  readonly portal: string;
  readonly sessions: SessionTable;
}

/** Takes the socket over; all that follows is reported through the host. */
export function acceptConnection(socket: Socket, options: AcceptOptions): void {
  options.sessions.host.log.debug('connection', { portal: options.portal });
  socket.destroy();
}
