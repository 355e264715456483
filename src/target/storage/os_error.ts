/** Errors of the operating system, as faults and as words for people. */
import type { StorageFault } from './backstore.ts';

export type OsError = NodeJS.ErrnoException;

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'exists already',
  EFBIG: 'larger than the file system can hold',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENODEV: 'no such device',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'a component of the path is not a directory',
  ENXIO: 'no such device or address',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
};

export function wordsOf(error: OsError): string {
  return WORDS[error.code ?? ''] ?? error.code ?? error.message;
}

const GONE = new Set(['EBADF', 'ENODEV', 'ENXIO', 'ENOMEDIUM']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const FORBIDDEN = new Set(['EROFS', 'EPERM', 'EACCES']);

/** What an operation under way failed with. `notReady`: the medium is gone. */
export function faultOf(error: OsError, path: string, writing: boolean): StorageFault {
  const code = error.code ?? '';
  const reason = `${path}: ${wordsOf(error)}`;
  if (GONE.has(code)) return { kind: 'notReady', reason };
  if (!writing) return { kind: 'readError', reason };
  if (FULL.has(code)) return { kind: 'noSpace', reason };
  return { kind: FORBIDDEN.has(code) ? 'readOnly' : 'writeError', reason };
}
