/** Starting a daemon in the background, as tmux does, and waiting until it serves. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { lstat, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectControl, type SocketControl } from '../control/client.ts';
import { MAX_LOG_BYTES } from '../control/log_rotation.ts';
import { ControlError, type DaemonInfo } from '../control/protocol.ts';
import { checkSocketFolder, checkSocketPath } from '../control/socket_file.ts';
import { ConfigError } from '../objects/errors.ts';
import { wantedPoolThreads } from '../target/storage/io_slots.ts';
import { logFileOf, type Places } from './places.ts';

/** A daemon answers once its configuration is back: thousands of LUNs take their time. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 25;
const TAIL_BYTES = 4096;
const TAIL_LINES = 12;

export interface Attached {
  readonly client: SocketControl;
  readonly info: DaemonInfo;
}

/** The daemon on that socket, or undefined when none is running. */
export async function attach(socketPath: string): Promise<Attached | undefined> {
  checkSocketPath(socketPath);
  await checkSocketFolder(dirname(socketPath), false);
  let client: SocketControl;
  try {
    client = await connectControl(socketPath);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    const hint = code === 'EACCES' ? ': it belongs to another user' : '';
    throw new ConfigError(`Cannot attach to the lunsmith daemon on ${socketPath}: ${code}${hint}`);
  }
  try {
    return { client, info: await client.call('hello', {}) };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Start `program daemon` detached and attach; ConfigError with its last lines if it fails. */
export async function startDaemon(program: string, places: Places): Promise<Attached> {
  const { configFile, socketPath } = places;
  checkSocketPath(socketPath);
  await checkSocketFolder(dirname(socketPath), true);
  const logFile = logFileOf(socketPath);
  const log = await openLog(logFile);
  const start = (await log.stat()).size;
  let child: ChildProcess;
  try {
    const args = [program, 'daemon', '--config', configFile, '--socket', socketPath];
    child = spawn(process.execPath, [...process.execArgv, ...args], {
      cwd: '/',
      detached: true,
      env: daemonEnvironment(),
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    await once(child, 'spawn');
  } catch (error) {
    throw new ConfigError(`Cannot start the lunsmith daemon: ${(error as Error).message}`);
  } finally {
    await log.close();
  }
  const attached = await waitFor(child, socketPath);
  if (attached !== undefined) return attached;
  const tail = await tailOf(logFile, start);
  throw new ConfigError(`The lunsmith daemon could not start (log: ${logFile})\n${tail}`.trimEnd());
}

/** libuv reads the size of its pool before any of our code runs. */
function daemonEnvironment(): NodeJS.ProcessEnv {
  return { UV_THREADPOOL_SIZE: String(wantedPoolThreads()), ...process.env };
}

/** Undefined when the child ended and nobody else serves the socket. */
async function waitFor(child: ChildProcess, socketPath: string): Promise<Attached | undefined> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  while (performance.now() < deadline) {
    const ended = gone();
    try {
      const attached = await attach(socketPath);
      if (attached !== undefined) return attached;
    } catch (error) {
      // It took the socket, then ended before it could answer: a later round sees its end.
      if (!(error instanceof ControlError) && !gone()) throw error;
    }
    if (ended) return undefined;
    await delay(POLL_MS);
  }
  throw new ConfigError(`The lunsmith daemon (pid ${child.pid}) does not answer on ${socketPath}`);
}

/** Ours, mode 0600, and no link that somebody else laid there. */
export async function openLog(logFile: string): Promise<FileHandle> {
  try {
    await rotate(logFile);
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
    const log = await open(logFile, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
    const { uid } = await log.stat();
    if (uid !== process.geteuid?.()) {
      await log.close();
      throw new ConfigError(`The daemon's log ${logFile} belongs to another user (uid ${uid})`);
    }
    await log.chmod(0o600);
    return log;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Cannot write the daemon's log: ${(error as Error).message}`);
  }
}

async function rotate(logFile: string): Promise<void> {
  const info = await lstat(logFile).catch(() => undefined);
  if (info !== undefined && info.size > MAX_LOG_BYTES) await rename(logFile, `${logFile}.1`);
}

async function tailOf(logFile: string, start: number): Promise<string> {
  const log = await open(logFile, 'r');
  try {
    const { size } = await log.stat();
    const from = Math.max(start, size - TAIL_BYTES);
    const { bytesRead, buffer } = await log.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    const lines = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n');
    return lines.slice(-TAIL_LINES).join('\n');
  } finally {
    await log.close();
  }
}
