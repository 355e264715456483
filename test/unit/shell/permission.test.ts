/** Deleting what sessions use, and secrets that are typed without being shown. */
import { describe, expect, test } from 'vitest';
import type { Dialogs } from '../../../src/shell/builtin.ts';
import { EXAMPLE, SESSION, TARGET, testShell } from './kit.ts';

const TPG = `/iscsi/${TARGET}/tpg1`;
const refuse = () => Promise.reject(new Error('not asked'));

async function withSession(answers: { confirm?: boolean; secrets?: readonly string[] } = {}) {
  const kit = testShell();
  await kit.run(...EXAMPLE);
  kit.client.sessions = [SESSION];
  const asked: string[] = [];
  const secrets = [...(answers.secrets ?? [])];
  const dialogs: Dialogs = {
    pickPath: refuse,
    input: refuse,
    choose: refuse,
    live: refuse,
    confirm: async (message) => {
      asked.push(message);
      return answers.confirm === true;
    },
    secret: async (message) => {
      asked.push(message);
      return secrets.shift() ?? '';
    },
  };
  const withDialogs = answers.confirm !== undefined || answers.secrets !== undefined;
  if (withDialogs) kit.shell.dialogs = dialogs;
  return { ...kit, asked };
}

/** Each takes the disk or the session away from initiators. */
const DANGEROUS = [
  '/backstores/fileio delete disk1',
  `/iscsi delete ${TARGET}`,
  `/iscsi/${TARGET} delete 1`,
  `${TPG}/luns delete 0`,
  `${TPG}/acls delete iqn.1994-05.com.redhat:c1`,
  `${TPG}/acls/iqn.1994-05.com.redhat:c1 delete 0`,
  `${TPG} disable`,
];

describe('what open sessions use', () => {
  test.each(DANGEROUS)('%s needs force in a script', async (line) => {
    const { client, run } = await withSession();
    const before = client.document;
    const said = await run(line);
    expect(said).toContain('Nothing was changed: 1 open session');
    expect(said).toContain('iqn.1994-05.com.redhat:c1 from 192.0.2.7');
    expect(said).toContain('force=true');
    expect(client.document).toBe(before);
    await run(`${line} force=true`);
    expect(client.document).not.toBe(before);
  });

  test.each(DANGEROUS)('%s without sessions is done at once', async (line) => {
    const { client, run } = await withSession();
    client.sessions = [];
    const before = client.document;
    expect(await run(line)).not.toContain('force');
    expect(client.document).not.toBe(before);
  });

  test('a person is asked, and told what goes', async () => {
    const no = await withSession({ confirm: false });
    expect(await no.run(`/iscsi delete ${TARGET}`)).toBe('Nothing was changed\n');
    expect(no.asked).toEqual([
      '1 open session ends (iqn.1994-05.com.redhat:c1 from 192.0.2.7); with it go 1 TPG, 1 LUN, ' +
        '1 node ACL, 1 mapped LUN, 1 portal. Do it?',
    ]);
    expect(no.client.document.iscsi.targets[TARGET]).toBeDefined();
    const yes = await withSession({ confirm: true });
    expect(await yes.run(`/iscsi delete ${TARGET}`)).toContain('Deleted Target');
    expect(yes.client.document.iscsi.targets).toEqual({});
  });

  test.each([
    ['/backstores/fileio delete disk1', '1 LUN, 1 mapped LUN'],
    [`/iscsi delete ${TARGET}`, '1 LUN, 1 node ACL, 1 mapped LUN'],
    [`/iscsi/${TARGET} delete 1`, '1 LUN, 1 node ACL, 1 mapped LUN'],
    [`${TPG}/luns delete 0`, '1 mapped LUN'],
    [`${TPG}/acls delete iqn.1994-05.com.redhat:c1`, '1 mapped LUN'],
  ])('%s asks a person about what hangs below, sessions or not', async (line, hanging) => {
    const { client, run, asked } = await withSession({ confirm: false });
    client.sessions = [];
    const before = client.document;
    expect(await run(line)).toBe('Nothing was changed\n');
    expect(asked).toEqual([`With it go ${hanging}. Do it?`]);
    expect(client.document).toBe(before);
    await run(`${line} force=true`);
    expect(asked).toHaveLength(1);
    expect(client.document).not.toBe(before);
  });

  test('a mapped LUN, with nothing below it, goes without a question', async () => {
    const { client, run, asked } = await withSession({ confirm: false });
    client.sessions = [];
    await run(`${TPG}/acls/iqn.1994-05.com.redhat:c1 delete 0`);
    expect(asked).toEqual([]);
  });

  test('a portal, and what nobody uses, goes without a question', async () => {
    const { run, asked } = await withSession({ confirm: false });
    expect(await run(`${TPG}/portals delete 0.0.0.0 3260`)).toContain('Deleted network portal');
    expect(await run('/backstores/ramdisk delete ram1')).toContain('Deleted storage object');
    expect(asked).toEqual([]);
  });
});

describe('secrets', () => {
  test('without a value they are asked for twice, and leave no trace', async () => {
    const { client, run, asked, out } = await withSession({ secrets: ['s3cret "x', 's3cret "x'] });
    expect(await run(`${TPG} set auth userid=u password`)).toBe(
      "Parameter userid is now 'u'.\nParameter password is now '********'.\n",
    );
    expect(asked).toEqual(['password (not shown)', 'the same again']);
    const { auth } = client.document.iscsi.targets[TARGET]!.tpgs['1']!;
    expect(auth).toEqual({ userid: 'u', password: 's3cret "x' });
    expect(out.text).not.toContain('s3cret');
  });

  test('two that differ change nothing; without a terminal there is nobody to ask', async () => {
    const differ = await withSession({ secrets: ['one', 'two'] });
    expect(await differ.run(`${TPG} set auth password_mutual`)).toContain('not the same');
    expect(differ.client.document.iscsi.targets[TARGET]!.tpgs['1']!.auth).toEqual({});
    const script = await withSession();
    expect(await script.run(`${TPG} set auth password`)).toContain('no terminal to type it in');
    expect(await script.run(`${TPG} set auth userid`)).toContain('expected at most 1');
  });
});
