/**
 * A daemon in the foreground with as many threads as one in the background has. libuv reads their
 * number before any code of ours runs, so the program begins once more, in the same process.
 */
import { wantedPoolThreads } from '../target/storage/io_slots.ts';
import { KOFFI } from '../util/koffi.ts';

const F_SETFD = 2;

/** Returns where the number was given, or where this cannot be done: libuv's own 4 then serve. */
export function withMoreThreads(): void {
  const { env, execPath, execArgv, argv } = process;
  // Somebody who talks to Node itself by a pipe would lose it; Node has taken it off `env` by now.
  if (env['UV_THREADPOOL_SIZE'] !== undefined || process.channel !== undefined) return;
  if (KOFFI === null) return;
  try {
    const libc = KOFFI.load('libc.so.6');
    const fcntl = libc.func('int fcntl(int fd, int command, int argument)');
    const execv = libc.func('int execv(const char *path, const char **argv)');
    // Node has marked all that it was given as not to be handed on.
    const given = 3 + Number(env['LISTEN_FDS'] ?? 0);
    for (let fd = 0; fd < given; fd++) fcntl(fd, F_SETFD, 0);
    env['UV_THREADPOOL_SIZE'] = String(wantedPoolThreads());
    execv(execPath, [execPath, ...execArgv, ...argv.slice(1), null]);
  } catch {
    // Another make of the package: as if it were not there.
  }
  delete env['UV_THREADPOOL_SIZE'];
}
