import { expect, test } from 'vitest';
import { complete } from '../../../src/shell/complete.ts';
import { testShell } from './kit.ts';

test('commands run in order, and an error ends the line', async () => {
  const { client, run } = testShell();
  const said = await run('cd /backstores/ramdisk; create a 1M; create a 1M; create b 1M');
  expect(said).toContain('Created ramdisk a with size 1M.');
  expect(said).toContain('Storage object ramdisk/a exists');
  expect(Object.keys(client.document.backstores.ramdisk)).toEqual(['a']);
});

test('a line that cannot be read runs nothing, whatever stands before', async () => {
  const { client, run } = testShell();
  expect(await run('/backstores/ramdisk create a 1M; ls "x')).toContain('has no closing');
  expect(await run('/backstores/ramdisk create a 1M; ls | grep x')).toContain('no pipes here');
  expect(client.document.backstores.ramdisk).toEqual({});
});

test('exit ends the line', async () => {
  const { shell, out } = testShell();
  expect(await shell.runLine('pwd; exit; pwd')).toEqual({ ok: true, exit: true });
  expect(out.take()).toBe('/\n');
});

test('what stands behind ; completes as a command of its own', async () => {
  const { shell } = testShell();
  const texts = async (line: string) =>
    (await complete(shell, line)).candidates.map(({ text }) => text);
  expect(await texts('ls; pw')).toEqual(['pwd']);
  expect(await texts('ls / 1; ')).toContain('bookmarks');
});

test('quiet: results and errors only', async () => {
  const { shell, run } = testShell();
  shell.console.quiet = true;
  expect(await run('/backstores/ramdisk create a 1M')).toBe('');
  expect(await run('pwd')).toBe('/\n');
  expect(await run('nonesuch')).toContain('Command not found');
});

test('version at a fabric and a storage object', async () => {
  const { run } = testShell();
  await run('/backstores/ramdisk create a 1M');
  expect(await run('/backstores/ramdisk/a version')).toBe('Backstore plugin ramdisk 0.1.0\n');
  expect(await run('/iscsi version')).toContain('Target fabric module iscsi: ');
});
