import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn } from '../../../src/objects/document.ts';
import { runOnce, runScript } from '../../../src/shell/session.ts';
import { Shell } from '../../../src/shell/shell.ts';
import { Readable } from 'node:stream';
import { MemoryOutput } from '../../shell/memory_output.ts';
import { FakeEngine } from '../../support/fake_engine.ts';
import { storeClient, type StoreClient } from '../../support/store_client.ts';

let folder: string;
let file: string;
let engine: FakeEngine;
let daemon: StoreClient;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-transactions-'));
  file = join(folder, 'saveconfig.yaml');
  engine = new FakeEngine();
  daemon = await storeClient(file, engine);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let homes = 0;
function open(client = daemon.client) {
  const out = new MemoryOutput();
  homes += 1;
  const shell = new Shell({ client, home: join(folder, `home${homes}`), out });
  shell.store.setPreferences({ export_backstore_name_as_model: false });
  const run = async (...lines: readonly string[]) => {
    let last = '';
    for (const line of lines) {
      out.take();
      await shell.runLine(line);
      last = out.take();
    }
    return last;
  };
  return { shell, out, run };
}
/** As a daemon that was killed starts again. */
const restart = async () => (daemon = await storeClient(file, (engine = new FakeEngine())));
const ramdisks = () => Object.keys(daemon.store.current.document.backstores.ramdisk).sort();
const create = (name: string) => `/backstores/ramdisk create ${name} 1M`;

