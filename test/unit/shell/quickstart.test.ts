import { describe, expect, test } from 'vitest';
import { attachGuide } from '../../../src/shell/attach_guide.ts';
import type { Dialogs } from '../../../src/shell/builtin.ts';
import { randomSecret } from '../../../src/shell/quickstart.ts';
import { testShell } from './kit.ts';

const onlyTpg = (client: ReturnType<typeof testShell>['client']) => {
  const [entry] = Object.entries(client.document.iscsi.targets);
  const tpg = entry?.[1].tpgs['1'];
  if (entry === undefined || tpg === undefined) throw new Error('no target');
  return { target: entry[0], tpg };
};

describe('quickstart', () => {
  test('size alone gives a writable demo target, saved, with a warning', async () => {
    const { client, run } = testShell();
    const said = await run('quickstart size=1G');
    const { target, tpg } = onlyTpg(client);
    expect(tpg.enabled).toBe(true);
    expect(tpg.attributes).toMatchObject({
      generate_node_acls: true,
      demo_mode_write_protect: false,
    });
    expect(tpg.portals).toEqual({ '0.0.0.0:3260': { iser: false } });
    expect(tpg.luns).toEqual({ '0': { storage_object: 'fileio/disk1' } });
    expect(client.files.get('/srv/disk1.img')).toEqual({ type: 'file', size: 2 ** 30 });
    expect(said).toContain('Demo mode: every initiator');
    expect(said).toContain('Configuration saved to');
    expect(said).toContain(`iscsiadm -m node -T ${target} -p 192.168.1.139:3260 --login`);
    expect(said).toContain(`Connect-IscsiTarget -NodeAddress ${target}`);
    // One change: all of it or nothing.
    expect(client.calls.filter((method) => method === 'change')).toHaveLength(1);
  });

  test('one initiator gets generated secrets, and mutual ones on demand', async () => {
    const { client, run } = testShell();
    client.files.set('/dev/sdb', { type: 'block', size: 2 ** 30 });
    const initiator = 'iqn.1994-05.com.redhat:c1';
    const said = await run(
      'quickstart path=/dev/sdb name=big address=192.168.1.139 port=3261 ' +
        `initiator=${initiator} mutual=true`,
    );
    const { target, tpg } = onlyTpg(client);
    const acl = tpg.acls[initiator];
    expect(tpg.attributes.authentication).toBe(true);
    expect(tpg.portals).toEqual({ '192.168.1.139:3261': { iser: false } });
    expect(tpg.luns).toEqual({ '0': { storage_object: 'block/big' } });
    expect(acl?.mapped_luns).toEqual({ '0': { lun: 0, write_protect: false } });
    expect(acl?.auth).toMatchObject({ userid: initiator, mutual_userid: target });
    expect(acl?.auth.password).toHaveLength(16);
    expect(acl?.auth.mutual_password).toHaveLength(16);
    expect(acl?.auth.mutual_password).not.toBe(acl?.auth.password);
    expect(said).toContain(`password_in -v ${acl?.auth.mutual_password ?? '?'}`);
    expect(said).toContain('-AuthenticationType MUTUALCHAP');
    expect(said).not.toContain('Demo mode');
  });

  test.each([
    ['quickstart', 'no terminal to ask in'],
    ['quickstart mode=acl size=1G', 'Missing required parameter initiator'],
    ['quickstart mode=demo initiator=iqn.1994-05.com.redhat:c1', 'leave out initiator'],
    ['quickstart path=/srv/none.img', 'does not exist: give size='],
    ['quickstart path=/srv/there.img size=1G', 'exists already: leave out size='],
    ['quickstart size=1G initiator=nonsense', 'WWN not valid'],
    ['quickstart size=1G port=99999', 'out of range 1..65535'],
  ])('%s is refused and changes nothing', async (line, message) => {
    const { client, run } = testShell();
    client.files.set('/srv/there.img', { type: 'file', size: 2 ** 30 });
    const before = client.document;
    expect(await run(line)).toContain(message);
    expect(client.document).toBe(before);
    expect(client.calls).not.toContain('save');
  });

  test('a second one takes the next name', async () => {
    const { client, run } = testShell();
    await run('quickstart size=1M', 'quickstart size=1M port=3261');
    expect(Object.keys(client.document.backstores.fileio)).toEqual(['disk1', 'disk2']);
  });
});

test('secrets are 16 letters and digits, and differ', () => {
  const secrets = Array.from({ length: 50 }, randomSecret);
  for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9]{16}$/);
  expect(new Set(secrets).size).toBe(50);
});

test('an IPv6 address stands in brackets where a port follows', () => {
  const guide = attachGuide({
    target: 'iqn.2024-01.com.example:t',
    address: '2001:db8::1',
    port: 3260,
    initiator: undefined,
    credentials: undefined,
  });
  expect(guide).toContain('-p [2001:db8::1]:3260');
  expect(guide).toContain('-TargetPortalAddress 2001:db8::1 ');
});

/** Answers one question after the other; an answer that is refused is followed by the next. */
function answering(answers: readonly (string | boolean)[]) {
  const left = [...answers];
  const refusals: string[] = [];
  const next = <T>() => left.shift() as T;
  const dialogs: Dialogs = {
    pickPath: () => Promise.reject(new Error('not asked')),
    secret: () => Promise.reject(new Error('not asked')),
    live: () => Promise.reject(new Error('not asked')),
    choose: () => Promise.resolve(next()),
    confirm: () => Promise.resolve(next()),
    input: async (_message, initial, check) => {
      for (;;) {
        const answer = next<string>() || initial;
        const verdict = await check(answer);
        if (verdict === true) return answer;
        refusals.push(verdict);
      }
    },
  };
  return { dialogs, refusals };
}

describe('the dialog of quickstart', () => {
  test('refuses each wrong answer where it is given', async () => {
    const { shell, client } = testShell();
    client.files.set('/srv/there.img', { type: 'file', size: 2 ** 30 });
    const paths = ['/srv', '/srv/there.img', '/none/d.img', ' /srv/d.img '];
    const words = ['10 parsecs', '1G', '999.0.0.1', '192.168.1.139', 'acl', 'foo'];
    const name = 'iqn.1994-05.com.redhat:c1';
    const { dialogs, refusals } = answering(['new', ...paths, ...words, name, true]);
    shell.dialogs = dialogs;
    expect(await shell.runLine('quickstart')).toMatchObject({ ok: true });
    expect(refusals).toEqual([
      '/srv is a folder: give a file in it',
      '/srv/there.img exists already: give another name',
      'There is no folder /none',
      expect.stringContaining('Cannot interpret size'),
      expect.stringContaining('IPv4 or IPv6'),
      expect.stringContaining('WWN not valid'),
    ]);
    expect(client.files.has('/srv/d.img')).toBe(true);
    expect(onlyTpg(client).tpg.acls[name]?.auth.mutual_userid).toBeDefined();
  });

  test('an existing disk must exist', async () => {
    const { shell, client } = testShell();
    client.files.set('/srv/there.img', { type: 'file', size: 2 ** 30 });
    const { dialogs, refusals } = answering([
      ...['existing', '/srv/none.img', '/srv/there.img', '', 'demo'],
    ]);
    shell.dialogs = dialogs;
    expect(await shell.runLine('quickstart')).toMatchObject({ ok: true });
    expect(refusals).toEqual(['/srv/none.img does not exist']);
  });
});
