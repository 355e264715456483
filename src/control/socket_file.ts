/**
 * The socket's file. It is published by a hard link after it listens, so that whoever finds it can
 * connect; the file is the lock against a second daemon, and a dead one's leftover is recognised.
 */
import { once } from 'node:events';
import { chmod, link, lstat, mkdir, rename, stat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { ConfigError } from '../objects/errors.ts';

/** `sun_path` holds 108 bytes with its final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;

export interface PublishedSocket {
  /** Remove the file if it is still ours. */
  remove(): Promise<void>;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/** Is somebody accepting connections there? */
export function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN: its accept queue is full, so it lives.
    socket.once('error', (error) => resolve(codeOf(error) === 'EAGAIN'));
  });
}

/**
 * The folder exists, is ours or root's, and nobody else can replace files in it. Makes it with mode
 * 0700 when `create`.
 */
export async function checkSocketFolder(folder: string, create: boolean): Promise<void> {
  if (create) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new ConfigError(`Cannot create the socket's folder ${folder}: ${codeOf(error)}`);
    }
  }
  const info = await lstat(folder).catch(() => undefined);
  if (info === undefined) return;
  const target = info.isSymbolicLink() ? await stat(folder).catch(() => info) : info;
  if (!target.isDirectory()) throw new ConfigError(`${folder} is not a folder`);
  const uid = process.geteuid?.() ?? 0;
  const trusted = (owner: number) => owner === uid || owner === 0;
  if (!trusted(info.uid) || !trusted(target.uid)) {
    throw new ConfigError(
      `The socket's folder ${folder} belongs to another user (uid ${info.uid}): choose another ` +
        'with --socket',
    );
  }
  if ((target.mode & 0o022) !== 0 && (target.mode & 0o1000) === 0) {
    throw new ConfigError(
      `The socket's folder ${folder} may be written by other users: choose another with --socket ` +
        `or run chmod go-w ${folder}`,
    );
  }
}

export function checkSocketPath(socketPath: string): void {
  const length = Buffer.byteLength(socketPath);
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new ConfigError(
      `Socket path of ${length} bytes: at most ${MAX_SOCKET_PATH_BYTES} are ` +
        'possible, choose a shorter one with --socket',
    );
  }
}

/** Listen on `socketPath` with mode 0600 from its first moment. */
export async function publishSocket(server: Server, socketPath: string): Promise<PublishedSocket> {
  checkSocketPath(socketPath);
  const folder = dirname(socketPath);
  await checkSocketFolder(folder, true);
  const hidden = join(folder, `.${process.pid}.${Math.floor(Math.random() * 1e6)}`);
  checkSocketPath(hidden);
  await listenAt(server, hidden);
  try {
    await chmod(hidden, 0o600);
    const { ino, dev } = await stat(hidden);
    await claim(hidden, socketPath);
    return {
      async remove() {
        const now = await lstat(socketPath).catch(() => undefined);
        if (now?.ino === ino && now.dev === dev) await unlink(socketPath).catch(() => {});
      },
    };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await unlink(hidden).catch(() => {});
  }
}

async function listenAt(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening');
  // bind() happens within listen(): the mask holds for nothing else.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  try {
    await listening;
  } catch (error) {
    throw new ConfigError(`Cannot make a socket in ${dirname(path)}: ${codeOf(error)}`);
  }
}

/** Give our socket its public name; a dead daemon's file gives way, a living one's does not. */
async function claim(hidden: string, socketPath: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await link(hidden, socketPath);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') {
        throw new ConfigError(`Cannot make the socket ${socketPath}: ${codeOf(error)}`);
      }
    }
    await removeStale(socketPath);
  }
  throw new ConfigError(`Another lunsmith daemon is just starting on ${socketPath}`);
}

async function removeStale(socketPath: string): Promise<void> {
  const info = await lstat(socketPath).catch(() => undefined);
  if (info === undefined) return;
  if (!info.isSocket()) throw new ConfigError(`${socketPath} exists and is not a socket`);
  const running = `A lunsmith daemon is already running on ${socketPath}`;
  if (await answers(socketPath)) throw new ConfigError(running);
  // Between question and removal another daemon may have published: look again once it is ours.
  const aside = `${socketPath}.${process.pid}`;
  checkSocketPath(aside);
  await rename(socketPath, aside).catch(() => {});
  if (await answers(aside)) {
    await link(aside, socketPath).catch(() => {});
    await unlink(aside).catch(() => {});
    throw new ConfigError(running);
  }
  await unlink(aside).catch(() => {});
}
