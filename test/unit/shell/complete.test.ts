import { describe, expect, test } from 'vitest';
import { commonPrefix, complete } from '../../../src/shell/complete.ts';
import { EXAMPLE, SESSION, TARGET, testShell } from './kit.ts';

const tpg = `/iscsi/${TARGET}/tpg1`;
const group = '/backstores/ramdisk/ram1/alua/default_tg_pt_gp';
const STRANGER = 'iqn.1994-05.com.redhat:stranger';
const REFUSED = {
  initiator: STRANGER,
  target: TARGET,
  address: '192.0.2.9',
  rule: 'no node ACL',
  statusClass: 2,
  statusDetail: 2,
  count: 1,
  ageSeconds: 1,
};

async function offered(line: string, ...before: readonly string[]): Promise<readonly string[]> {
  const { shell, client, run } = testShell();
  client.files.set('/dev/sdb', { type: 'block', size: 1048576 });
  client.files.set('/srv/existing.img', { type: 'file', size: 1048576 });
  client.files.set('/srv/my disk.img', { type: 'file', size: 1048576 });
  client.refusedLogins = [REFUSED];
  await run(...EXAMPLE, '/backstores/ramdisk create BIG 1M', ...before);
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
      `${tpg}/luns create /backstores/ramdisk/r`,
      ['/backstores/ramdisk/ram1'],
    ],
    ['numbers of LUNs', `${tpg}/luns delete 0`, ['0']],
    [
      'what a storage object has below it',
      '/backstores/ramdisk/ram1/',
      ['/backstores/ramdisk/ram1/alua/'],
    ],
    [
      'ALUA groups',
      '/backstores/ramdisk/ram1/alua/d',
      ['/backstores/ramdisk/ram1/alua/default_tg_pt_gp'],
    ],
    [
      'the next free tag of an ALUA group',
      '/backstores/ramdisk/ram1/alua create g ',
      ['1', 'tag='],
    ],
    ['states of an ALUA group', `${group} set alua alua_access_state=`, ['0', '1', '2', '3', '14']],
    ['what of an ALUA group can be set', `${group} set alua alua_w`, ['alua_write_metadata=']],
    ['no read-only value to set', `${group} set alua m`, []],
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
    ['free LUN numbers', `${tpg}/luns create /backstores/ramdisk/ram1 lun=`, ['1']],
    [
      'free numbers for a mapped LUN',
      `${tpg}/acls/iqn.1994-05.com.redhat:c1 create mapped_lun=`,
      ['1'],
    ],
    ['initiators that were refused', `${tpg}/acls create iqn.1994-05.com.redhat:s`, [STRANGER]],
    ['who may be asked about', `why iqn.1994-05.com.redhat:s`, [STRANGER]],
    ['targets', '/iscsi delete iqn', [TARGET]],
    ['targets to restore', 'restoreconfig target=', [TARGET]],
    ['storage objects to restore', 'restoreconfig storage_object=f', ['fileio/disk1']],
    ['ports, of portals that are there', `${tpg}/portals delete 0.0.0.0 `, ['3260', 'ip_port=']],
    ['the case as it is', '/backstores/ramdisk/B', ['/backstores/ramdisk/BIG/']],
    ['nothing in another case', '/backstores/ramdisk/b', []],
    ['formats to import', 'import /x from=l', ['lio', 'lio-json']],
    ['choices of a parameter', 'top sort=l', ['latency']],
    ['the flag of every answer', 'status j', ['json=']],
    ['nothing where a flag stands by name only', 'status t', []],
    ['local addresses', `${tpg}/portals create 192`, ['192.168.1.139']],
    ['nothing in a comment', 'ls # b', []],
    ['nothing for a path that does not exist', '/nonesuch/x', []],
    ['a path in a quote that is open', 'cd "b', ['"backstores/']],
    ['a word that is complete, with its closing quote', "/iscsi '" + 'creat', ["'create'"]],
    [
      'a file with a blank, in quotes',
      '/backstores/fileio create x "/srv/m',
      ['"/srv/my disk.img"'],
    ],
    [
      'a value in quotes',
      '/backstores/fileio create x file_or_dev="/srv/my d',
      ['"/srv/my disk.img"'],
    ],
    ['no name= and no mark in quotes', '/backstores/fileio create x /srv/x "s', []],
    [
      'children but no glob in quotes',
      '"/backstores/',
      ['"/backstores/block"', '"/backstores/fileio/', '"/backstores/ramdisk/'],
    ],
    ['nothing behind a quote that was closed', 'cd "backstores"x', []],
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

