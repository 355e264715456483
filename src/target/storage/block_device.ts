/** What the system says of a block device: size, read-only state, and who holds it. */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { SYSCALLS } from './syscalls.ts';

/** Linux's dev_t as Node gives it: `8:1`. */
export function deviceNumber(rdev: number): string {
  const high = Math.floor(rdev / 2 ** 32);
  const major = ((rdev >>> 8) & 0xfff) | (high & ~0xfff);
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}

const sysfs = (number: string): string => `/sys/dev/block/${number}`;

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Bytes; 0 when nobody tells. */
export async function deviceSize(fd: number, number: string): Promise<number> {
  const size = SYSCALLS?.blockDeviceSize(fd) ?? -1;
  if (size >= 0) return size;
  // sysfs counts in units of 512 bytes, whatever the device's sectors are.
  return Number(await readText(`${sysfs(number)}/size`)) * 512;
}

export async function deviceReadOnly(fd: number, number: string): Promise<boolean> {
  const known = SYSCALLS?.blockDeviceReadOnly(fd) ?? null;
  return known ?? (await readText(`${sysfs(number)}/ro`)).trim() === '1';
}

/** Who holds the device or a partition of it, in words; empty when that is not to be found out. */
export async function holderOf(path: string, number: string): Promise<string> {
  const device = await realpath(path).catch(() => path);
  const parts = await partitionsOf(number);
  const numbers = new Set([number, ...parts.map((part) => part.number)]);
  const paths = new Set([device, ...parts.map((part) => `/dev/${part.name}`)]);
  for (const line of (await readText('/proc/self/mountinfo')).split('\n')) {
    const fields = line.split(' ');
    const [, , dev = '', , mountPoint = ''] = fields;
    const source = fields[fields.indexOf('-') + 2] ?? '';
    if (numbers.has(dev) || paths.has(source)) return `mounted on ${unescape(mountPoint)}`;
  }
  for (const line of (await readText('/proc/swaps')).split('\n')) {
    if (paths.has(unescape(line.split(/\s+/)[0] ?? ''))) return 'used as swap';
  }
  for (const each of numbers) {
    const [holder] = await readdir(`${sysfs(each)}/holders`).catch(() => []);
    if (holder !== undefined) return `held by ${await deviceMapperName(holder)}`;
  }
  return '';
}

/** /proc writes blanks as octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

async function partitionsOf(number: string): Promise<{ name: string; number: string }[]> {
  const found: { name: string; number: string }[] = [];
  for (const name of await readdir(sysfs(number)).catch(() => [])) {
    if ((await readText(`${sysfs(number)}/${name}/partition`)) === '') continue;
    found.push({ name, number: (await readText(`${sysfs(number)}/${name}/dev`)).trim() });
  }
  return found;
}

async function deviceMapperName(holder: string): Promise<string> {
  const name = (await readText(`/sys/class/block/${holder}/dm/name`)).trim();
  return name === '' ? holder : `${holder} (${name})`;
}
