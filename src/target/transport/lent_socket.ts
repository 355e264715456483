/**
 * An accepted socket whose input comes in one buffer, which all connections of this thread share: a
 * fresh 64 KiB Buffer for each read, as `'data'` events bring it, costs more than the parsing.
 */
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { BUSY_POLL, type Looker } from '../../util/busy_poll.ts';
import { SOCKET_CALLS } from './socket_calls.ts';

/** Long enough for a burst of large writes; the system fills what is there. */
const INPUT_BYTES = 1024 * 1024;

const { EAGAIN, EINTR } = constants.errno;
const nobody = (): void => {};
let input: Buffer | null = null;

/** What Node's own modules pass to `Socket`, beside the public options. */
interface Handle {
  useUserBuffer?: unknown;
  readonly fd?: number;
  readonly reading?: boolean;
}
type AcceptedSocket = { _handle: Handle | null };

export class LentSocket extends Socket implements Looker {
  /** The bytes are lent: what must outlive the call is to be copied. */
  received: (chunk: Buffer) => void = nobody;
  readonly #whole: Buffer;
  /** What the next read may fill. */
  readonly #next: { view: Buffer };
  readonly #fd: number;

  private constructor(handle: Handle, whole: Buffer) {
    const next = { view: whole };
    const callback = (bytesRead: number, view: Buffer): boolean => {
      this.#take(bytesRead, view);
      if (bytesRead < view.length) return true;
      // More is there, probably. libuv would go on reading, and everybody else would wait.
      setImmediate(this.#goOn);
      return false;
    };
    const onread = { buffer: () => next.view, callback };
    super({ handle, onread } as ConstructorParameters<typeof Socket>[0]);
    this.#whole = whole;
    this.#next = next;
    this.#fd = handle.fd ?? -1;
  }

  readonly #goOn = (): void => {
    if (!this.destroyed && !this.isPaused()) this.resume();
  };

  /** Of the reads that follow, each takes so many bytes, and is all of its turn if it can. */
  readAtMost(bytes: number): void {
    const whole = this.#whole;
    const length = Math.min(bytes, whole.length);
    if (length === this.#next.view.length) return;
    this.#next.view = length === whole.length ? whole : whole.subarray(0, length);
  }

  get #handle(): Handle | null {
    return (this as unknown as AcceptedSocket)._handle;
  }

  #take(bytes: number, view: Buffer): void {
    this.received(bytes === view.length ? view : view.subarray(0, bytes));
    BUSY_POLL.served(this);
  }

  /** Takes what is there without the event loop. False: nothing that can be taken so. */
  look(): boolean {
    if (SOCKET_CALLS === null || this.#fd < 0 || this.#handle?.reading !== true) return false;
    const { view } = this.#next;
    const received = SOCKET_CALLS.receive(this.#fd, view);
    if (received > 0) {
      this.#take(received, view);
      return true;
    }
    // The end of the stream is told by the event loop; an error is told once only, and that was it.
    if (received === 0 || received === -EAGAIN || received === -EINTR) return false;
    this.destroy(new Error(`read ${getSystemErrorName(received)}`));
    return true;
  }

  /** Bytes that the system has taken at once; all that was written before must have left. */
  sendNow(pieces: readonly Buffer[]): number {
    if (SOCKET_CALLS === null || this.#fd < 0 || this.writableLength > 0) return 0;
    if (this.#handle === null || this.destroyed || this.writableEnded) return 0;
    // An error is left for the stream to meet again and to tell.
    return Math.max(0, SOCKET_CALLS.send(this.#fd, pieces));
  }

  /**
   * Takes over a socket that was accepted paused, and of which nothing has been read. Where this
   * version of Node has no such way, the socket itself, which is then to be resumed.
   */
  static takeOver(accepted: Socket): Socket {
    const shell = accepted as unknown as AcceptedSocket;
    const handle = shell._handle;
    if (handle === null || typeof handle?.useUserBuffer !== 'function') return accepted;
    shell._handle = null;
    accepted.destroy();
    // Shared: each read is over, with all that comes of it, before the next begins.
    input ??= Buffer.allocUnsafeSlow(INPUT_BYTES);
    return new LentSocket(handle, input);
  }
}

/** `receive` gets all that comes, as lent views. */
export function onInput(socket: Socket, receive: (chunk: Buffer) => void): void {
  if (socket instanceof LentSocket) socket.received = receive;
  else socket.on('data', receive);
}

/** Takes back `onInput`: bytes that come now wait for the next receiver, named in the same call. */
export function offInput(socket: Socket, receive: (chunk: Buffer) => void): void {
  if (socket instanceof LentSocket) socket.received = nobody;
  else socket.off('data', receive);
}

/** Hands bytes to the receiver as if they came only now. */
export function replayInput(socket: Socket, bytes: Buffer): void {
  if (socket instanceof LentSocket) socket.received(bytes);
  else socket.emit('data', bytes);
}
