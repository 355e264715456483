import { describe, expect, test } from 'vitest';
import { commonPrefix, complete } from '../../../src/shell/complete.ts';
import { EXAMPLE, TARGET, testShell } from './kit.ts';

const tpg = `/iscsi/${TARGET}/tpg1`;

async function offered(line: string, ...before: readonly string[]): Promise<readonly string[]> {
  const { shell, client, run } = testShell();
  client.files.set('/dev/sdb', { type: 'block', size: 1048576 });
  client.files.set('/srv/existing.img', { type: 'file', size: 1048576 });
  client.files.set('/srv/my disk.img', { type: 'file', size: 1048576 });
  await run(...EXAMPLE, ...before);
  const { candidates } = await complete(shell, line);
  return candidates.map((one) => one.text);
}

describe('completion offers', () => {
  test.each([
    ['first word: paths and commands', 'b', ['backstores/', 'begin', 'bookmarks']],
    ['the only command', 'cle', ['clearconfig']],
    [
      'children behind a slash, and the glob that matches them',
      '/backstores/',
      ['/backstores/*', '/backstores/block', '/backstores/fileio/', '/backstores/ramdisk/'],
    ],
    ['commands at a path', `${tpg} e`, ['enable', 'exit']],
    ['what a relative path reaches', `iscsi/iqn`, [`iscsi/${TARGET}/`]],
    ['bookmarks', '@l', ['@last']],
    ['keywords', '/backstores/fileio create x /srv/x.img s', ['size=', 'sparse=']],
    ['no keyword that is given', '/backstores/fileio create name=x si', ['size=']],
    ['values of a boolean', '/backstores/fileio create x write_back=', ['false', 'true']],
    [
      'storage objects of the live tree',
      `${tpg}/luns create /backstores/r`,
      ['/backstores/ramdisk/ram1'],
    ],
    ['numbers of LUNs', `${tpg}/luns delete 0`, ['0']],
    ['files of the daemon’s machine', '/backstores/fileio create x /srv/e', ['/srv/existing.img']],
    [
      'a blank in a file name with a backslash',
      '/backstores/fileio create x /srv/m',
      ['/srv/my\\ disk.img'],
    ],
    ['block devices only, for block', '/backstores/block create x /dev/', ['/dev/sdb']],
    ['no file for block', '/backstores/block create x /srv/e', []],
    ['groups', `${tpg} set a`, ['attribute', 'auth']],
    ['names to set', `${tpg} set attribute auth`, ['authentication=']],
    ['no name that is on the line', `${tpg} set attribute authentication=1 auth`, []],
    ['names to get', `${tpg} get attribute auth`, ['authentication']],
    ['the switch of a group with secrets', `${tpg} get auth show`, ['show_secrets=true']],
    ['values of a choice', 'set global loglevel_console=w', ['warning']],
    ['values of a flag', `${tpg} set attribute authentication=`, ['0', '1']],
    ['nothing read-only to set', `${tpg} set auth authenticate_t`, []],
    ['topics', 'help saveco', ['saveconfig']],
    ['actions', 'bookmarks s', ['show']],
    ['names of bookmarks', 'bookmarks del l', ['last']],
    ['ways of cd', 'cd <', ['<']],
    ['local addresses', `${tpg}/portals create 192`, ['192.168.1.139']],
    ['nothing in a comment', 'ls # b', []],
    ['nothing for a path that does not exist', '/nonesuch/x', []],
    ['nothing in an unclosed quote', 'cd "b', []],
  ])('%s', async (_what, line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });

  test('at an empty line everything, paths first', async () => {
    const all = await offered('');
    expect(all.slice(0, 5)).toEqual(['/', '*', '@last', 'backstores/', 'iscsi/']);
    expect(all).toContain('saveconfig');
  });

  test('relative to the current node', async () => {
    expect(await offered('lu', `cd ${tpg}`)).toEqual(['luns/']);
    expect(await offered('luns/ cr', `cd ${tpg}`)).toEqual(['create']);
  });

  test('where a value starts, after name=', async () => {
    const { shell } = testShell();
    const { start } = await complete(shell, 'set global color_mode=f');
    expect(start).toBe('set global color_mode='.length);
  });

  test('every choice and flag that is declared completes', async () => {
    const { shell, run } = testShell();
    await run(...EXAMPLE);
    for (const group of ['attribute', 'parameter', 'global']) {
      const names = await complete(shell, `${tpg} set ${group} `);
      expect(names.candidates.length).toBeGreaterThan(5);
      for (const { text } of names.candidates) expect(text).toMatch(/^\w+=$/);
    }
  });
});

test('the common prefix', () => {
  expect(commonPrefix(['abc', 'abd', 'ab'])).toBe('ab');
  expect(commonPrefix(['x', 'y'])).toBe('');
  expect(commonPrefix([])).toBe('');
});
