import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { setIn } from '../../../src/objects/document.ts';
import { runOnce, runScript } from '../../../src/shell/session.ts';
import { MemoryClient } from '../../shell/memory_client.ts';
import { EXAMPLE, TARGET, temporaryHome, testShell } from './kit.ts';

const tpg = `/iscsi/${TARGET}/tpg1`;

describe('changes', () => {
  test('a change is computed anew when another shell was faster', async () => {
    const { client, run } = testShell();
    client.beforeChange = () => {
      const other = { size: 1048576, nullio: false, wwn: 'w', attributes: {} };
      const path = ['backstores', 'ramdisk', 'other'];
      client.commit(setIn(client.document, path, other), [{ path, value: other }]);
    };
    expect(await run('/backstores/ramdisk create mine 1M')).toBe(
      'Created ramdisk mine with size 1M.\n',
    );
    expect(Object.keys(client.document.backstores.ramdisk).sort()).toEqual(['mine', 'other']);
  });

  test('what another shell took meanwhile is refused, and stays', async () => {
    const { client, run } = testShell();
    client.beforeChange = () => {
      const other = { size: 2097152, nullio: false, wwn: 'w', attributes: {} };
      const path = ['backstores', 'ramdisk', 'r'];
      client.commit(setIn(client.document, path, other), [{ path, value: other }]);
    };
    expect(await run('/backstores/ramdisk create r 1M')).toContain('exists');
    expect(client.document.backstores.ramdisk['r']?.size).toBe(2097152);
  });

  test('a shell sees what another one did without asking for the document again', async () => {
    const client = new MemoryClient();
    const one = testShell({ client });
    const two = testShell({ client });
    await two.run('ls');
    await one.run('/backstores/ramdisk create r 1M');
    const before = client.calls.filter((method) => method === 'document').length;
    expect(await two.run('ls /backstores/ramdisk')).toContain('o- r ');
    expect(client.calls.filter((method) => method === 'document')).toHaveLength(before);
  });

  test('set is all or nothing', async () => {
    const { client, run } = testShell();
    await run(...EXAMPLE);
    const before = client.document;
    await run(`${tpg} set attribute demo_mode_write_protect=0 login_timeout=99`);
    expect(client.document).toEqual(before);
    await run(`${tpg} set attribute demo_mode_write_protect=0 nonesuch=1`);
    expect(client.document).toEqual(before);
  });

  test('a glob runs the command at every match', async () => {
    const { client, run } = testShell();
    await run('/backstores/ramdisk create a 1M', '/backstores/ramdisk create b 1M');
    await run('/backstores/ramdisk/* set attribute is_nonrot=1');
    expect(client.document.backstores.ramdisk['a']?.attributes.is_nonrot).toBe(true);
    expect(client.document.backstores.ramdisk['b']?.attributes.is_nonrot).toBe(true);
  });

  test('the current node may vanish: one stands above it then', async () => {
    const { shell, run } = testShell();
    await run(...EXAMPLE, `cd ${tpg}/luns`, `/iscsi delete ${TARGET}`, 'pwd');
    expect(shell.cwd).toBe('/iscsi');
  });
});

describe('paths', () => {
  test.each([
    ['/iscsi', '/iscsi'],
    ['iscsi/', '/iscsi'],
    ['iscsi', '/iscsi'],
    ['backstores//fileio', '/backstores/fileio'],
    ['/backstores/iblock', '/backstores/block'],
    [`cd /iscsi/${TARGET}/tpgt1`, tpg],
    [`/iscsi/${TARGET.toUpperCase()}/tpg1/0.0.0.0:3260`, `${tpg}/portals/0.0.0.0:3260`],
    ['@last/..', `${tpg}/acls`],
    ['/iscsi/iqn.2024*/tpg?', tpg],
  ])('%s goes to %s', async (line, path) => {
    const { shell, run } = testShell();
    await run(...EXAMPLE);
    expect(await run(line)).toBe('');
    expect(shell.cwd).toBe(path);
  });

  test('cd with a glob that matches several is refused', async () => {
    const { shell, run } = testShell();
    expect(await run('cd /backstores/*')).toContain('matches 3 nodes');
    expect(shell.cwd).toBe('/');
  });

  test('an unknown path hints at the near one', async () => {
    const { run } = testShell();
    expect(await run('cd /bakstores')).toBe('No such path /bakstores; did you mean backstores?\n');
  });
});

