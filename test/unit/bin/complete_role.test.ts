import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROLE_WORDS, type Options } from '../../../src/bin/args.ts';
import { completions } from '../../../src/bin/complete_role.ts';
import { offlineClient } from '../../../src/bin/offline_client.ts';
import { packagingFile } from '../../../src/bin/packaging.ts';
import { SMALL_DOCUMENT, TARGET_NAME } from '../../fixtures/documents.ts';
import { MemoryClient } from '../../shell/memory_client.ts';

/** What bash has in COMP_WORDBREAKS. */
const BASH = ' \t\n"\'@><=;|&(:';
const ZSH = '';
const TPG = `/iscsi/${TARGET_NAME}/tpg1`;

let home: string;
let asked: Options | undefined;
beforeEach(() => {
  asked = undefined;
  home = mkdtempSync(path.join(tmpdir(), 'lunsmith-complete-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function offered(line: string, breaks = ZSH): Promise<readonly string[]> {
  return completions({ breaks, line }, (options) => {
    asked = options;
    const client = new MemoryClient();
    client.document = SMALL_DOCUMENT;
    return Promise.resolve({ client, home });
  });
}

describe('completion for the system shell', () => {
  test('a name with colons comes back whole for zsh, from the last colon on for bash', async () => {
    expect(await offered('lunsmith /iscsi/iqn.2003')).toEqual([`/iscsi/${TARGET_NAME}/`]);
    const [before, after] = TARGET_NAME.split(':');
    expect(await offered(`lunsmith /iscsi/${before}:`, BASH)).toEqual([`${after}/`]);
    expect(await offered(`lunsmith /iscsi/${before}`, BASH)).toEqual([`/iscsi/${TARGET_NAME}/`]);
    expect(await offered(`lunsmith ${TPG}/portals/0.0.0.0:32`, BASH)).toEqual(['3260 ']);
  });

  test('values behind an equals sign', async () => {
    const line = `lunsmith ${TPG} set attribute authentication=`;
    expect(await offered(line, BASH)).toEqual(['0', '1']);
    expect(await offered(line, ZSH)).toEqual(['authentication=0 ', 'authentication=1 ']);
    expect(await offered(`lunsmith ${TPG} set attribute auth`, BASH)).toEqual(['authentication=']);
  });

  test('options of the program stand before the command and choose the daemon', async () => {
    expect(await offered('lunsmith --so')).toEqual(['--socket ']);
    await offered('lunsmith --socket /x/y.sock --embedded saveco');
    expect(asked).toMatchObject({ socket: '/x/y.sock', embedded: true });
    expect(await offered('lunsmith --socket /x/y.sock saveco')).toEqual(['saveconfig ']);
  });

  test('options of a command, as its parameters', async () => {
    expect(await offered('lunsmith import x --d')).toEqual(['--dry-run ']);
  });

  test('roles of the program, with what follows them', async () => {
    expect(await offered('lunsmith ')).toEqual(
      expect.arrayContaining(ROLE_WORDS.map((word) => `${word} `)),
    );
    expect(await offered('lunsmith completion ')).toEqual(['bash ', 'zsh ']);
    expect(await offered('lunsmith completion bash ')).toEqual([]);
    expect(await offered('lunsmith service install --p')).toEqual(['--print ']);
  });

  test('nothing, and no error, for what cannot be read', async () => {
    for (const line of ['', 'lunsmith', 'lunsmith "', 'lunsmith --nonsense x', 'x /no/such/']) {
      expect(await offered(line)).toEqual([]);
    }
    const failing = () => Promise.reject(new Error('down'));
    expect(await completions({ breaks: '', line: 'lunsmith l' }, failing)).toEqual([]);
  });

  test('without a daemon the tree and its commands are still there', async () => {
    const attach = () => Promise.resolve({ client: offlineClient('/x.yaml'), home });
    expect(await completions({ breaks: '', line: 'lunsmith /backstores/fi' }, attach)).toEqual([
      '/backstores/fileio ',
    ]);
  });
});

describe('the script for bash', () => {
  test('passes line and word ends on, and takes each line as one candidate', () => {
    const stub = path.join(home, 'lunsmith');
    writeFileSync(
      stub,
      '#!/bin/sh\nprintf "%s\\n" "$1" "$2" "$3" "*" "a b" >&2\n' +
        'printf "%s\\n" "[$1|$3]" "*" "a b"\n',
    );
    chmodSync(stub, 0o755);
    const script = `${packagingFile('completion/lunsmith.bash')}
COMP_WORDS=("${stub}" "/iscsi/iqn.x" ":" "y"); COMP_CWORD=3
COMP_LINE="lunsmith /iscsi/iqn.x:y and more"; COMP_POINT=23
_lunsmith
printf '%s\\n' "\${COMPREPLY[@]}"
complete -p lunsmith targetcli`;
    const { stdout, status } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      '[__complete|lunsmith /iscsi/iqn.x:y]',
      '*',
      'a b',
      'complete -o nospace -F _lunsmith lunsmith',
      'complete -o nospace -F _lunsmith targetcli',
      '',
    ]);
  });
});
