/** Names in a folder of the daemon's machine, for completion. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Listed } from './protocol.ts';

/** Names offered for completion; more nobody reads. */
const MAX_NAMES = 10_000;
/** Names that are offered with their sizes: beyond, the list is too long to be read. */
const MAX_SIZED = 256;
/** Of `size` in sysfs, whatever the device's blocks are. */
const SECTOR_BYTES = 512;

type What = 'folder' | 'block' | 'other';

interface Kinds {
  isDirectory(): boolean;
  isBlockDevice(): boolean;
}

const whatIs = (entry: Kinds | undefined): What =>
  entry?.isDirectory() === true ? 'folder' : entry?.isBlockDevice() === true ? 'block' : 'other';

/** Of a block device by its node, without opening it: it may be somebody's disk. */
async function deviceBytes(path: string): Promise<number | undefined> {
  try {
    const name = basename(await realpath(path));
    const sectors = Number(await readFile(`/sys/class/block/${name}/size`, 'utf8'));
    return Number.isSafeInteger(sectors) ? sectors * SECTOR_BYTES : undefined;
  } catch {
    return undefined;
  }
}

async function bytesOf(path: string, what: What): Promise<number | undefined> {
  if (what === 'folder') return undefined;
  if (what === 'block') return deviceBytes(path);
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}

/** Sorted; folders end in `/`. `only`: block devices and the folders to them. */
export async function listFolder(
  folder: string,
  only: 'any' | 'block',
  prefix: string,
): Promise<readonly Listed[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: { name: string; what: What }[] = [];
  for (const entry of entries.slice(0, MAX_NAMES)) {
    if (!entry.name.startsWith(prefix)) continue;
    const path = join(folder, entry.name);
    // A link is what it leads to: /dev/disk/by-id holds nothing else.
    const target = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
    const what = whatIs(target);
    if (only === 'any' || what !== 'other') found.push({ name: entry.name, what });
  }
  const sized = found.length <= MAX_SIZED;
  const listed = found.map(async ({ name, what }): Promise<Listed> => {
    if (what === 'folder') return { name: `${name}/` };
    const bytes = sized ? await bytesOf(join(folder, name), what) : undefined;
    return { name, ...(bytes !== undefined && { bytes }) };
  });
  return (await Promise.all(listed)).sort((a, b) => (a.name < b.name ? -1 : 1));
}
