import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shell } from '../../../src/shell/shell.ts';
import { MemoryClient } from '../../shell/memory_client.ts';
import { MemoryOutput } from '../../shell/memory_output.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/import');
const IQN = 'iqn.2024-01.com.example:chap';

let folder: string;
let client: MemoryClient;
let out: MemoryOutput;
let shell: Shell;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lunsmith-import-'));
  client = new MemoryClient();
  client.files.set('/srv/disk1.img', { type: 'file', size: 16_777_216 });
  out = new MemoryOutput({ columns: 80 });
  shell = new Shell({ client, home: path.join(folder, 'home'), out });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...words: string[]): Promise<{ ok: boolean; text: string }> {
  const { ok } = await shell.runWords(words);
  return { ok, text: out.take() };
}
const chap = path.join(FIXTURES, 'lio_json/chap.json');

describe('import', () => {
  test('adds what the file holds and shows, line by line, what it cannot take', async () => {
    const { ok, text } = await run('import', chap);
    expect(text).toContain('storage object fileio/disk1 (/srv/disk1.img, 16.0MiB)');
    expect(text).toContain(`target ${IQN} tpg1: 1 LUN, 2 ACLs, 1 portal, CHAP`);
    expect(text).toMatch(/chap\.json:\d+: emulate_3pc=1 of fileio\/disk1: .*EXTENDED COPY/);
    expect(text).not.toMatch(/password\d|tpgpassword/);
    expect(ok).toBe(true);
    expect(client.document.iscsi.targets[IQN]?.tpgs['1']?.auth.userid).toBe('tpguser');
  });

  test('--dry-run shows the same and changes nothing', async () => {
    const { ok, text } = await run('import', chap, '--from', 'lio-json', '--dry-run');
    expect(text).toContain('Carried over:');
    expect(text).toContain('Dry run: nothing is changed.');
    expect(ok).toBe(true);
    expect(client.revision).toBe(1);
  });

  test('what exists already is named, all at once, and nothing is replaced', async () => {
    await run('import', chap);
    const { ok, text } = await run('import', chap);
    expect(ok).toBe(false);
    expect(text).toContain(`storage object fileio/disk1, target ${IQN}`);
    expect(client.revision).toBe(2);
  });

  test('a file that is not here is awaited, refused, skipped or made, as asked', async () => {
    client.files.clear();
    const refused = await run('import', chap, 'missing=refuse');
    expect(refused.ok).toBe(false);
    expect(refused.text).toContain('fileio/disk1: /srv/disk1.img does not exist here');
    expect(client.revision).toBe(1);
    const skipped = await run('import', chap, 'missing=skip');
    expect(skipped.ok).toBe(true);
    expect(client.document.backstores.fileio).toEqual({});
    expect(client.document.iscsi.targets[IQN]?.tpgs['1']).toMatchObject({ luns: {} });
    client = new MemoryClient();
    shell = new Shell({ client, home: path.join(folder, 'home'), out });
    const kept = await run('import', chap);
    expect(kept.text).toContain('fileio/disk1 (/srv/disk1.img): is served once it is there');
    expect(client.document.backstores.fileio).toHaveProperty('disk1');
    client = new MemoryClient();
    shell = new Shell({ client, home: path.join(folder, 'home'), out });
    const made = await run('import', chap, '--missing', 'create');
    expect(made.ok).toBe(true);
    expect(client.files.get('/srv/disk1.img')).toMatchObject({ size: 16_777_216 });
  });

  test('istgt: auth.conf is found beside the file when it is nowhere else', async () => {
    const { text } = await run('import', path.join(FIXTURES, 'istgt/istgt.conf'), '--dry-run');
    expect(text).not.toContain('AuthFile');
  });

  test('an unknown format, a file of our own and none at all say what to do', async () => {
    const odd = path.join(folder, 'odd');
    writeFileSync(odd, 'hello\n');
    expect((await run('import', odd)).text).toContain('give from=');
    writeFileSync(odd, 'version: 1\n');
    expect((await run('import', odd)).text).toContain('use restoreconfig');
    writeFileSync(odd, Buffer.from([0xff, 0xfe, 0x00]));
    expect((await run('import', odd)).text).toContain('not UTF-8');
    expect((await run('import', `${odd}.x`)).text).toContain('not found');
    expect((await run('import', odd, '--dryrun')).text).toContain('did you mean --dry-run?');
  });
});

describe('export', () => {
  test('prints, or writes a new file of mode 0600 that imports again', async () => {
    await run('import', chap);
    const printed = await run('export', '--to', 'lio-json');
    const file = path.join(folder, 'saveconfig.json');
    expect((await run('export', '--to', 'lio-json', file)).ok).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(printed.text);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await run('export', file)).text).toContain('force=true');
    expect((await run('export', file, '--force')).ok).toBe(true);
    const before = client.document;
    client = new MemoryClient();
    client.files.set('/srv/disk1.img', { type: 'file', size: 16_777_216 });
    shell = new Shell({ client, home: path.join(folder, 'home'), out });
    expect((await run('import', file)).text).not.toContain('Not carried over');
    expect(client.document).toEqual(before);
  });
});