describe('a transaction', () => {
  test('stages commands that see each other, and commits them as one change', async () => {
    const { run, shell } = open();
    await run('begin', create('a'), '/iscsi create iqn.2024-01.com.example:t');
    expect(await run('ls /backstores/ramdisk')).toContain('o- a ');
    expect(ramdisks()).toEqual([]);
    const planned = (await run('diff')).split('\n');
    expect(planned.slice(0, 2)).toEqual([
      '+ create /backstores/ramdisk/a (1.0MiB)',
      '+ create /iscsi/iqn.2024-01.com.example:t',
    ]);
    const said = await run('commit');
    expect(said).toContain('+ create /backstores/ramdisk/a (1.0MiB)');
    expect(said).toContain('Committed as revision 2.');
    expect(ramdisks()).toEqual(['a']);
    expect(engine.plans).toHaveLength(1);
    expect(shell.mirror.candidate).toBeUndefined();
    expect(await run('commit')).toContain('No transaction is open');
  });

  test.each(['commit', 'commit --json'])(
    '%s with problems is done, and has failed',
    async (line) => {
      const { run, shell, out } = open();
      await run('begin');
      const { candidate } = shell.mirror;
      const disk = { size: 2 ** 20, nullio: false, wwn: 'w1', attributes: {} };
      const wanted = setIn(EMPTY_DOCUMENT, ['backstores', 'ramdisk', 'a'], disk);
      candidate?.stage(wanted, { tolerant: true }, 'import');
      engine.degraded = ['ramdisk/a: no memory'];
      out.take();
      const { ok } = await shell.runLine(line);
      expect(ok).toBe(false);
      expect(ramdisks()).toEqual(['a']);
      const told = 'Committed, 1 recoverable errors:\nramdisk/a: no memory';
      expect(out.errors).toContain(told);
      const text = out.take();
      const json = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
      if (line.endsWith('--json')) {
        expect(JSON.parse(json)).toMatchObject({ applied: true, problems: engine.degraded });
      }
    },
  );

  test('commit check changes nothing, rollback forgets', async () => {
    const { run } = open();
    expect(await run('begin', create('a'), 'commit check')).toContain('+ create');
    expect(await run('rollback')).toContain('Discarded 1 staged command.');
    expect(engine.plans).toEqual([]);
    expect(await run('ls /backstores/ramdisk')).not.toContain('o- a ');
  });

  test('undo and redo move within what is staged', async () => {
    const { run } = open();
    await run('begin', create('a'), create('b'), create('c'));
    expect(await run('undo 2')).toBe(`Undone: ${create('c')}\nUndone: ${create('b')}\n`);
    expect(await run('redo')).toBe(`Redone: ${create('b')}\n`);
    await run('commit');
    expect(ramdisks()).toEqual(['a', 'b']);
  });

  test('is rebased on what others committed meanwhile', async () => {
    const { run } = open();
    const other = open();
    await run('begin', create('mine'));
    await other.run(create('theirs'));
    expect(await run('commit')).toContain('Committed as revision 3.');
    expect(ramdisks()).toEqual(['mine', 'theirs']);
  });

  test('is refused with both sides shown where others changed the same thing', async () => {
    const { run, shell } = open();
    const other = open();
    const iscsi = '/iscsi set discovery_auth';
    await run('begin', `${iscsi} userid=mine password=aaaaaaaaaaaa`);
    await other.run(`${iscsi} userid=theirs password=bbbbbbbbbbbb`);
    const said = await run('commit');
    expect(said).toContain('iscsi discovery_auth userid: staged here "mine", running now "theirs"');
    expect(said).toContain('password: staged here ********, running now ********');
    expect(said).not.toMatch(/aaaa|bbbb/);
    expect(shell.mirror.candidate).toBeDefined();
    expect(daemon.store.current.document.iscsi.discovery_auth.userid).toBe('theirs');
  });

  test('that the engine refuses stays open, and nothing has changed', async () => {
    const { run, shell } = open();
    await run('begin', create('a'), create('b'));
    engine.refuse = 'no memory';
    expect(await run('commit')).toContain(
      'no memory (refused: + create /backstores/ramdisk/a (1.0MiB); nothing was changed)',
    );
    expect(ramdisks()).toEqual([]);
    expect(shell.mirror.candidate?.count).toBe(2);
  });

  test('begins by itself with auto_commit=false, and holds exit back', async () => {
    const { run, shell } = open();
    expect(await run('set global auto_commit=false', create('a'))).toContain('staged');
    expect(ramdisks()).toEqual([]);
    expect(await run('exit')).toContain('commit or rollback first');
    expect(shell.mayEnd()).toBe(false);
    expect(shell.mayEnd()).toBe(true);
  });

  test('one command of the system shell commits whatever auto_commit says', async () => {
    const { shell, run } = open();
    await run('set global auto_commit=false');
    expect(await runOnce(shell, ['/backstores/ramdisk', 'create', 'a', '1M'])).toBe(0);
    expect(ramdisks()).toEqual(['a']);
  });

  test('a script that ends within one has failed', async () => {
    const { shell, out } = open();
    const lines = Readable.from([`begin\n${create('a')}\n`]);
    expect(await runScript(shell, lines, { keepGoing: false })).toBe(1);
    expect(out.take()).toContain('Staged changes were not committed');
    expect(ramdisks()).toEqual([]);
  });
});

describe('undo across commits', () => {
  test('takes back and brings back, and a new change ends the redo', async () => {
    const { run } = open();
    await run(create('a'), create('b'), create('c'));
    expect(await run('undo 2')).toMatch(/Undone: .* create c 1M .*\nUndone: .* create b 1M/);
    expect(ramdisks()).toEqual(['a']);
    await run('redo');
    expect(ramdisks()).toEqual(['a', 'b']);
    await run(create('d'));
    expect(await run('redo')).toContain('Nothing to redo');
    await run('undo 3');
    expect(ramdisks()).toEqual([]);
    expect(await run('undo')).toContain('Nothing to undo');
  });

  test('more than there is, or what the engine refuses, changes nothing', async () => {
    const { run } = open();
    await run(create('a'));
    expect(await run('undo 2')).toContain('Only 1 commits can be undone, not 2');
    engine.refuse = 'busy';
    expect(await run('undo')).toContain('busy');
    expect(ramdisks()).toEqual(['a']);
    await run('undo');
    expect(ramdisks()).toEqual([]);
  });

  test('works after a restart, and the history tells who and what, without secrets', async () => {
    const { run } = open();
    await run(
      create('a'),
      '/iscsi set discovery_auth userid=u password=topsecret123',
      'saveconfig',
    );
    await restart();
    const again = open();
    const told = await again.run('history');
    expect(told).toMatch(/ +2 {2}\d{4}-\d\d-\d\d .* shell \d+ {2}.*create a 1M/);
    expect(told).toContain('password=…');
    expect(told).not.toContain('topsecret');
    await again.run('undo 2');
    expect(ramdisks()).toEqual([]);
  });
});

