/** The control server: JSON-RPC 2.0 for any number of clients, each client's requests in order. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ApplyError } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import type { Log } from '../util/log.ts';
import { encodeLine, LineSplitter, MAX_LINE_BYTES } from './json_lines.ts';
import { invalidParams } from './params.ts';
import {
  ConflictError,
  ERROR_CODE,
  type Handlers,
  type Method,
  type Notifications,
} from './protocol.ts';
import { publishSocket, type PublishedSocket } from './socket_file.ts';

/** Clients at once; each may hold one unfinished line and one unsent answer. */
const MAX_CLIENTS = 256;
/** Unsent notifications of one client; who does not read is cut off. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

type RpcId = string | number | null;
interface RpcFailure {
  readonly code: number;
  readonly message: string;
}

export interface ControlServerOptions {
  readonly handlers: Handlers;
  readonly log: Log;
  readonly maxLineBytes?: number;
}

export class ControlServer {
  readonly #handlers: Handlers;
  readonly #log: Log;
  readonly #maxLineBytes: number;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #published: PublishedSocket | undefined;

  constructor(options: ControlServerOptions) {
    this.#handlers = options.handlers;
    this.#log = options.log;
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /**
   * Throws ConfigError when another daemon serves the socket or its folder is not safe. `inherited`
   * is a descriptor that listens already, made by the service manager, whose the file is, too.
   */
  async listen(socketPath: string, inherited?: number): Promise<void> {
    if (inherited === undefined) {
      this.#published = await publishSocket(this.#server, socketPath);
    } else await listenOn(this.#server, inherited);
    this.#server.on('error', (error) =>
      this.#log.error('control socket', { error: error.message }),
    );
  }

  notify<N extends keyof Notifications>(name: N, params: Notifications[N]): void {
    if (this.#clients.size === 0) return;
    const line = encodeLine({ jsonrpc: '2.0', method: name, params });
    for (const socket of this.#clients) {
      if (socket.writableLength > MAX_UNSENT_BYTES) {
        this.#log.warn('a client that reads no notifications was cut off');
        socket.destroy();
      } else if (socket.writable) {
        socket.write(line);
      }
    }
  }

  /** Takes no more requests, sends what is answered, removes the socket file. */
  async close(): Promise<void> {
    await this.#published?.remove();
    this.#published = undefined;
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    for (const socket of this.#clients) {
      socket.end();
      // A client that does not read its answers must not delay the end.
      setTimeout(() => socket.destroy(), 500).unref();
    }
    await closed;
  }

  async #serve(socket: Socket): Promise<void> {
    this.#clients.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#clients.delete(socket));
    const splitter = new LineSplitter(this.#maxLineBytes);
    try {
      // Nothing is read while a request is under way: the peer's queue is the kernel's.
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        const lines = splitter.push(chunk as Buffer);
        if (lines === undefined) {
          const message = `a line is longer than ${this.#maxLineBytes} bytes`;
          socket.end(encodeLine(failure(null, { code: ERROR_CODE.PARSE, message })));
          return;
        }
        for (const line of lines) await this.#serveLine(socket, line);
        if (!socket.writable) return;
      }
      socket.end();
    } catch {
      socket.destroy();
    }
  }

  async #serveLine(socket: Socket, line: string): Promise<void> {
    if (line.trim() === '') return;
    const answer = await this.#answer(line);
    if (answer === undefined || !socket.writable) return;
    if (!socket.write(encodeLine(answer))) {
      await drained(socket);
    }
  }

  /** The answer to one request line; undefined for a notification. Never throws. */
  async #answer(line: string): Promise<object | undefined> {
    let request: unknown;
    try {
      request = JSON.parse(line);
    } catch {
      return failure(null, { code: ERROR_CODE.PARSE, message: 'not JSON' });
    }
    const refused = invalidRequest(request);
    if (refused !== undefined) {
      return failure(null, { code: ERROR_CODE.INVALID_REQUEST, message: refused });
    }
    const { id, method, params = {} } = request as { id?: RpcId; method: string; params?: object };
    const result = await this.#run(method, params);
    if (id === undefined) return undefined;
    if ('failure' in result) return failure(id, result.failure);
    return { jsonrpc: '2.0', id, result: result.value ?? null };
  }

  async #run(
    method: string,
    params: object,
  ): Promise<{ value: unknown } | { failure: RpcFailure }> {
    if (!Object.hasOwn(this.#handlers, method)) {
      const message = `no method of that name: ${method.slice(0, 100)}`;
      return { failure: { code: ERROR_CODE.METHOD_NOT_FOUND, message } };
    }
    const known = method as Method;
    try {
      const wrong = invalidParams(known, params);
      if (wrong !== undefined) {
        const message = `${known}: ${wrong}`;
        return { failure: { code: ERROR_CODE.INVALID_PARAMS, message } };
      }
      const handler = this.#handlers[known] as (params: object) => Promise<unknown>;
      return { value: await handler(params) };
    } catch (error) {
      return { failure: this.#failureOf(known, error) };
    }
  }

  #failureOf(method: string, error: unknown): RpcFailure {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ConfigError || error instanceof ApplyError) {
      return { code: ERROR_CODE.REFUSED, message };
    }
    if (error instanceof ConflictError) return { code: ERROR_CODE.CONFLICT, message };
    const stack = error instanceof Error ? error.stack : undefined;
    this.#log.error(`${method} failed`, { error: message, stack });
    return { code: ERROR_CODE.INTERNAL, message: `${method} failed: ${message}` };
  }
}

async function listenOn(server: Server, fd: number): Promise<void> {
  const listening = once(server, 'listening');
  try {
    server.listen({ fd });
    await listening;
  } catch (error) {
    const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new ConfigError(`Cannot serve the socket that the service manager passed: ${cause}`);
  }
}

/** Resolves when what was written has left, or never will. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
    if (socket.destroyed || !socket.writableNeedDrain) done();
  });
}

function failure(id: RpcId, error: RpcFailure): object {
  return { jsonrpc: '2.0', id, error };
}

function invalidRequest(request: unknown): string | undefined {
  if (Array.isArray(request)) return 'batches are not served: one request per line';
  if (typeof request !== 'object' || request === null) return 'not an object';
  const { jsonrpc, id, method, params } = request as Record<string, unknown>;
  if (jsonrpc !== undefined && jsonrpc !== '2.0') return 'jsonrpc: only "2.0" is served';
  if (typeof method !== 'string') return 'method: not text';
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return 'id: not text or a number';
  }
  if (params === undefined) return undefined;
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    return 'params: not an object';
  }
  return undefined;
}
