import * as realFs from 'node:fs/promises';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/objects/errors.ts';
import { saveText, type SaveFs } from '../../../src/saveconfig/save.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'save-'));
  file = join(folder, 'etc', 'saveconfig.yaml');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o7777;
const noSpace = () =>
  Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
const at = (second: number) => new Date(2026, 10, 20, 11, 4, second);

describe('saving', () => {
  test('makes folder and file for the owner only, whatever the mask', async () => {
    const mask = process.umask(0o000);
    try {
      await saveText(file, 'one\n');
      await saveText(file, 'two\n', { maxBackups: 3, now: at(5) });
    } finally {
      process.umask(mask);
    }
    expect(await readFile(file, 'utf8')).toBe('two\n');
    expect(await modeOf(file)).toBe(0o600);
    expect(await modeOf(join(folder, 'etc'))).toBe(0o700);
    expect(await modeOf(join(folder, 'etc/backup'))).toBe(0o700);
    expect(await modeOf(join(folder, 'etc/backup/saveconfig-20261120-11:04:05.yaml.gz'))).toBe(
      0o600,
    );
  });

  test('a file that was open to others is closed to them', async () => {
    await saveText(file, 'one\n');
    await chmod(file, 0o666);
    await saveText(file, 'two\n');
    expect(await modeOf(file)).toBe(0o600);
  });

  test('writes through a symbolic link and keeps it', async () => {
    await mkdir(join(folder, 'shared'));
    await mkdir(join(folder, 'etc'));
    await symlink('../shared/real.yaml', file);
    await saveText(file, 'first\n');
    await saveText(file, 'second\n');
    expect(await readFile(join(folder, 'shared/real.yaml'), 'utf8')).toBe('second\n');
    expect((await realFs.lstat(file)).isSymbolicLink()).toBe(true);
    expect(await readdir(join(folder, 'shared'))).toEqual(['real.yaml']);
  });

  test('a loop of links is refused with its cause', async () => {
    await mkdir(join(folder, 'etc'));
    await symlink('saveconfig.yaml', file);
    await expect(saveText(file, 'x')).rejects.toThrow(/Cannot save .*too many levels/);
  });

  test('removes what a process that died while saving has left, and nothing else', async () => {
    await saveText(file, 'one\n');
    const names = [
      '.saveconfig.yaml.99999999-0.tmp',
      `.saveconfig.yaml.${process.ppid}-0.tmp`,
      '.saveconfig.yaml.notes',
    ];
    for (const name of names) await writeFile(join(folder, 'etc', name), '');
    await saveText(file, 'two\n');
    expect((await readdir(join(folder, 'etc'))).sort()).toEqual(
      [...names.slice(1), 'saveconfig.yaml'].sort(),
    );
  });
});

describe('backups', () => {
  const list = async () => (await readdir(join(folder, 'etc/backup'))).sort();
  const content = async (name: string) =>
    gunzipSync(await readFile(join(folder, 'etc/backup', name))).toString();

  test('the former file is kept unless the newest backup equals it', async () => {
    const first = await saveText(file, 'one\n', { maxBackups: 10, now: at(1) });
    expect(first.backups).toBeUndefined();
    const second = await saveText(file, 'two\n', { maxBackups: 10, now: at(2) });
    expect(second.backups).toEqual({ folder: join(folder, 'etc/backup'), kept: 1 });
    await writeFile(file, 'one\n');
    await saveText(file, 'three\n', { maxBackups: 10, now: at(3) });
    expect(await list()).toEqual(['saveconfig-20261120-11:04:02.yaml.gz']);
    expect(await content('saveconfig-20261120-11:04:02.yaml.gz')).toBe('one\n');
  });

  test('the oldest go first, also among those of one second', async () => {
    for (const text of ['1', '2', '3', '4', '5']) {
      await saveText(file, text, { maxBackups: 2, now: at(7) });
    }
    const texts = await Promise.all((await list()).map(content));
    expect(texts.sort()).toEqual(['3', '4']);
  });

  test('files of others in the folder are left alone', async () => {
    await mkdir(join(folder, 'etc/backup'), { recursive: true });
    await writeFile(join(folder, 'etc/backup/notes.txt'), '');
    await writeFile(join(folder, 'etc/backup/saveconfig-before-upgrade.yaml.gz'), '');
    for (const text of ['1', '2', '3']) await saveText(file, text, { maxBackups: 1, now: at(1) });
    expect(await list()).toHaveLength(3);
  });

  test('a backup that fails is told, and the configuration is saved', async () => {
    await saveText(file, 'one\n');
    await writeFile(join(folder, 'etc/backup'), 'a file in the way');
    const saved = await saveText(file, 'two\n', { maxBackups: 5 });
    expect(saved.warning).toMatch(/^Could not create a backup of .*EEXIST|ENOTDIR/);
    expect(await readFile(file, 'utf8')).toBe('two\n');
  });
});

/** Each call of the file system in turn, failing once. */
function failing(at: number): { fs: SaveFs; calls: () => number } {
  let calls = 0;
  const count = () => {
    calls++;
    if (calls === at) throw noSpace();
  };
  const wrap = <T extends object>(target: T, names: readonly string[]): T =>
    new Proxy(target, {
      get(t, name) {
        const value = Reflect.get(t, name) as unknown;
        if (typeof value !== 'function') return value;
        const call = value as (...args: unknown[]) => unknown;
        return async (...args: unknown[]) => {
          // A close that fails has closed all the same.
          const closing = name === 'close';
          if (!closing && names.includes(String(name))) count();
          const result = await call.apply(t, args);
          if (closing) count();
          const isHandle = name === 'open';
          return isHandle
            ? wrap(result as object, ['writeFile', 'sync', 'chmod', 'close'])
            : result;
        };
      },
    });
  const names = ['mkdir', 'open', 'readFile', 'readdir', 'readlink', 'rename'];
  return { fs: wrap({ ...realFs }, names), calls: () => calls };
}

test('whichever call fails, the file holds the old or the new text, whole', async () => {
  let refused = 0;
  for (let n = 1; ; n++) {
    await rm(join(folder, 'etc'), { recursive: true, force: true });
    await saveText(file, 'zero\n', { maxBackups: 5, now: at(0) });
    await saveText(file, 'old\n', { maxBackups: 5, now: at(1) });
    const { fs, calls } = failing(n);
    const outcome = await saveText(file, 'new\n', { fs, maxBackups: 5, now: at(2) }).catch(
      (e: unknown) => e,
    );
    const text = await readFile(file, 'utf8');
    if (outcome instanceof ConfigError) {
      refused++;
      expect(outcome.message).toBe(
        `Cannot save the configuration to ${file}: ENOSPC: no space left on device`,
      );
      expect(['old\n', 'new\n']).toContain(text);
    } else {
      expect(outcome).not.toBeInstanceOf(Error);
      expect(text).toBe('new\n');
    }
    const rest = (await readdir(join(folder, 'etc'))).filter((name) => name.endsWith('.tmp'));
    expect(rest).toEqual([]);
    for (const name of await readdir(join(folder, 'etc/backup'))) {
      expect(['zero\n', 'old\n']).toContain(
        gunzipSync(await readFile(join(folder, 'etc/backup', name))).toString(),
      );
    }
    if (calls() < n) break;
  }
  // At least: folder, link, leftovers, open, mode, write, sync, close, rename.
  expect(refused).toBeGreaterThanOrEqual(9);
});
