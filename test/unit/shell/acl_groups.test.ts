/** Tagged node ACLs as the shell shows and changes them. */
import { describe, expect, test } from 'vitest';
import { complete } from '../../../src/shell/complete.ts';
import { EXAMPLE, SESSION, TARGET, testShell } from './kit.ts';

const acls = `/iscsi/${TARGET}/tpg1/acls`;
const c1 = 'iqn.1994-05.com.redhat:c1';
const c2 = 'iqn.1994-05.com.redhat:c2';
const GROUP = [
  ...EXAMPLE,
  `${acls} create ${c2}`,
  `${acls} tag ${c1} lab`,
  `${acls} tag ${c2} lab`,
] as const;

describe('a tagged group', () => {
  test('is one node, where a path by name leads too', async () => {
    const { run } = testShell({ columns: 80 });
    await run(...GROUP);
    expect(await run(`${acls} ls`)).toBe(
      'o- acls .............................................................. [ACLs: 1]\n' +
        '  o- lab ........................................ [(group of 2), Mapped LUNs: 1]\n' +
        '    o- mapped_lun0 .................................... [lun0 fileio/disk1 (rw)]\n',
    );
    expect(await run(`cd ${acls}/${c2}`, 'pwd')).toBe(`${acls}/lab\n`);
  });

  test('the shell that stands in an ACL follows it into its group', async () => {
    const { run, shell } = testShell();
    await run(...EXAMPLE, `cd ${acls}/${c1}`, `../ tag ${c1} lab`, 'pwd');
    expect(shell.cwd).toBe(`${acls}/lab`);
    await run(`../ untag ${c1}`, 'ls');
    expect(shell.cwd).toBe(acls);
  });

  test('tells its members to scripts', async () => {
    const { run } = testShell();
    await run(...GROUP);
    expect(JSON.parse(await run(`get ${acls}/lab --json`))).toMatchObject({
      path: `${acls}/lab`,
      kind: 'node_acl',
      members: [c1, c2],
      config: { tag: 'lab', mapped_luns: { 0: { lun: 0, write_protect: false } } },
    });
  });

  test('is dumped with all members, and its mapped LUN once', async () => {
    const { run } = testShell();
    await run(...GROUP);
    const text = await run(`${acls}/lab dump`);
    for (const name of [c1, c2]) {
      expect(text).toContain(`${acls} create wwn=${name} add_mapped_luns=false\n`);
      expect(text).toContain(`${acls} tag wwn_or_tag=${name} new_tag=lab\n`);
    }
    expect((await run(`${acls}/lab/mapped_lun0 dump`)).trimEnd().split('\n')).toHaveLength(1);
  });

  test('joining one that lacks a disk in use asks for force', async () => {
    const { run, client } = testShell();
    const bare = `${acls} create ${c2} add_mapped_luns=false`;
    await run(...EXAMPLE, bare, `${acls} tag ${c2} lab`);
    client.sessions = [SESSION];
    expect(await run(`${acls} tag ${c1} lab`)).toContain('1 open session loses a disk');
    expect(await run(`${acls} tag ${c1} lab force=true`)).toBe(
      'Tagged 1 Node ACL as lab: it has 2 of them now.\n',
    );
  });

  test('names and tags are offered', async () => {
    const { run, shell } = testShell();
    await run(...GROUP);
    const offered = async (line: string) =>
      (await complete(shell, line)).candidates.map(({ text }) => text);
    expect(await offered(`${acls} tag l`)).toEqual(['lab']);
    expect(await offered(`${acls} tag ${c1} l`)).toEqual(['lab']);
    expect(await offered(`${acls} untag iqn`)).toEqual([c1, c2]);
    expect(await offered(`${acls} delete l`)).toEqual(['lab']);
    expect(await offered(`${acls}/l`)).toEqual([`${acls}/lab/`]);
  });
});
