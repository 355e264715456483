/**
 * Receiving and sending without Node's streams, whose way costs more than the system call: for the
 * moments in which the thread looks for input anyway, and for what the socket takes at once.
 * Absent without the optional package: the streams do all of it then.
 */
import { KOFFI, type Koffi } from '../../util/koffi.ts';

export interface SocketCalls {
  /** recv(2) without waiting: bytes, 0 at the end of the stream, or a negative error number. */
  receive(fd: number, into: Buffer): number;
  /** sendmsg(2) without waiting: bytes taken of all the pieces, or a negative error number. */
  send(fd: number, pieces: readonly Buffer[]): number;
}

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** What the system takes in one call (UIO_MAXIOV); the rest waits for the next. */
const PIECES_PER_CALL = 1024;
const TWO_TO_32 = 2 ** 32;

/** struct msghdr and its vector as the 64-bit machines have them. Addresses go in as numbers. */
class Message {
  readonly #koffi: Koffi;
  readonly #vector = Buffer.alloc(16 * PIECES_PER_CALL);
  readonly #words = new Uint32Array(
    this.#vector.buffer,
    this.#vector.byteOffset,
    4 * PIECES_PER_CALL,
  );
  readonly #header = Buffer.alloc(56);
  readonly #fields = new BigUint64Array(this.#header.buffer, this.#header.byteOffset, 7);
  /** Memory outside the heap stays where it is; asking for its address costs more than this. */
  readonly #addresses = new WeakMap<ArrayBufferLike, number>();
  readonly address: number;

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
    this.#fields[2] = koffi.address(this.#vector);
    this.address = Number(koffi.address(this.#header));
  }

  set(pieces: readonly Buffer[]): void {
    const count = Math.min(pieces.length, PIECES_PER_CALL);
    const words = this.#words;
    for (let at = 0; at < count; at++) {
      const piece = pieces[at];
      if (piece === undefined) break;
      const address = this.addressOf(piece);
      words[4 * at] = address;
      words[4 * at + 1] = Math.floor(address / TWO_TO_32);
      words[4 * at + 2] = piece.length;
    }
    this.#fields[3] = BigInt(count);
  }

  addressOf(piece: Buffer): number {
    const memory = piece.buffer;
    const known = this.#addresses.get(memory);
    if (known !== undefined) return known + piece.byteOffset;
    const address = Number(this.#koffi.address(piece));
    this.#addresses.set(memory, address - piece.byteOffset);
    return address;
  }
}

function bind(): SocketCalls | null {
  const koffi = KOFFI;
  if (koffi === null || !['x64', 'arm64'].includes(process.arch)) return null;
  try {
    const libc = koffi.load('libc.so.6');
    const recv = libc.func('int64_t recv(int fd, void *buffer, size_t length, int flags)');
    // Addresses as numbers: a pointer's conversion costs more than the rest of the call.
    const send = libc.func('int64_t send(int fd, int64_t bytes, size_t length, int flags)');
    const sendmsg = libc.func('int64_t sendmsg(int fd, int64_t message, int flags)');
    const message = new Message(koffi);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return {
      receive(fd, into) {
        const received = recv(fd, into, into.length, MSG_DONTWAIT);
        return received < 0 ? -koffi.errno() : received;
      },
      send(fd, pieces) {
        const [first] = pieces;
        if (first === undefined) return 0;
        let sent: number;
        if (pieces.length === 1) {
          sent = send(fd, message.addressOf(first), first.length, flags);
        } else {
          message.set(pieces);
          sent = sendmsg(fd, message.address, flags);
        }
        return sent < 0 ? -koffi.errno() : sent;
      },
    };
  } catch {
    return null;
  }
}

/** Null: there is no package, or not for this machine. */
export const SOCKET_CALLS: SocketCalls | null = bind();
