/** The log of a daemon in the background, kept within a limit while the daemon runs. */
import { copyFileSync, fstatSync, ftruncateSync, statSync } from 'node:fs';
import type { LogSink } from '../util/log.ts';

/** Of the log and of the one before it, each. */
export const MAX_LOG_BYTES = 8 * 1024 * 1024;
/** Lines between two looks at the size. */
const LOOK_EVERY = 256;

export interface RotationOptions {
  /** Open for appending. */
  readonly fd: number;
  readonly logFile: string;
  readonly maxBytes?: number;
}

/**
 * Lines as before; when `fd` is `logFile` and has grown too large, its content moves to
 * `logFile.1`. Whatever else `fd` is, journal, pipe or a file of the user's, stays as it is.
 */
export function rotating(sink: LogSink, options: RotationOptions): LogSink {
  const { fd, logFile, maxBytes = MAX_LOG_BYTES } = options;
  if (!isSame(fd, logFile)) return sink;
  let lines = 0;
  return (record) => {
    sink(record);
    lines += 1;
    if (lines % LOOK_EVERY === 0) rotate(fd, logFile, maxBytes);
  };
}

function isSame(fd: number, file: string): boolean {
  try {
    const [open, named] = [fstatSync(fd), statSync(file)];
    return open.isFile() && open.dev === named.dev && open.ino === named.ino;
  } catch {
    return false;
  }
}

/** Copied and cut, not renamed: who holds the descriptor keeps writing to the same file. */
function rotate(fd: number, logFile: string, maxBytes: number): void {
  try {
    if (fstatSync(fd).size <= maxBytes) return;
    try {
      copyFileSync(logFile, `${logFile}.1`);
    } catch {
      // A full disk must not become fuller: old lines are worth less than room.
    }
    ftruncateSync(fd, 0);
  } catch {
    // Logging never stops the daemon.
  }
}
