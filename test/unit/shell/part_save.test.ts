/** `saveconfig` at a storage object, and `delete NAME save=true`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shell } from '../../../src/shell/shell.ts';
import { MemoryOutput } from '../../shell/memory_output.ts';
import { FakeEngine } from '../../support/fake_engine.ts';
import { storeClient } from '../../support/store_client.ts';

let folder: string;
let file: string;
let shell: Shell;
let out: MemoryOutput;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-part-'));
  file = join(folder, 'saveconfig.yaml');
  const { client } = await storeClient(file, new FakeEngine());
  out = new MemoryOutput();
  shell = new Shell({ client, home: join(folder, 'home'), out });
  shell.store.setPreferences({ auto_add_default_portal: false });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...lines: readonly string[]): Promise<string> {
  let last = '';
  for (const line of lines) {
    out.take();
    await shell.runLine(line);
    last = out.take();
  }
  return last;
}
const T = 'iqn.2024-01.com.example:t';
const create = (name: string) => `/backstores/ramdisk create ${name} 1M`;
const export_ = (name: string) => `/iscsi/${T}/tpg1/luns create /backstores/ramdisk/${name}`;
const saved = (name = file) => readFileSync(name, 'utf8');

describe('saveconfig at a storage object', () => {
  test('saves it, and leaves everything else as it was saved', async () => {
    await run(create('a'), 'saveconfig', create('b'), create('c'));
    expect(await run('/backstores/ramdisk/b saveconfig')).toBe(
      `Last 1 configs saved in ${folder}/backup.\n` +
        `Storage Object 'ramdisk:b' config saved to ${file}.\n`,
    );
    expect(saved()).toContain('    b:');
    expect(saved()).not.toContain('    c:');
    expect(await run('diff')).toContain('/backstores/ramdisk/c');
    expect(await run('diff')).not.toContain('/backstores/ramdisk/b');
  });

  test('takes along the target that exports it, and what that needs', async () => {
    await run(create('a'), create('b'), create('c'), `/iscsi create ${T}`);
    await run(export_('a'), export_('b'), '/backstores/ramdisk/a saveconfig');
    expect(saved()).toContain('0: backstores/ramdisk/a');
    expect(saved()).toContain('1: backstores/ramdisk/b');
    expect(saved()).toContain('    b:');
    expect(saved()).not.toContain('    c:');
  });

  test('into another file, beside what is there', async () => {
    const other = join(folder, 'other.yaml');
    await run(create('a'), `saveconfig ${other}`, create('b'), create('c'));
    expect(await run(`/backstores/ramdisk/b saveconfig ${other}`)).toBe(
      `Storage Object 'ramdisk:b' config saved to ${other}.\n`,
    );
    expect(saved(other)).toMatch(/ {4}a:[\s\S]* {4}b:/);
    expect(saved(other)).not.toContain('    c:');
  });
});

describe('delete with save=true', () => {
  test('takes it out of the file with its LUNs, and nothing else', async () => {
    await run(create('a'), create('b'), `/iscsi create ${T}`, export_('a'), export_('b'));
    await run('saveconfig', create('c'));
    expect(await run('/backstores/ramdisk delete a save=true')).toBe(
      'Deleted storage object a.\n' +
        `Last 1 configs saved in ${folder}/backup.\n` +
        `Storage Object 'ramdisk:a' removed from ${file}.\n`,
    );
    expect(saved()).not.toContain('ramdisk/a');
    expect(saved()).toContain('1: backstores/ramdisk/b');
    expect(saved()).not.toContain('    c:');
  });

  test('of the last one leaves an empty file', async () => {
    await run(create('a'), 'saveconfig', '/backstores/ramdisk delete a save=true');
    expect(saved()).not.toContain('    a:');
  });

  test('without it the file stays', async () => {
    await run(create('a'), 'saveconfig', '/backstores/ramdisk delete a');
    expect(saved()).toContain('    a:');
  });

  test('cannot be staged, and then nothing is', async () => {
    await run(create('a'), 'saveconfig', 'begin');
    expect(await run('/backstores/ramdisk delete a save=true')).toContain('cannot be staged');
    expect(await run('ls /backstores/ramdisk')).toContain('o- a ');
  });
});
