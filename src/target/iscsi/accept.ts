/** From an accepted socket to a connection, over TCP or over iSER, as its first bytes say. */
import type { Socket } from 'node:net';
import type { MoverEvents } from '../transport/datamover.ts';
import { FirstBytes } from '../transport/first_bytes.ts';
import { replayInput } from '../transport/lent_socket.ts';
import { BHS_LENGTH, OPCODE, opcodeOf } from '../pdu/bhs.ts';
import { LoginRequest } from '../pdu/login.ts';
import { watchOutput } from '../transport/output_watch.ts';
import { acceptIser } from '../transport/iser/accept_iser.ts';
import { TcpMover } from '../transport/tcp.ts';
import { Connection } from './connection.ts';
import type { Endpoint } from './directory.ts';
import type { SessionTable } from './session_table.ts';

export interface AcceptOptions {
  /** The portal's configured key, `0.0.0.0:3260`. */
  readonly portal: string;
  readonly sessions: SessionTable;
  /** Whether the portal serves iSER too; asked when an initiator wants it. */
  readonly iser?: () => boolean;
  /** With several data threads. */
  readonly elsewhere?: Elsewhere | undefined;
  /** What another data thread has read of it already. */
  readonly bytes?: Buffer | undefined;
}

/**
 * Gives a connection whose first PDU is a Login Request with `tsih` to the thread that gave that
 * out, with all that was read of it. False: it belongs here. `bytes` are lent.
 */
export type Elsewhere = (socket: Socket, tsih: number, bytes: Buffer) => boolean;

const NOT_ENABLED = 'iSER is not enabled on this portal';

/** Takes the socket over; all that follows is reported through the host. */
export function acceptConnection(socket: Socket, options: AcceptOptions): void {
  const { portal, sessions, elsewhere } = options;
  const { clock, log } = sessions.host;
  const endpoint = endpointOf(socket, portal);
  // Without an address the peer has gone already.
  if (endpoint === null) {
    socket.destroy();
    return;
  }
  const connection = new Connection(endpoint, sessions);
  if (!sessions.connectionOpened(connection)) {
    log.warn('connection refused: too many unfinished logins, or stopping', {
      portal,
      address: endpoint.remoteAddress,
    });
    socket.destroy();
    return;
  }
  const events: MoverEvents = connection;
  const decided = (spoken: 'iSCSI' | 'MPA', bytes: Buffer): void => {
    if (spoken === 'iSCSI' && elsewhere?.(socket, tsihOf(bytes), bytes) === true) {
      connection.close('it goes on in another data thread', false);
      sessions.connectionClosed(connection);
      return;
    }
    if (spoken === 'MPA') {
      const refuse = options.iser?.() === true ? null : NOT_ENABLED;
      endpoint.transport = 'iSER';
      const { localAddress } = endpoint;
      const answered = options.bytes !== undefined;
      const record = elsewhere !== undefined;
      const peer = { socket, clock, events, localAddress };
      const { mover, takeInput } = acceptIser({ ...peer, refuse, answered, record });
      connection.continueOn(mover);
      // Over RDMA the TSIH is seen only once both sides have agreed on it.
      if (elsewhere !== undefined) {
        connection.mayMove((tsih) => {
          const input = takeInput();
          return input !== null && elsewhere(socket, tsih, input);
        });
      }
    } else {
      connection.continueOn(new TcpMover({ socket, clock, events }));
    }
    // To the listener that the mover has just added, as if they came only now.
    replayInput(socket, bytes);
  };
  watchOutput({ socket, clock, stuck: (why) => connection.close(why, false) });
  const atLeast = elsewhere === undefined ? 1 : BHS_LENGTH;
  connection.start(new FirstBytes({ socket, clock, events, atLeast, decided }));
  if (options.bytes !== undefined) replayInput(socket, options.bytes);
}

/** RFC 7143 §6.3.4: of the session that the login wants to join; 0: of none. */
function tsihOf(firstPdu: Buffer): number {
  return opcodeOf(firstPdu) === OPCODE.LOGIN_REQUEST ? new LoginRequest(firstPdu).tsih : 0;
}

type UndecidedEndpoint = { -readonly [Key in keyof Endpoint]: Endpoint[Key] };

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

function endpointOf(socket: Socket, portal: string): UndecidedEndpoint | null {
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
