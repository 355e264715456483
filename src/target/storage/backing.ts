/** What stands at a path, and making a backing file: the questions of `create`, not of I/O. */

/** Structurally the port's `BackingInfo`. */
export interface BackingInfo {
  readonly exists: boolean;
  readonly type: 'file' | 'block' | 'directory' | 'other' | 'none';
  /** Bytes, of a file or block device. */
  readonly size: number;
  readonly readonly: boolean;
  readonly problem?: string;
  readonly parentExists: boolean;
}

/** Never rejects: what cannot be found out is a `problem`. */
export function probeBacking(path: string): Promise<BackingInfo> {
  void path;
  return Promise.reject(new Error('probing comes with the block backstore'));
}

/** Rejects when something stands at `path` already; leaves nothing behind when it fails. */
export function createBackingFile(path: string, size: number, sparse: boolean): Promise<void> {
  void [path, size, sparse];
  return Promise.reject(new Error('creating comes with the fileio backstore'));
}