describe('after a crash', () => {
  test('the start restores what was saved and tells of what was not; last brings it', async () => {
    const first = open();
    await first.run(create('a'), 'saveconfig', create('b'));
    await restart();
    expect(ramdisks()).toEqual(['a']);
    expect(daemon.report.lost).toBeDefined();
    const { run } = open();
    expect(await run('status')).toContain('restoreconfig last=true brings them back');
    expect(await run('diff last=true')).toBe('+ create /backstores/ramdisk/b (1.0MiB)\n');
    expect(await run('restoreconfig last=true')).toContain('Configuration restored');
    expect(ramdisks()).toEqual(['a', 'b']);
    expect(await run('status')).not.toContain('last run');
    expect(await run('status')).toContain('unsaved changes');
    expect(await run('saveconfig', 'status')).not.toContain('unsaved');
  });

  test('a torn line is not taken for a commit; a damaged journal is set aside', async () => {
    await open().run(create('a'), create('b'));
    const journal = `${file}.journal`;
    const text = readFileSync(journal, 'utf8');
    writeFileSync(journal, text.slice(0, -10));
    await restart();
    await open().run('restoreconfig last=true');
    expect(ramdisks()).toEqual(['a']);
    writeFileSync(journal, 'x'.repeat(100));
    await restart();
    expect(daemon.log.map(({ message }) => message).join()).toContain('journal is damaged');
    expect(readFileSync(`${journal}.damaged`, 'utf8')).toBe('x'.repeat(100));
    await open().run(create('c'));
    await restart();
    expect(daemon.report.lost).toBeDefined();
  });
});

describe('saving', () => {
  test('says what differs, and an empty configuration needs force', async () => {
    const { run } = open();
    expect(await run(create('a'), 'saveconfig')).toContain('+ create /backstores/ramdisk/a');
    await run('clearconfig confirm=true');
    expect(await run('saveconfig')).toContain('force=true');
    expect(readFileSync(file, 'utf8')).toContain('a:');
    expect(await run('saveconfig force=true')).toContain('- delete /backstores/ramdisk/a');
    expect(readFileSync(file, 'utf8')).not.toContain('a:');
  });

  test('at exit saves only what this shell changed', async () => {
    const mine = open();
    const theirs = open();
    await theirs.run(create('theirs'));
    await mine.run(create('mine'));
    expect(await mine.shell.saveOnExit()).toBe(true);
    expect(mine.out.take()).toContain('still unsaved');
    expect(readFileSync(file, 'utf8')).toContain('mine:');
    expect(readFileSync(file, 'utf8')).not.toContain('theirs:');
    await theirs.shell.saveOnExit();
    expect(readFileSync(file, 'utf8')).toContain('theirs:');
  });

  test('at exit saves all where both belong together', async () => {
    const theirs = open();
    const mine = open();
    const target = '/iscsi/iqn.2024-01.com.example:t';
    await theirs.run(create('disk'), `/iscsi create ${target.slice(7)}`);
    await mine.run(`${target}/tpg1/luns create /backstores/ramdisk/disk`);
    await mine.shell.saveOnExit();
    expect(mine.out.take()).toContain('could not be told apart');
    expect(readFileSync(file, 'utf8')).toContain('backstores/ramdisk/disk');
  });

  test('backups are listed, compared and restored by number', async () => {
    const { run } = open();
    await run(create('a'), 'saveconfig', create('b'), 'saveconfig', create('c'), 'saveconfig');
    expect((await run('saveconfig list')).split('\n')).toHaveLength(3);
    expect(await run('diff backup=2')).toBe(
      '- delete /backstores/ramdisk/b (its data is lost)\n' +
        '- delete /backstores/ramdisk/c (its data is lost)\n',
    );
    await run('restoreconfig backup=2');
    expect(ramdisks()).toEqual(['a']);
    expect(await run('restoreconfig backup=7')).toContain('there are 1 to 2');
  });
});

