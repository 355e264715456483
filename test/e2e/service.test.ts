/** The program under a service manager: a passed socket, and completion from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROGRAM } from '../support/lunsmith_process.ts';
import { eventually, run } from '../support/programs.ts';
import { lacking, unless } from '../support/unless.ts';

let folder: string;
let socket: string;
let manager: ChildProcess | undefined;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lunsmith-service-'));
  socket = path.join(folder, 'control.sock');
  env = {
    LUNSMITH_CONFIG: path.join(folder, 'saveconfig.yaml'),
    LUNSMITH_SOCKET: socket,
    LUNSMITH_HOME: path.join(folder, 'home'),
  };
});
afterEach(async () => {
  if (manager?.exitCode === null && manager.signalCode === null) {
    const ended = once(manager, 'exit');
    manager.kill('SIGKILL');
    await ended;
  }
  manager = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const lunsmith = (...words: string[]) => run(process.execPath, [PROGRAM, ...words], { env });

describe('socket activation', unless(lacking('systemd-socket-activate')), () => {
  test('the first client starts the daemon; its socket stays when it ends', async () => {
    const names = Object.keys(env).flatMap((name) => ['-E', name]);
    manager = spawn(
      'systemd-socket-activate',
      ['-l', socket, ...names, process.execPath, PROGRAM, 'daemon'],
      { env: { ...process.env, ...env }, stdio: 'ignore' },
    );
    await eventually('the socket is there', () => existsSync(socket));
    const created = await lunsmith('/backstores/ramdisk', 'create', 'r', '1M');
    expect(created).toMatchObject({ status: 0, stderr: '' });
    const offered = await lunsmith('__complete', ':=', 'lunsmith /backstores/ramdisk/r');
    expect(offered.stdout).toBe('/backstores/ramdisk/r/\n');
    // A second daemon must not take the socket of the first.
    const second = await lunsmith('daemon');
    expect(second.status).toBe(1);
    expect(second.stderr).toContain('already running');
    const ended = once(manager, 'exit') as Promise<[number | null]>;
    // systemd-socket-activate has become the daemon: the signal is for it.
    manager.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(existsSync(socket)).toBe(true);
  });
});

describe('files for a system', () => {
  test('service install writes below a folder, or prints what completion prints, too', async () => {
    const root = path.join(folder, 'root');
    const { status, stdout } = await lunsmith('service', 'install', '--root', root);
    expect(status).toBe(0);
    expect(stdout).toContain(`${root}/etc/systemd/system/lunsmith.service\n`);
    const printed = await lunsmith('service', 'install', '--print');
    const script = await lunsmith('completion', 'bash');
    expect(printed.stdout).toContain(script.stdout);
    expect(printed.stdout).toContain(`ExecStart=${process.execPath} ${PROGRAM} daemon`);
  });

  test('schema prints the schema', async () => {
    const { stdout } = await lunsmith('schema');
    expect(JSON.parse(stdout)).toMatchObject({ title: 'Configuration of lunsmith' });
  });
});
