/** One listening address: accepts sockets within limits and hands them over. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../../util/log.ts';
import { LentSocket } from './lent_socket.ts';

/** Connections of one portal, logged in or not; further ones are closed at once. */
export const MAX_CONNECTIONS_PER_PORTAL = 1024;
const LISTEN_BACKLOG = 256;
/** A peer that vanished without a word is found by TCP after this silence, NOP-In or not. */
const KEEPALIVE_MS = 30_000;

export interface PortalOptions {
  /** `0.0.0.0`, `::` (both families), `192.0.2.1` … without brackets. */
  readonly address: string;
  /** 0: any free port, for tests. */
  readonly port: number;
  readonly log: Log;
  readonly onSocket: (socket: Socket) => void;
  /**
   * Instead of `onSocket`, where others may serve the connection: `gone` is to be called when it
   * has ended. The socket is paused, and nothing of it has been read.
   */
  readonly place?: ((accepted: Socket, gone: () => void) => void) | undefined;
}

export class Portal {
  readonly #options: PortalOptions;
  readonly #server: Server;
  #connections = 0;

  constructor(options: PortalOptions) {
    this.#options = options;
    this.#server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
      pauseOnConnect: true,
    });
    this.#server.on('connection', (socket) => this.#accept(socket));
  }

  /** The port bound. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  /** Rejects with the system's error where the address cannot be bound. */
  listen(): Promise<void> {
    const { address, port, log } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // `::` takes IPv4 as well, unless the system was told otherwise: one portal for both.
      this.#server.listen({ host: address, port, backlog: LISTEN_BACKLOG, ipv6Only: false }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => log.error('portal failed', { reason: error.message }));
        resolve();
      });
    });
  }

  /** Stops listening. Connections stay; ending them is their sessions' business. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#server.listening) return resolve();
      // The callback of `close` waits for every connection, so it is not waited for.
      this.#server.close();
      return resolve();
    });
  }

  #accept(accepted: Socket): void {
    const { log, onSocket, place } = this.#options;
    if (this.#connections >= MAX_CONNECTIONS_PER_PORTAL) {
      log.warn('connection refused: too many on this portal', { address: accepted.remoteAddress });
      accepted.destroy();
      return;
    }
    this.#connections++;
    const gone = (): void => {
      this.#connections--;
    };
    if (place !== undefined) return place(accepted, gone);
    const socket = LentSocket.takeOver(accepted);
    socket.once('close', gone);
    onSocket(socket);
    return void socket.resume();
  }
}