describe('restoreconfig', () => {
  const target = 'iqn.2024-01.com.example:t';
  const other = join('/', 'iscsi', target);
  const prepared = async () => {
    const one = open();
    await one.run(create('a'), create('b'), `/iscsi create ${target}`);
    await one.run(`${other}/tpg1/luns create /backstores/ramdisk/a`, 'saveconfig');
    return one;
  };

  test('target= brings its storage objects and nothing else', async () => {
    const { run } = await prepared();
    await run('clearconfig confirm=true', `restoreconfig target=${target}`);
    expect(ramdisks()).toEqual(['a']);
    expect(Object.keys(daemon.store.current.document.iscsi.targets)).toEqual([target]);
  });

  test('storage_object= brings one; clear_existing=false is false; a dry run is dry', async () => {
    const { run } = await prepared();
    await run('clearconfig confirm=true');
    expect(await run('restoreconfig storage_object=b --dry-run')).toBe(
      '+ create /backstores/ramdisk/b (1.0MiB)\n',
    );
    expect(ramdisks()).toEqual([]);
    await run(create('other'), 'restoreconfig storage_object=b clear_existing=false');
    expect(ramdisks()).toEqual(['b', 'other']);
    expect(await run('restoreconfig storage_object=none')).toContain('no storage object none');
  });
});

