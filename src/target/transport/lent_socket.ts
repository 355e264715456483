/**
 * An accepted socket whose input comes in one buffer, which all connections of this thread share: a
 * fresh 64 KiB Buffer for each read, as `'data'` events bring it, costs more than the parsing.
 */
import { Socket } from 'node:net';

/** Long enough for a burst of large writes; the system fills what is there. */
const INPUT_BYTES = 1024 * 1024;

const nobody = (): void => {};
let input: Buffer | null = null;

/** What Node's own modules pass to `Socket`, beside the public options. */
interface Handle {
  useUserBuffer?: unknown;
}
type AcceptedSocket = { _handle: Handle | null };

export class LentSocket extends Socket {
  /** The bytes are lent: what must outlive the call is to be copied. */
  received: (chunk: Buffer) => void = nobody;

  private constructor(handle: Handle, buffer: Buffer) {
    const callback = (bytesRead: number): boolean => {
      this.received(bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead));
      return true;
    };
    super({ handle, onread: { buffer, callback } } as ConstructorParameters<typeof Socket>[0]);
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
