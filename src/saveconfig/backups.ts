/** Compressed copies of the former configurations, in `backup/` beside the file. */
import { basename, dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { syncFolder, writeDurably, type SavedBackups, type SaveFs } from './save.ts';

const compress = promisify(gzip);
const expand = promisify(gunzip);
/** A configuration never expands to more; a hostile or broken backup stops there. */
const MAX_BACKUP_BYTES = 256 * 1024 * 1024;

const two = (n: number) => String(n).padStart(2, '0');

/** Local time as in targetcli's backups: `20261120-11:04:05`. */
function stamp(now: Date): string {
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${day}-${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}

/** Oldest first. */
async function listBackups(fs: SaveFs, folder: string, prefix: string): Promise<string[]> {
  const found: { name: string; key: string }[] = [];
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(prefix) || !name.endsWith('.gz')) continue;
    const time = /^(\d{8}-\d\d:\d\d:\d\d)(?:\.(\d\d))?\./.exec(name.slice(prefix.length));
    if (time) found.push({ name, key: `${time[1]}.${time[2] ?? '00'}` });
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ name }) => name);
}

async function isSame(fs: SaveFs, backup: string, former: Buffer): Promise<boolean> {
  try {
    const text = await expand(await fs.readFile(backup), { maxOutputLength: MAX_BACKUP_BYTES });
    return text.equals(former);
  } catch {
    return false;
  }
}

/** A name that sorts behind all of the same second. */
function freeName(taken: readonly string[], start: string, end: string): string {
  const numbers = taken
    .filter((name) => name.startsWith(start))
    .map((name) => Number(/^\.(\d\d)\./.exec(name.slice(start.length))?.[1] ?? 0));
  if (numbers.length === 0) return start + end;
  return `${start}.${two(Math.max(...numbers) + 1)}${end}`;
}

/**
 * Back up `file` as it stands, unless the newest backup equals it, and remove the oldest beyond
 * `maxBackups`. Undefined when there is no file yet.
 */
export async function keepBackup(
  fs: SaveFs,
  file: string,
  maxBackups: number,
  now: Date,
): Promise<SavedBackups | undefined> {
  const former = await fs.readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (former === undefined) return undefined;
  const folder = join(dirname(file), 'backup');
  const extension = extname(file);
  const prefix = `${basename(file, extension)}-`;
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const taken = await listBackups(fs, folder, prefix);
  const newest = taken.at(-1);
  let made: string | undefined;
  if (newest === undefined || !(await isSame(fs, join(folder, newest), former))) {
    made = freeName(taken, `${prefix}${stamp(now)}`, `${extension}.gz`);
    await writeDurably(fs, join(folder, made), await compress(former));
    await syncFolder(fs, folder);
  }
  const all = await listBackups(fs, folder, prefix);
  // The one just made stays, even if the clock was set back and its name sorts first.
  const others = all.filter((name) => name !== made);
  const tooMany = others.slice(0, Math.max(0, all.length - maxBackups));
  for (const name of tooMany) await fs.unlink(join(folder, name));
  return { folder, kept: all.length - tooMany.length };
}

export interface Backup {
  /** 1 is the newest. */
  readonly number: number;
  /** Name within the folder. */
  readonly name: string;
  /** Local time as in the name: `20261120-11:04:05`. */
  readonly time: string;
}

export interface BackupList {
  readonly folder: string;
  /** The newest first. */
  readonly backups: readonly Backup[];
}

/** The backups of `file`; none when there is no folder of them. */
export async function backupsOf(fs: SaveFs, file: string): Promise<BackupList> {
  const folder = join(dirname(file), 'backup');
  const prefix = `${basename(file, extname(file))}-`;
  const names = await listBackups(fs, folder, prefix).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const backups = names.toReversed().map((name, i) => ({
    number: i + 1,
    name,
    time: name.slice(prefix.length, prefix.length + 17),
  }));
  return { folder, backups };
}

/** The text of a backup. */
export async function readBackup(fs: SaveFs, folder: string, { name }: Backup): Promise<Buffer> {
  return expand(await fs.readFile(join(folder, name)), { maxOutputLength: MAX_BACKUP_BYTES });
}
