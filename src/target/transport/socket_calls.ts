/**
 * Receiving and sending without Node's streams, whose way costs more than the system call: for the
 * moments in which the thread looks for input anyway, and for output that leaves in one piece.
 * Absent without the optional package: the streams do all of it then.
 */
import { KOFFI } from '../../util/koffi.ts';

export interface SocketCalls {
  /** recv(2) without waiting: bytes, 0 at the end of the stream, or a negative error number. */
  receive(fd: number, into: Buffer): number;
  /** send(2) without waiting: bytes taken, or a negative error number. */
  send(fd: number, bytes: Buffer): number;
}

export const EAGAIN = 11;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

function bind(): SocketCalls | null {
  const koffi = KOFFI;
  if (koffi === null) return null;
  try {
    const libc = koffi.load('libc.so.6');
    const recv = libc.func('int64_t recv(int fd, void *buffer, size_t length, int flags)');
    const send = libc.func('int64_t send(int fd, void *buffer, size_t length, int flags)');
    return {
      receive(fd, into) {
        const received = recv(fd, into, into.length, MSG_DONTWAIT);
        return received < 0 ? -koffi.errno() : received;
      },
      send(fd, bytes) {
        const sent = send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
        return sent < 0 ? -koffi.errno() : sent;
      },
    };
  } catch {
    return null;
  }
}

/** Null: there is no package, or not for this machine. */
export const SOCKET_CALLS: SocketCalls | null = bind();