describe('apply', () => {
  const yaml = () => join(folder, 'wanted.yaml');
  const write = (...lines: readonly string[]) =>
    writeFileSync(yaml(), ['version: 1', ...lines, ''].join('\n'));
  const WWN = '11111111-2222-4333-8444-555555555555';

  test('adds what the file names, keeps the rest, and does nothing the second time', async () => {
    const { run } = open();
    await run(create('kept'));
    write('backstores:', '  ramdisk:', '    new: { size: 1MiB }');
    expect(await run(`apply -f ${yaml()}`)).toBe(
      '+ create /backstores/ramdisk/new (1.0MiB)\nApplied 1 change.\n',
    );
    expect(ramdisks()).toEqual(['kept', 'new']);
    expect(await run(`apply -f ${yaml()}`)).toBe('no changes\n');
    expect(engine.plans).toHaveLength(2);
  });

  test('--prune removes what the file does not name', async () => {
    const { run } = open();
    await run(create('gone'));
    write('backstores:', '  ramdisk:', `    new: { size: 1MiB, wwn: "${WWN}" }`);
    await run(`apply -f ${yaml()} --prune`);
    expect(ramdisks()).toEqual(['new']);
  });

  test('a wwn that the file leaves out stays, whatever it is', async () => {
    const { run } = open();
    await run(`/backstores/ramdisk create a 1M wwn=${WWN}`);
    write('backstores:', '  ramdisk:', '    a: { size: 1MiB }');
    for (const prune of ['', '--prune']) {
      expect(await run(`apply -f ${yaml()} ${prune}`)).toBe('no changes\n');
    }
  });

  test('a value that the file gives its default is set back to it', async () => {
    const { run } = open();
    const target = 'iqn.2024-01.com.example:t';
    await run(`/iscsi create ${target}`, `/iscsi/${target}/tpg1 set attribute authentication=1`);
    write(
      'iscsi:',
      '  targets:',
      `    ${target}:`,
      '      tpgs:',
      '        1:',
      '          attributes: { authentication: false }',
    );
    expect(await run(`apply -f ${yaml()}`)).toContain(
      `~ change /iscsi/${target}/tpg1 authentication: 1 -> 0 (takes effect at next login)`,
    );
    expect(await run(`apply -f ${yaml()}`)).toBe('no changes\n');
  });

  test('a dry run shows the plan, ends with 2, and does nothing; JSON for scripts', async () => {
    const { shell, out } = open();
    write('backstores:', '  ramdisk:', '    new: { size: 1MiB }');
    expect(await runOnce(shell, ['apply', '-f', yaml(), '--dry-run', '--json'])).toBe(2);
    expect(JSON.parse(out.take())).toMatchObject({
      dryRun: true,
      applied: false,
      changes: [{ action: 'create', path: '/backstores/ramdisk/new' }],
    });
    expect(engine.plans).toEqual([]);
    const once = open();
    expect(await runOnce(once.shell, ['apply', '-f', yaml(), '--yes'])).toBe(0);
    const again = open();
    expect(await runOnce(again.shell, ['apply', '-f', yaml(), '--dry-run'])).toBe(0);
    expect(again.out.take()).toBe('no changes\n');
  });

  test('every mistake of the file is told at once, with its line', async () => {
    write(
      'backstores:',
      '  ramdisk:',
      '    a: { size: big }',
      '    a: { size: 1MiB, nullioo: true }',
      'iscsi:',
      '  targets:',
      '    iqn.2024-01.com.example:t:',
      '      tpgs:',
      '        1: { attributes: { login_timeout: 99 }, luns: { 0: backstores/ramdisk/b } }',
    );
    const said = await open().run(`apply -f ${yaml()}`);
    expect(said).toContain('wanted.yaml:5:5: duplicate key "a"');
    expect(said).toContain('wanted.yaml:5:22: unknown key "nullioo"; did you mean nullio?');
    expect(said).toMatch(/wanted\.yaml:10:\d+: login_timeout: out of range 5\.\.30/);
    expect(said).toMatch(/wanted\.yaml:10:\d+: no storage object "ramdisk\/b"/);
    expect(said).toContain('10 |         1: { attributes');
    expect(engine.plans).toEqual([]);
  });

  test('makes the missing file of a new fileio object', async () => {
    write('backstores:', '  fileio:', '    d: { path: /srv/d.img, size: 1MiB }');
    const said = await open().run(`apply -f ${yaml()}`);
    expect(said).toContain('+ create file /srv/d.img (sparse)');
    expect([...engine.files]).toEqual(['/srv/d.img']);
  });

  test('what get --yaml prints can be applied', async () => {
    const { run } = open();
    const target = 'iqn.2024-01.com.example:t';
    await run(create('a'), `/iscsi create ${target}`);
    await run(`/iscsi/${target}/tpg1 set auth userid=u password=verysecret123`);
    await run(`/iscsi/${target}/tpg1/luns create /backstores/ramdisk/a`);
    const text = await run(`get /iscsi/${target} --yaml`);
    expect(text).not.toContain('verysecret');
    writeFileSync(yaml(), text);
    expect(await run(`apply -f ${yaml()}`)).toBe('no changes\n');
  });
});

describe('JSON for scripts', () => {
  test('get, ls and sessions', async () => {
    const { run } = open();
    const target = 'iqn.2024-01.com.example:t';
    await run(`/iscsi create ${target}`);
    await run(`/iscsi/${target}/tpg1 set auth userid=u password=verysecret123`);
    const auth = { userid: 'u', password: '********' };
    expect(JSON.parse(await run(`get /iscsi/${target}/tpg1 --json`))).toMatchObject({
      path: `/iscsi/${target}/tpg1`,
      kind: 'tpg',
      groups: { auth, attribute: { login_timeout: 15 } },
      config: { enabled: true, auth },
      children: ['acls', 'luns', 'portals'],
    });
    const shown = await run(`get /iscsi/${target}/tpg1 auth --json --show-secrets`);
    expect(JSON.parse(shown)).toEqual({
      path: `/iscsi/${target}/tpg1`,
      group: 'auth',
      values: expect.objectContaining({ password: 'verysecret123' }) as unknown,
    });
    expect(JSON.parse(await run('ls / depth=1 --json'))).toMatchObject({
      path: '/',
      children: [{ path: '/backstores', children: [] }, { path: '/iscsi' }],
    });
    expect(JSON.parse(await run('sessions --json'))).toEqual({ sessions: [] });
  });
});