describe('beside and below the words', () => {
  const all = async (line: string, ...before: readonly string[]) => {
    const { shell, client, run } = testShell();
    client.files.set('/dev/sdb', { type: 'block', size: 1048576 });
    client.files.set('/srv/existing.img', { type: 'file', size: 3 * 1048576 });
    client.sessions = [SESSION];
    client.backups = [
      { number: 1, name: 'b.yaml.gz', time: '20260104-10:00:00' },
      { number: 2, name: 'a.yaml.gz', time: '20260103-10:00:00' },
    ];
    await run(...EXAMPLE, ...before);
    return complete(shell, line);
  };
  const notes = async (line: string) =>
    (await all(line)).candidates.map(({ text, note }) => `${text} (${note})`);

  test.each([
    ['the size of a file', '/backstores/fileio create x /srv/e', ['/srv/existing.img (3.0MiB)']],
    ['the size of a device', '/backstores/block create x /dev/s', ['/dev/sdb (1.0MiB)']],
    [
      'the size of a storage object',
      `${tpg}/luns create /backstores/fileio/`,
      ['/backstores/fileio/disk1 (8.0MiB)'],
    ],
    ['what a LUN is', `${tpg}/luns delete 0`, ['0 (fileio/disk1)']],
    ['whose a session is', 'sessions kick sid=', ['3 (iqn.1994-05.com.redhat:c1)']],
    ['whose, at the sessions', `${tpg}/sessions kick 3`, ['3 (iqn.1994-05.com.redhat:c1)']],
    [
      'the time of a backup',
      'restoreconfig backup=',
      ['1 (20260104-10:00:00)', '2 (20260103-10:00:00)'],
    ],
    ['the backups for diff', 'diff backup=2', ['1 (20260104-10:00:00)', '2 (20260103-10:00:00)']],
  ])('%s', async (_what, line, expected) => {
    const fitting = line.endsWith('=2') ? expected.slice(1) : expected;
    expect(await notes(line)).toEqual(fitting);
  });

  test.each([
    [`${tpg} set attribute login_timeout=`, 'login_timeout: 5..30 seconds; now 15, default 15'],
    [`${tpg} set attribute authentication=`, 'authentication: 0|1; now 0, default 0'],
    [
      'set global loglevel_console=',
      /^loglevel_console: critical\|error\|.*; now info, default info$/,
    ],
    [`${tpg} set auth userid=`, /^userid: .*; now \(empty\), default \(empty\)$/],
    [`${tpg} set auth password=`, /^password: .*; without a value it is typed$/],
    ['/backstores/fileio create x /srv/x ', 'size: a size, as 10G. Size of a new file.'],
    ['/backstores/ramdisk create ', 'name: Name of the storage object.'],
    [`${tpg}/portals create 192.168.1.139 `, /^ip_port: 1\.\.65535\. TCP port/],
    [`${tpg}/luns create /backstores/ramdisk/ram1 lun=`, /^lun: a number or lunN\. Number/],
  ])('what may stand behind %s', async (line, hint) => {
    const found = await all(line);
    if (typeof hint === 'string') expect(found.hint).toBe(hint);
    else expect(found.hint).toMatch(hint);
  });

  test('a secret that is set is not told', async () => {
    const set = `${tpg} set auth password=Topsecret1234`;
    expect((await all(`${tpg} set auth password=`, set)).hint).not.toContain('Topsecret');
  });
});

test('the common prefix', () => {
  expect(commonPrefix(['abc', 'abd', 'ab'])).toBe('ab');
  expect(commonPrefix(['x', 'y'])).toBe('');
  expect(commonPrefix([])).toBe('');
});

describe('ALUA', () => {
  const alua = '/backstores/fileio/disk1/alua';
  const made = [`${alua} create grp1 7`, `${alua}/grp1 set alua alua_access_state=2`];

  test('the groups of the storage object, for its LUN', async () => {
    const line = `${tpg}/luns/lun0 set alua alua_tg_pt_gp_name=`;
    expect(await offered(line, ...made)).toEqual(['default_tg_pt_gp', 'grp1']);
    expect(await offered(`${alua} delete `, ...made)).toEqual(['grp1', 'name=']);
  });

  test('states with their names, groups with their state, what holds now as hint', async () => {
    const { shell, run } = testShell();
    await run(...EXAMPLE, ...made);
    const states = await complete(shell, `${alua}/grp1 set alua alua_access_state=`);
    expect(states.candidates.map(({ text, note }) => `${text} ${note}`)).toEqual([
      '0 active/optimized',
      '1 active/non-optimized',
      '2 standby',
      '3 unavailable',
      '14 offline',
    ]);
    expect(states.hint).toBe('alua_access_state: 0|1|2|3|14; now 2, default 0');
    const groups = await complete(shell, `${alua} delete g`);
    expect(groups.candidates.map(({ note }) => note)).toEqual(['Standby']);
  });
});

test('what the file named by restoreconfig holds, where it can be read', async () => {
  const { shell, client, run } = testShell();
  await run(...EXAMPLE);
  const saved = client.document;
  client.saved.set('/srv/old.yaml', saved);
  await run('/iscsi create iqn.2024-01.com.example:new', `/iscsi delete ${TARGET} force=true`);
  await run('/backstores/ramdisk delete ram1', '/backstores/ramdisk create ram2 1M');
  const texts = async (line: string) =>
    (await complete(shell, line)).candidates.map(({ text }) => text);
  const { document } = client;
  expect(await texts('restoreconfig /srv/old.yaml target=')).toEqual([TARGET]);
  expect(await texts('restoreconfig savefile=/srv/old.yaml storage_object=')).toEqual([
    'fileio/disk1',
    'ramdisk/ram1',
  ]);
  expect(await texts('restoreconfig target=')).toEqual(['iqn.2024-01.com.example:new']);
  expect(await texts('restoreconfig /srv/none.yaml storage_object=r')).toEqual(['ramdisk/ram2']);
  // Looking changes nothing.
  expect(client.document).toBe(document);
});