describe('scripts', () => {
  const script = (text: string) => Readable.from([text]);

  test('an error in line 3 of 5 stops there, names the line, and gives status 1', async () => {
    const { shell, client, out } = testShell();
    const lines = [
      '# a comment',
      '/backstores/ramdisk create one 1M',
      '/backstores/ramdisk create two',
      '/backstores/ramdisk create three 1M',
      'ls',
    ];
    expect(await runScript(shell, script(lines.join('\n')), { keepGoing: false })).toBe(1);
    expect(out.errors).toBe('line 3: Missing required parameter size\n');
    expect(Object.keys(client.document.backstores.ramdisk)).toEqual(['one']);
  });

  test('with keepGoing all lines run and the status is still 1', async () => {
    const { shell, client } = testShell();
    const text = 'nonesuch\n/backstores/ramdisk create three 1M\n';
    expect(await runScript(shell, script(text), { keepGoing: true })).toBe(1);
    expect(Object.keys(client.document.backstores.ramdisk)).toEqual(['three']);
  });

  test('the end of a script saves what it changed, once', async () => {
    const { shell, client } = testShell();
    const text = '/backstores/ramdisk create a 1M\n';
    expect(await runScript(shell, script(text), { keepGoing: false })).toBe(0);
    expect(client.calls.filter((method) => method === 'save')).toHaveLength(1);
  });

  test('a script that changed nothing, or saved itself, saves nothing at its end', async () => {
    const idle = testShell();
    await runScript(idle.shell, script('ls\n'), { keepGoing: false });
    expect(idle.client.calls).not.toContain('save');
    const saved = testShell();
    const text = '/backstores/ramdisk create a 1M\nsaveconfig\n';
    await runScript(saved.shell, script(text), { keepGoing: false });
    expect(saved.client.calls.filter((method) => method === 'save')).toHaveLength(1);
  });

  test('a backslash joins lines, and the first of them is named', async () => {
    const { shell, client, out } = testShell();
    const text = '/backstores/ramdisk \\\n  create a \\\n  size=1M\n\nfoo \\\nbar\n';
    expect(await runScript(shell, script(text), { keepGoing: false })).toBe(1);
    expect(Object.keys(client.document.backstores.ramdisk)).toEqual(['a']);
    expect(out.errors).toBe('line 5: Command not found foo\n');
  });

  test('exit ends a script', async () => {
    const { shell, client } = testShell();
    const text = 'exit\n/backstores/ramdisk create a 1M\n';
    expect(await runScript(shell, script(text), { keepGoing: false })).toBe(0);
    expect(client.document.backstores.ramdisk).toEqual({});
  });
});

describe('one-shot', () => {
  test('a command succeeds with status 0 and is not saved', async () => {
    const { shell, client, out } = testShell();
    expect(await runOnce(shell, ['/backstores/ramdisk', 'create', 'r', '1M'])).toBe(0);
    expect(out.text).toBe('Created ramdisk r with size 1M.\n');
    expect(client.calls).not.toContain('save');
  });

  test('an error is plain text on stderr, with status 1', async () => {
    const { shell, out } = testShell();
    expect(await runOnce(shell, ['/iscsi', 'create', 'badiqn'])).toBe(1);
    expect(out.errors).toBe('WWN not valid as: iqn, naa, eui\n');
  });

  test('a value with blanks stays one value', async () => {
    const { shell, run, out } = testShell();
    await run(...EXAMPLE);
    const words = [tpg, 'set', 'parameter', 'TargetAlias=My "big" Target'];
    expect(await runOnce(shell, words)).toBe(0);
    expect(out.take()).toBe(`Parameter TargetAlias is now 'My "big" Target'.\n`);
  });

  test('ls is 132 columns wide when stdout is no terminal', async () => {
    const { shell, out } = testShell();
    await runOnce(shell, ['ls']);
    const widths = out.text
      .trimEnd()
      .split('\n')
      .map((line) => line.length);
    expect(new Set(widths)).toEqual(new Set([132]));
  });
});

describe('preferences and history of paths', () => {
  test('preferences outlive the shell; shells side by side keep each other’s', async () => {
    const home = temporaryHome();
    const one = testShell({ home });
    const two = testShell({ home });
    await one.run('set global prompt_length=50');
    await two.run('set global tree_max_depth=2');
    expect(await testShell({ home }).run('get global prompt_length')).toBe('prompt_length=50 \n');
    expect(await testShell({ home }).run('get global tree_max_depth')).toBe('tree_max_depth=2 \n');
  });

  test('cd < stops at the beginning, cd > at the end', async () => {
    const { run } = testShell();
    expect(await run('cd <')).toBe('Reached begining of path history.\n');
    expect(await run('cd iscsi', 'cd <')).toBe('Taking you back to /.\n');
    expect(await run('cd >')).toBe('Taking you back to /iscsi.\n');
    expect(await run('cd >')).toBe('Reached the end of path history.\n');
  });

  test('cd without a path needs a terminal', async () => {
    const { run } = testShell();
    expect(await run('cd')).toContain('Missing required parameter path');
  });
});

describe('what is saved at the end', () => {
  test('a restored configuration is a change, too', async () => {
    const { shell, client, run } = testShell();
    await run('/backstores/ramdisk create a 1M', 'saveconfig /srv/other.yaml');
    await run('/backstores/ramdisk create b 1M', 'saveconfig');
    await run('restoreconfig /srv/other.yaml clear_existing=true');
    expect(shell.unsaved).toBe(true);
    await shell.saveOnExit();
    expect(shell.unsaved).toBe(false);
    expect(client.calls.filter((method) => method === 'save')).toHaveLength(3);
  });

  test('with auto_save_on_exit=false nothing is', async () => {
    const { shell, client, run } = testShell();
    await run('set global auto_save_on_exit=false', '/backstores/ramdisk create a 1M');
    expect(await shell.saveOnExit()).toBe(true);
    expect(client.calls).not.toContain('save');
  });
});
