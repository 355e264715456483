/** What `dump` writes is run against an empty daemon: the document must come out the same. */
import fc from 'fast-check';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EMPTY_DOCUMENT, setIn, type Document } from '../../../src/objects/document.ts';
import { storageObjects } from '../../../src/objects/rules.ts';
import { validate } from '../../../src/objects/validate.ts';
import { documents } from '../../fixtures/arbitrary_documents.ts';
import { INITIATOR_NAME, wwnOf } from '../../fixtures/documents.ts';
import { MemoryClient } from '../../shell/memory_client.ts';
import { EXAMPLE, SESSION, TARGET, temporaryHome, testShell } from './kit.ts';

/** A daemon on whose machine everything is there that the document stands on. */
function machineFor(document: Document): MemoryClient {
  const client = new MemoryClient();
  for (const [, object] of storageObjects(document)) {
    if ('path' in object) client.folders.add(dirname(object.path));
    if ('dev' in object) client.files.set(object.dev, { type: 'block', size: 1024 * 1024 });
  }
  return client;
}

async function dumpOf(document: Document, line = 'dump show_secrets=true'): Promise<string> {
  const { client, run } = testShell();
  client.document = document;
  return run(line);
}

/** Preferences against which a dump must hold. */
const PREFERENCES = [
  'auto_add_default_portal',
  'auto_add_mapped_luns',
  'auto_enable_tpgt',
  'export_backstore_name_as_model',
];

async function replay(
  text: string,
  document: Document,
  preference: boolean,
  home = temporaryHome(),
): Promise<Document> {
  const client = machineFor(document);
  const { shell, out } = testShell({ client, home });
  await shell.runLine(`set global ${PREFERENCES.map((name) => `${name}=${preference}`).join(' ')}`);
  out.take();
  for (const line of text.trimEnd().split('\n')) {
    const { ok } = await shell.runLine(line);
    if (!ok) throw new Error(`${line}\n${out.text}`);
  }
  return client.document;
}

