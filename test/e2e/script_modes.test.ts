/** The program in every way that scripts use it: true exit statuses, and what goes where. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROGRAM } from '../support/lunsmith_process.ts';
import { run } from '../support/programs.ts';

let folder: string;
let env: Record<string, string>;
const lunsmith = (args: readonly string[], input?: string) =>
  run(process.execPath, [PROGRAM, ...args], { env, ...(input !== undefined && { input }) });
const names = async () =>
  (
    JSON.parse((await lunsmith(['ls', '/backstores/ramdisk', '--json'])).stdout) as {
      children: { path: string }[];
    }
  ).children.map(({ path }) => path.replace('/backstores/ramdisk/', ''));

beforeAll(async () => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run npm run build first`);
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-modes-'));
  env = {
    LUNSMITH_CONFIG: join(folder, 'saveconfig.yaml'),
    LUNSMITH_SOCKET: join(folder, 'control.sock'),
    LUNSMITH_HOME: join(folder, 'home'),
    NO_COLOR: '1',
  };
});
afterAll(async () => {
  await lunsmith(['stop']);
  rmSync(folder, { recursive: true, force: true });
});

describe('quiet', () => {
  test('starts the daemon with a warning only, and says nothing of what was done', async () => {
    const made = await lunsmith(['--quiet', '/backstores/ramdisk', 'create', 'first', '1M']);
    expect(made).toMatchObject({ status: 0, stdout: '' });
    expect(made.stderr).toMatch(/^warning: .* does not exist: starting with an empty .*\n$/);
    const set = await lunsmith(['-q', 'set', 'global', 'auto_cd_after_create=false']);
    expect(set).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('still gives the result', async () => {
    expect(await lunsmith(['-q', 'pwd'])).toMatchObject({ status: 0, stdout: '/\n', stderr: '' });
    const { stdout } = await lunsmith(['-q', '/backstores/ramdisk/first', 'info']);
    expect(stdout).toContain('size: 1048576\n');
    const status = await lunsmith(['-q', '/backstores/ramdisk/first', 'status']);
    expect(status.stdout).toBe('Status for /backstores/ramdisk/first: (1.0MiB) deactivated\n');
  });

  test('still warns and fails, on stderr', async () => {
    const tpg = '/iscsi/iqn.2026-01.net.example:q/tpg1';
    const acl = `${tpg}/acls/iqn.2026-01.net.example:client`;
    await lunsmith(['saveconfig']);
    const made = await lunsmith([
      '-q',
      '-c',
      'set global auto_add_default_portal=false ; /iscsi create iqn.2026-01.net.example:q ; ' +
        `${tpg}/luns create /backstores/ramdisk/first ; ` +
        `${tpg}/acls create iqn.2026-01.net.example:client`,
    ]);
    expect(made).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await lunsmith(['-q', acl, 'create', '7', '0'])).toMatchObject({
      status: 0,
      stdout: '',
      stderr: 'Warning: TPG LUN 0 already mapped to this NodeACL\n',
    });
    expect(await lunsmith(['-q', 'nonesuch'])).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('exit statuses', () => {
  test.each([
    ['one command', ['pwd'], 0, /^\/\n$/, /^$/],
    ['one command that fails', ['/nonesuch', 'ls'], 1, /^$/, /^No such path \/nonesuch\n$/],
    ['an unknown option', ['--nonesuch'], 1, /^$/, /Unknown option --nonesuch/],
    ['-c', ['-c', 'pwd; pwd'], 0, /^\/\n\/\n$/, /^$/],
    ['-c that fails', ['-c', 'pwd; nonesuch; pwd'], 1, /^\/\n$/, /^line 1: Command not found/],
    ['-c after a syntax error', ['-c', 'pwd; ls "x'], 1, /^$/, /no closing/],
    ['-e -c', ['-e', '-c', 'nonesuch; pwd'], 1, /^\/\n$/, /Command not found/],
    ['-c and exit', ['-c', 'exit; nonesuch'], 0, /^$/, /^$/],
    ['a script that is not there', ['-f', '/nonesuch/x'], 1, /^$/, /Cannot read the script/],
    ['a choice of both', ['-c', 'ls', '-f', 'x'], 1, /^$/, /Either -c or -f/],
    ['--version', ['--version'], 0, /^lunsmith \d/, /^$/],
    ['--help', ['--help'], 0, /^Usage: /, /^$/],
  ])('%s', async (_what, args, status, stdout, stderr) => {
    const outcome = await lunsmith(args);
    expect(outcome.status).toBe(status);
    expect(outcome.stdout).toMatch(stdout);
    expect(outcome.stderr).toMatch(stderr);
  });

  test('lines on stdin stop at the first error, and go on with --keep-going', async () => {
    const lines = 'pwd\nnonesuch\npwd\n';
    const stopped = await lunsmith([], lines);
    expect(stopped).toMatchObject({ status: 1, stdout: '/\n' });
    expect(stopped.stderr).toBe('line 2: Command not found nonesuch\n');
    const gone = await lunsmith(['--keep-going'], lines);
    expect(gone).toMatchObject({ status: 1, stdout: '/\n/\n' });
    expect((await lunsmith([], 'pwd\n')).status).toBe(0);
    expect((await lunsmith([], '')).status).toBe(0);
  });

  test('a file with a shebang is a program', async () => {
    const bin = join(folder, 'bin');
    rmSync(bin, { recursive: true, force: true });
    const script = join(folder, 'setup');
    writeFileSync(
      join(folder, 'lunsmith'),
      `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`,
    );
    chmodSync(join(folder, 'lunsmith'), 0o755);
    const head = '#!/usr/bin/env -S lunsmith -q -f\n';
    writeFileSync(script, `${head}# a comment\n/backstores/ramdisk create \\\n  shebang 1M\npwd\n`);
    chmodSync(script, 0o755);
    symlinkSync(script, join(folder, 'linked'));
    await lunsmith(['saveconfig']);
    const path = `${folder}:${process.env['PATH'] ?? ''}`;
    // env(1) looks lunsmith up: through a shell, which has the path before it starts the script.
    const outcome = await run('/bin/sh', ['-c', `PATH=${path} ${join(folder, 'linked')}`], { env });
    expect(outcome).toMatchObject({ status: 0, stdout: '/\n', stderr: '' });
    expect(await names()).toContain('shebang');
  });

  test('apply --dry-run tells by status 2 that there is something to do', async () => {
    const file = join(folder, 'wanted.yaml');
    writeFileSync(file, 'version: 1\nbackstores:\n  ramdisk:\n    more: { size: 1MiB }\n');
    expect((await lunsmith(['apply', '-f', file, '--dry-run'])).status).toBe(2);
    expect((await lunsmith(['apply', '-f', file])).status).toBe(0);
    expect((await lunsmith(['apply', '-f', file, '--dry-run'])).status).toBe(0);
  });
});

describe('--timeout', () => {
  test('ends a command with status 124 and says which', async () => {
    // `top` looks for a second.
    const { status, stdout, stderr } = await lunsmith(['--timeout', '0.9', 'top']);
    expect(status).toBe(124);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Timed out after 0\.9 s( in top)?\n$/);
  });

  test('of a script: what was done stands and is not saved, and nothing more begins', async () => {
    const child = spawn(process.execPath, [PROGRAM, '--timeout', '4'], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.write('/backstores/ramdisk create late 1M\n');
    // Never ended: the script waits for its next line.
    const [status] = (await once(child, 'close')) as [number | null];
    expect(status).toBe(124);
    expect(stderr).toMatch(/^Timed out after 4 s in .*create late 1M; what was done before stands/);
    expect(await names()).toContain('late');
    expect((await lunsmith(['diff'])).stdout).toContain('late');
  });

  test('is not noticed by what is in time', async () => {
    expect(await lunsmith(['--timeout=60', 'pwd'])).toMatchObject({ status: 0, stdout: '/\n' });
  });

  test.each(['0', '-1', 'x', '1e9', '99999999'])('refuses %s', async (seconds) => {
    const { status, stderr } = await lunsmith(['--timeout', seconds, 'pwd']);
    expect(status).toBe(1);
    expect(stderr).toContain('seconds above 0');
  });

  test('embedded: the target within the process is stopped in order', async () => {
    const own = { ...env, LUNSMITH_SOCKET: join(folder, 'other.sock') };
    const { status, stderr } = await run(
      process.execPath,
      [PROGRAM, '--embedded', '--config', join(folder, 'other.yaml'), '--timeout', '0.9', 'top'],
      { env: own },
    );
    expect(status).toBe(124);
    expect(stderr).toContain('Timed out after 0.9 s');
    expect(existsSync(join(folder, 'other.sock'))).toBe(false);
  });
});
