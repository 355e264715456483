/**
 * Saving that never loses a configuration: the new text is on stable storage under another name
 * before it takes the old one's place, and what it replaces is kept as a backup.
 */
import * as nodeFs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError } from '../objects/errors.ts';
import { keepBackup } from './backups.ts';

/** The file system calls used here and in backups.ts: tests let them fail one by one. */
export type SaveFs = Pick<
  typeof nodeFs,
  'chmod' | 'mkdir' | 'open' | 'readFile' | 'readdir' | 'readlink' | 'rename' | 'unlink'
>;

export interface SaveOptions {
  /** Backups to keep beside the file; absent or 0: none is made. */
  readonly maxBackups?: number;
  readonly now?: Date;
  readonly fs?: SaveFs;
}

export interface SavedBackups {
  readonly folder: string;
  /** How many are there now. */
  readonly kept: number;
}

export interface SaveResult {
  readonly file: string;
  readonly backups?: SavedBackups;
  /** The configuration is saved, but no backup of the former one could be made, and why. */
  readonly warning?: string;
}

const MODE = 0o600;
const FOLDER_MODE = 0o700;
const MAX_LINKS = 40;
let temporaries = 0;

/** `ENOSPC: no space left on device`, without node's own ending. */
export function causeOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/, [a-z]+( '.*)?$/s, '');
}

/**
 * Replace `file` by `text`, atomically and durably, mode 0600. A symbolic link is followed: the
 * file that it names is replaced, the link stays. Throws ConfigError with the cause; the former
 * file is untouched then.
 */
export async function saveText(
  file: string,
  text: string,
  options: SaveOptions = {},
): Promise<SaveResult> {
  const fs = options.fs ?? nodeFs;
  try {
    await fs.mkdir(dirname(file), { recursive: true, mode: FOLDER_MODE });
    const backup = await backUp(fs, file, options);
    const real = await followLinks(fs, file);
    await replace(fs, real, text);
    return { file, ...backup };
  } catch (error) {
    throw new ConfigError(`Cannot save the configuration to ${file}: ${causeOf(error)}`, {
      cause: error,
    });
  }
}

async function backUp(
  fs: SaveFs,
  file: string,
  options: SaveOptions,
): Promise<Partial<Pick<SaveResult, 'backups' | 'warning'>>> {
  const { maxBackups = 0, now = new Date() } = options;
  if (maxBackups === 0) return {};
  try {
    const backups = await keepBackup(fs, file, maxBackups, now);
    return backups === undefined ? {} : { backups };
  } catch (error) {
    return { warning: `Could not create a backup of ${file}: ${causeOf(error)}` };
  }
}

/** Where the last link of a chain points, whether or not something stands there. */
async function followLinks(fs: SaveFs, file: string): Promise<string> {
  let real = file;
  for (let i = 0; i < MAX_LINKS; i++) {
    const next = await fs.readlink(real).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EINVAL' || error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (next === undefined) return real;
    real = resolve(dirname(real), next);
  }
  throw new Error('too many levels of symbolic links');
}

async function replace(fs: SaveFs, file: string, text: string): Promise<void> {
  const folder = dirname(file);
  await removeLeftovers(fs, folder, basename(file));
  const temporary = join(folder, `.${basename(file)}.${process.pid}-${temporaries++}.tmp`);
  await writeDurably(fs, temporary, text);
  try {
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(fs, folder);
}

/** A new file of mode 0600, whatever the mask, on stable storage; none is left after a failure. */
export async function writeDurably(
  fs: SaveFs,
  file: string,
  content: string | Buffer,
): Promise<void> {
  const handle = await fs.open(file, 'wx', MODE);
  try {
    await handle.chmod(MODE);
    await handle.writeFile(content);
    await handle.sync();
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => {});
    await fs.unlink(file).catch(() => {});
    throw error;
  }
}

/** A new name is only durable when its folder is. */
export async function syncFolder(fs: SaveFs, folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await fs.open(folder, 'r');
    await handle.sync();
  } catch (error) {
    // Some file systems cannot sync folders; the rename has been done and is all they offer.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    await handle?.close();
  }
}

/** Temporary files of processes that died while saving. */
async function removeLeftovers(fs: SaveFs, folder: string, name: string): Promise<void> {
  for (const entry of await fs.readdir(folder)) {
    if (!entry.startsWith(`.${name}.`)) continue;
    const match = /^(\d+)-\d+\.tmp$/.exec(entry.slice(name.length + 2));
    if (match === null || isAlive(Number(match[1]))) continue;
    await fs.unlink(join(folder, entry)).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
