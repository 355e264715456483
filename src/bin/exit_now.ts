/**
 * The end of a process whose storage may hang. `process.exit` waits for the threads of libuv's
 * pool, and one of them may never come back.
 */
import { KOFFI } from '../util/koffi.ts';

export function exitNow(status: number): never {
  try {
    KOFFI?.load('libc.so.6').func('void _exit(int status)')(status);
  } catch {
    // No such call here: by force, then.
  }
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable: this process has been killed');
}
