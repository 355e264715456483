/** `--json` on every command that shows something: the shapes of docs/JSON.md. */
import { describe, expect, test } from 'vitest';
import { infoJson } from '../../../src/shell/machine_form.ts';
import { EXAMPLE, SESSION, TARGET, testShell } from './kit.ts';

const tpg = `/iscsi/${TARGET}/tpg1`;
const c1 = 'iqn.1994-05.com.redhat:c1';

async function answer(line: string): Promise<unknown> {
  const { client, run } = testShell();
  await run(...EXAMPLE);
  client.sessions = [SESSION];
  return JSON.parse(await run(line));
}

describe('--json', () => {
  test.each([
    ['pwd --json', { path: '/' }],
    ['bookmarks show --json', { bookmarks: { last: `${tpg}/acls/${c1}` } }],
    [`${tpg} status --json`, { path: tpg, kind: 'tpg', summary: 'no-gen-acls, no-auth' }],
    ['status json=true', { path: '/', kind: 'root', notices: [] }],
    [`${tpg} info --json`, { path: tpg, kind: 'tpg', info: { enable: 'True', tag: '1' } }],
    [`${tpg}/acls/${c1} info --json`, { kind: 'node_acl', info: { wwns: [c1] } }],
    ['version --json', { program: 'lunsmith', version: '0.1.0' }],
    ['/backstores/fileio/disk1 version --json', { text: 'Backstore plugin fileio 0.1.0' }],
    ['tree 1 --json', { path: '/', children: [{ path: '/backstores' }, { path: '/iscsi' }] }],
    [
      'find disk1 --json',
      { text: 'disk1', more: 0, matches: { 0: { path: '/backstores/fileio/disk1' } } },
    ],
    [`${tpg}/luns dump --json`, { path: `${tpg}/luns`, commands: { length: 1 } }],
    [
      `why ${c1} lun=0 --json`,
      { initiator: c1, more: 0, explanations: { 0: { path: tpg, findings: { 0: { ok: true } } } } },
    ],
    ['saveconfig list --json', { folder: '/etc/lunsmith/backup', backups: [] }],
    ['help --json', { path: '/', commands: expect.arrayContaining(['pwd [json]']) as unknown }],
    [
      'help pwd --json',
      { path: '/', topic: 'pwd', text: expect.stringMatching(/SYNTAX/) as unknown },
    ],
    ['history --json', []],
    ['diff --json', []],
  ])('%s', async (line, expected) => {
    expect(await answer(line)).toMatchObject(expected);
  });

  test('top: rates of one second', async () => {
    expect(await answer('top --json')).toMatchObject({
      seconds: expect.closeTo(1, 0) as unknown,
      storageObjects: [{ name: 'fileio/disk1', iops: 0 }, { name: 'ramdisk/ram1' }],
      sessions: [{ name: `3 ${c1} 192.0.2.7`, latencyMs: 0, queued: 0 }],
    });
  });

  test('is not taken where there is nothing to show', async () => {
    const { run } = testShell();
    expect(await run('saveconfig --json')).toContain('json=true is for saveconfig list');
    expect(await run('restoreconfig --json')).toContain('json needs dry_run');
    expect(await run('refresh --json')).toContain('Unknown option --json');
  });

  test('of several nodes: one value each, nothing between', async () => {
    const { run } = testShell();
    await run(...EXAMPLE);
    const text = await run('/backstores/* status --json');
    expect(text).not.toContain('[/backstores');
    expect(text.match(/^\{$/gm)).toHaveLength(3);
  });
});

test('lines of info as values, those without a key as a list', () => {
  expect(infoJson(['a: 1', 'portal: [::]:3260', 'wwns:', c1, 'x', 'empty: '])).toEqual({
    a: '1',
    portal: '[::]:3260',
    wwns: [c1, 'x'],
    empty: '',
  });
});
