/** What scripts read while a transaction is open, and what a mistyped path does. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shell } from '../../../src/shell/shell.ts';
import { MemoryOutput } from '../../shell/memory_output.ts';
import { FakeEngine } from '../../support/fake_engine.ts';
import { storeClient } from '../../support/store_client.ts';

let folder: string;
let run: (...lines: string[]) => Promise<string>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-candidate-'));
  const { client } = await storeClient(join(folder, 'saveconfig.yaml'), new FakeEngine());
  const out = new MemoryOutput();
  const shell = new Shell({ client, home: join(folder, 'home'), out });
  run = async (...lines) => {
    let last = '';
    for (const line of lines) {
      out.take();
      await shell.runLine(line);
      last = out.take();
    }
    return last;
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('inside a transaction', () => {
  test('get --yaml prints the candidate and says that it is one', async () => {
    await run('/backstores/ramdisk create runs 1M', 'begin');
    const text = await run('/backstores/ramdisk create staged 1M', 'get /backstores --yaml');
    expect(text).toMatch(/^# candidate: not committed yet\n/);
    expect(text).toContain('staged:');
    expect(text).toContain('runs:');
    const after = await run('rollback', 'get /backstores --yaml');
    expect(after).not.toContain('candidate');
    expect(after).not.toContain('staged:');
  });

  test('get --json and ls --json print the candidate and say that it is one', async () => {
    await run('begin', '/backstores/ramdisk create staged 1M');
    const got = json(await run('get /backstores/ramdisk --json'));
    expect(got).toMatchObject({ candidate: true, children: ['staged'] });
    const path = '/backstores/ramdisk/staged';
    expect(json(await run(`get ${path} attribute --json`))).toMatchObject({ candidate: true });
    expect(json(await run(`ls ${path} --json`))).toMatchObject({ candidate: true, path });
    await run('commit');
    expect(json(await run('get /backstores/ramdisk --json'))).not.toHaveProperty('candidate');
    expect(json(await run(`ls ${path} --json`))).not.toHaveProperty('candidate');
  });
});

describe('saveconfig', () => {
  test('makes no folder for a mistyped path', async () => {
    const text = await run('saveconfig ' + join(folder, 'typo/x.yaml'));
    const missing = join(folder, 'typo');
    expect(text).toContain(`Not saved to ${missing}/x.yaml: ${missing} does not exist`);
    expect(existsSync(missing)).toBe(false);
    expect(await run('saveconfig ' + join(folder, 'x.yaml'))).toContain('Configuration saved to');
  });
});
