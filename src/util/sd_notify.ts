/** Telling systemd how far a service is (sd_notify(3)). Without systemd nothing happens. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0x8_0000;
const MSG_NOSIGNAL = 0x4000;
/** `sockaddr_un`: family, then at most 108 bytes of path. */
const FAMILY_BYTES = 2;
const PATH_BYTES_MAX = 108;

interface Koffi {
  load(name: string): { func(prototype: string): (...args: unknown[]) => number };
}

/** The address of `NOTIFY_SOCKET`: a path, or with `@` first a name without a file. */
function socketAddress(name: string): Buffer | undefined {
  const path = Buffer.from(name.replace(/^@/, '\0'));
  if (!/^[@/]/.test(name) || path.length >= PATH_BYTES_MAX) return undefined;
  const address = Buffer.alloc(FAMILY_BYTES + path.length);
  if (endianness() === 'LE') address.writeUInt16LE(AF_UNIX);
  else address.writeUInt16BE(AF_UNIX);
  path.copy(address, FAMILY_BYTES);
  return address;
}

/** Node opens no unix datagram sockets: libc does. False when that is impossible. */
function send(name: string, state: string): boolean {
  if (process.platform !== 'linux') return false;
  const address = socketAddress(name);
  if (address === undefined) return false;
  try {
    const libc = (createRequire(import.meta.url)('koffi') as Koffi).load('libc.so.6');
    const socket = libc.func('int socket(int domain, int type, int protocol)');
    const sendto = libc.func(
      'int64_t sendto(int fd, void *data, size_t length, int flags, void *to, uint32_t toLength)',
    );
    const close = libc.func('int close(int fd)');
    const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    if (fd < 0) return false;
    const data = Buffer.from(state);
    const sent = sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length);
    close(fd);
    return Number(sent) === data.length;
  } catch {
    return false;
  }
}

/** The program that does the same; the unit has NotifyAccess=all for it. */
function spawnNotify(state: string): void {
  const args = ['--no-block', `--pid=${process.pid}`, ...state.split('\n')];
  const child = spawn('systemd-notify', args, { stdio: 'ignore' });
  // Not installed: the service manager will wait in vain, and say so.
  child.on('error', () => undefined);
  child.unref();
}

/** `state` is lines of `READY=1`, `STATUS=…`, `STOPPING=1`. Never throws. */
export function notifySystemd(
  state: string,
  socket: string | undefined = process.env['NOTIFY_SOCKET'],
): void {
  if (socket === undefined || socket === '') return;
  if (!send(socket, state)) spawnNotify(state);
}