describe('dump', () => {
  test('any document comes back from its commands, whatever the preferences', async () => {
    const home = temporaryHome();
    await fc.assert(
      fc.asyncProperty(documents, fc.boolean(), async (document, preference) => {
        fc.pre(validate(document).issues === undefined);
        const text = await dumpOf(document);
        expect(await replay(text, document, preference, home)).toEqual(document);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test('names and secrets of every kind survive the quoting', async () => {
    const awkward = ['a b', "it's", 'say "x"', 'back\\slash', '#no', 'a=b', '*?', '\'"\\ #=', 'ü'];
    const { document } = awkward.reduce<{ document: Document; n: number }>(
      ({ document: now, n }, secret) => {
        const name = `d${n}${secret.replace(/[\s/]/g, '_')}`;
        const object = { size: 1024 * 1024, nullio: false, wwn: wwnOf(n), attributes: {} };
        const tpg = {
          enabled: true,
          attributes: {},
          parameters: { TargetAlias: secret },
          auth: { userid: secret, password: secret },
          portals: {},
          luns: { '0': { storage_object: `ramdisk/${name}` } },
          acls: {
            [INITIATOR_NAME]: { attributes: {}, auth: { password: secret }, mapped_luns: {} },
          },
        };
        const withDisk = setIn(now, ['backstores', 'ramdisk', name], object);
        const target = ['iscsi', 'targets', `${TARGET}${n}`];
        return { document: setIn(withDisk, target, { tpgs: { '7': tpg } }), n: n + 1 };
      },
      { document: EMPTY_DOCUMENT, n: 1 },
    );
    expect(validate(document).issues).toBeUndefined();
    expect(await replay(await dumpOf(document), document, true)).toEqual(document);
  });

  test('secrets are left out and named, unless they are asked for', async () => {
    const { client, run } = testShell();
    const tpg = `/iscsi/${TARGET}/tpg1`;
    await run(...EXAMPLE, `${tpg} set auth userid=u password=topsecret`);
    const text = await run(`${tpg} dump`);
    expect(text).not.toContain('topsecret');
    expect(text).toContain(`# ${tpg} set auth password=… (left out: show_secrets=true)\n`);
    expect(client.document.iscsi.targets[TARGET]?.tpgs['1']?.auth.password).toBe('topsecret');
  });

  test('a subtree has its own commands only', async () => {
    const { client, run } = testShell();
    await run(...EXAMPLE);
    const tpg = `/iscsi/${TARGET}/tpg1`;
    expect(await run(`${tpg}/luns dump`)).toBe(
      `${tpg}/luns create storage_object=/backstores/fileio/disk1 lun=0 add_mapped_luns=false\n`,
    );
    const alone = await run(`${tpg} dump`);
    expect(alone.split('\n')[0]).toBe(
      `/iscsi/${TARGET} create tag=1 enable=false add_default_portal=false`,
    );
    expect(await run(`/iscsi/${TARGET} dump`)).not.toContain('create tag=1');
    expect(await run('/backstores/block dump')).toBe('# nothing is configured here\n');
    client.sessions = [SESSION];
    expect(await run(`${tpg}/sessions dump`)).toContain('no part of the configuration');
  });
});

describe('the dump of a subtree rebuilds it', () => {
  const tpg = `/iscsi/${TARGET}/tpg1`;
  const c1 = 'iqn.1994-05.com.redhat:c1';
  const setup = [
    ...EXAMPLE,
    `${tpg} set attribute authentication=1 login_timeout=20`,
    `${tpg} set parameter ImmediateData=No`,
    `${tpg}/acls/${c1} set auth userid=u password="a b" mutual_userid=m mutual_password=other`,
    `${tpg}/acls/${c1}/mapped_lun0 set attribute write_protect=1`,
    `${tpg}/acls create ${c1}x`,
    `${tpg}/acls tag ${c1} lab`,
    `${tpg}/acls tag ${c1}x lab`,
    `${tpg}/portals create 192.168.1.139 3261`,
    '/backstores/ramdisk/ram1 set attribute emulate_tpu=0 max_write_same_len=0',
  ];

  test.each([
    [`/iscsi/${TARGET}`, `/iscsi delete ${TARGET}`],
    [tpg, `/iscsi/${TARGET} delete 1`],
    [`${tpg}/acls/lab`, `${tpg}/acls delete lab`],
    [`${tpg}/acls/lab/mapped_lun0`, `${tpg}/acls/lab delete 0`],
    [`${tpg}/portals/192.168.1.139:3261`, `${tpg}/portals delete 192.168.1.139 3261`],
    ['/backstores/ramdisk/ram1', '/backstores/ramdisk delete ram1'],
  ])('%s', async (path, remove) => {
    const { client, run, shell } = testShell();
    await run(...setup);
    const whole = client.document;
    const lines = (await run(`${path} dump show_secrets=true`)).trimEnd().split('\n');
    await run(remove);
    expect(client.document).not.toEqual(whole);
    for (const line of lines) expect(await shell.runLine(line)).toMatchObject({ ok: true });
    expect(client.document).toEqual(whole);
  });
});

describe('find and tree', () => {
  test('find names the nodes by name, summary or value, secrets never', async () => {
    const { run } = testShell();
    const tpg = `/iscsi/${TARGET}/tpg1`;
    await run(...EXAMPLE, `${tpg} set auth userid=scanner password=hidden123`);
    expect(await run('find DISK1')).toBe(
      '/backstores/fileio/disk1 [/srv/disk1.img (8.0MiB) write-back activated]\n' +
        `${tpg}/acls/iqn.1994-05.com.redhat:c1/mapped_lun0 [lun0 fileio/disk1 (rw)]\n` +
        `${tpg}/luns/lun0 [fileio/disk1 (/srv/disk1.img) (default_tg_pt_gp)]\n`,
    );
    expect(await run('find SCANNER')).toBe(`${tpg} auth userid=scanner\n`);
    expect(await run('find hidden123')).toContain('Nothing below / holds hidden123');
    expect(await run('/backstores find lun0')).toContain('Nothing below /backstores');
    // The name of a value that every group has is no find; the state of one is.
    expect(await run('/backstores find standby')).toContain('Nothing below /backstores');
    const alua = '/backstores/fileio/disk1/alua';
    await run(`${alua} create b 1`, `${alua}/b set alua alua_access_state=standby`);
    expect(await run('find standby')).toBe(`${alua}/b [ALUA state: Standby]\n`);
  });

  test('tree shows so many levels', async () => {
    const { run } = testShell({ columns: 60 });
    expect((await run('tree 1')).trimEnd().split('\n')).toHaveLength(3);
    expect(await run('tree depth=2')).toContain('  | o- block');
    expect(await run('tree depth=2')).toBe(await run('ls / 2'));
  });
});
