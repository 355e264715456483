/** The control client over a unix socket: requests with ids, answers, notifications. */
import { connect, type Socket } from 'node:net';
import { ConfigError } from '../objects/errors.ts';
import { encodeLine, LineSplitter } from './json_lines.ts';
import { Listeners } from './listeners.ts';
import {
  ConflictError,
  ControlError,
  ERROR_CODE,
  type ControlClient,
  type Method,
  type Methods,
  type Notifications,
} from './protocol.ts';

/**
 * Attach to the daemon on that socket. Rejects with node's error (`ENOENT`, `ECONNREFUSED`,
 * `EACCES`) when nobody answers there.
 */
export function connectControl(socketPath: string): Promise<SocketControl> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new SocketClient(socket));
    });
  });
}

export interface SocketControl extends ControlClient {
  /** No call can succeed any more. */
  readonly closed: boolean;
}

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

class SocketClient implements SocketControl {
  readonly #socket: Socket;
  readonly #listeners = new Listeners();
  readonly #pending = new Map<number, Pending>();
  readonly #splitter = new LineSplitter();
  #nextId = 1;
  #closed: string | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(`The lunsmith daemon is gone: ${error.message}`));
    socket.on('close', () => this.#fail('The lunsmith daemon closed the connection'));
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  call<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    if (this.#closed !== undefined) return Promise.reject(new ControlError(this.#closed));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.write(encodeLine({ jsonrpc: '2.0', id, method, params }));
    });
  }

  on<N extends keyof Notifications>(
    name: N,
    listener: (params: Notifications[N]) => void,
  ): () => void {
    return this.#listeners.add(name, listener);
  }

  close(): void {
    this.#closed ??= 'The connection to the lunsmith daemon is closed';
    this.#socket.end();
    this.#socket.unref();
  }

  #receive(chunk: Buffer): void {
    const lines = this.#splitter.push(chunk);
    if (lines === undefined) {
      this.#fail('The lunsmith daemon sent an endless line');
      this.#socket.destroy();
      return;
    }
    for (const line of lines) this.#dispatch(line);
  }

  #dispatch(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      this.#fail('What answers on the socket is not a lunsmith daemon');
      this.#socket.destroy();
      return;
    }
    if (message.method !== undefined) {
      this.#listeners.emit(message.method as keyof Notifications, message.params as never);
      return;
    }
    const pending = this.#pending.get(message.id ?? 0);
    if (pending === undefined) return;
    this.#pending.delete(message.id ?? 0);
    if (message.error !== undefined) pending.reject(errorOf(message.error));
    else pending.resolve(message.result as never);
  }

  #fail(reason: string): void {
    this.#closed ??= reason;
    for (const { reject } of this.#pending.values()) reject(new ControlError(this.#closed));
    this.#pending.clear();
  }
}

function errorOf(error: { code: number; message: string }): Error {
  if (error.code === ERROR_CODE.REFUSED) return new ConfigError(error.message);
  if (error.code === ERROR_CODE.CONFLICT) return new ConflictError(error.message);
  return new ControlError(error.message, error.code);
}
