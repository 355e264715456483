/** The built program's life: starting, attaching, stopping, dying, and what stays on disk. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectControl } from '../../src/control/client.ts';
import type { ControlClient } from '../../src/control/protocol.ts';
import { PROGRAM } from '../support/lunsmith_process.ts';
import { freePort, run, type Outcome } from '../support/programs.ts';

let folder: string;
let config: string;
let socket: string;
let children: ChildProcess[];
beforeEach(() => {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run npm run build first`);
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-life-'));
  config = join(folder, 'etc/saveconfig.yaml');
  socket = join(folder, 'run/control.sock');
  children = [];
});
afterEach(async () => {
  await lunsmith(['stop']);
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  rmSync(folder, { recursive: true, force: true });
});

const env = () => ({
  LUNSMITH_CONFIG: config,
  LUNSMITH_SOCKET: socket,
  LUNSMITH_HOME: join(folder, 'home'),
  NO_COLOR: '1',
});
const lunsmith = (args: readonly string[], input?: string): Promise<Outcome> =>
  run(process.execPath, [PROGRAM, ...args], { env: env(), ...(input !== undefined && { input }) });

interface Foreground {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;
}
function foreground(extra: Readonly<Record<string, string>> = {}): Foreground {
  const child = spawn(process.execPath, [PROGRAM, 'daemon'], {
    env: { ...process.env, ...env(), ...extra },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(child, 'close') as Foreground['ended'];
  return { child, stderr: () => text, ended };
}
/** A daemon that was killed leaves its socket file: only an answer counts. */
async function attach(): Promise<ControlClient> {
  let client: ControlClient | undefined;
  const answered = async () => {
    client = await connectControl(socket).catch(() => undefined);
    return client !== undefined;
  };
  await expect.poll(answered, { timeout: 20_000 }).toBe(true);
  if (client === undefined) throw new Error('no daemon answered');
  return client;
}
const mode = (file: string) => statSync(file).mode & 0o7777;

describe('a daemon in the background', () => {
  test('is started by the first command, says so on stderr, and serves the next ones', async () => {
    const first = await lunsmith(['/backstores/ramdisk', 'create', 'r1', '1M']);
    expect(first.status, first.stderr).toBe(0);
    expect(first.stderr).toMatch(/^started the lunsmith daemon \(pid \d+, configuration .*\); /m);
    expect(first.stderr).toMatch(/; 'exit' leaves it serving\n$/);
    expect(first.stderr).toContain(config);
    const pid = /pid (\d+)/.exec(first.stderr)?.[1] ?? '';
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    expect(environment.some((each) => /^UV_THREADPOOL_SIZE=\d{2,}$/.test(each))).toBe(true);
    const second = await lunsmith(['ls', '/backstores/ramdisk']);
    // Its file was named and is not there: no typing mistake passes for an empty configuration.
    const [warning] = first.stderr.split('\n');
    expect(warning).toContain(`warning: ${config} does not exist: starting with an empty`);
    expect(second).toMatchObject({ status: 0, stderr: '' });
    expect(second.stdout).toContain('r1');
    expect(mode(socket)).toBe(0o600);
    expect(mode(join(folder, 'run'))).toBe(0o700);
    expect(mode(join(folder, 'run/control.log'))).toBe(0o600);
  });

  test('lunsmith stop ends it and says so; without one it is an error of one line', async () => {
    await lunsmith(['ls']);
    expect(await lunsmith(['stop'])).toMatchObject({ status: 0, stdout: 'stopped\n', stderr: '' });
    expect(existsSync(socket)).toBe(false);
    const again = await lunsmith(['stop']);
    expect(again).toMatchObject({ status: 1, stdout: '' });
    expect(again.stderr).toBe(`No lunsmith daemon is running on ${socket}\n`);
  });

  test('that cannot start is an error with its last lines, and the file is untouched', async () => {
    await lunsmith(['saveconfig']);
    await lunsmith(['stop']);
    const text = 'version: 1\niscsi:\n  targetz: {}\n';
    writeFileSync(config, text);
    const { status, stderr, stdout } = await lunsmith(['ls']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    const place = 'saveconfig.yaml:3:3: unknown key "targetz"; did you mean targets?';
    expect(stderr).toContain(`${place}\n3 |   targetz: {}\n  |   ^`);
    expect(readFileSync(config, 'utf8')).toBe(text);
    expect(existsSync(socket)).toBe(false);
  });

  test('of several first commands at once one starts it and all succeed', async () => {
    const names = ['a', 'b', 'c'];
    const all = await Promise.all(
      names.map((n) => lunsmith(['/backstores/ramdisk', 'create', n, '1M'])),
    );
    for (const { status, stderr } of all) expect(status, stderr).toBe(0);
    const { stdout } = await lunsmith(['ls', '/backstores/ramdisk']);
    for (const name of names) expect(stdout).toMatch(new RegExp(`o- ${name} `));
  });

  test('another configuration than the running one is refused', async () => {
    await lunsmith(['ls']);
    const other = await lunsmith(['--config', join(folder, 'other.yaml'), 'ls']);
    expect(other.status).toBe(1);
    expect(other.stderr).toMatch(
      /^The daemon on .* serves .*saveconfig\.yaml, not .*other\.yaml: .*\n$/,
    );
  });
});

describe('the foreground daemon', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it cleanly', async (signal) => {
    const { child, ended, stderr } = foreground();
    const client = await attach();
    await client.call('hello', {});
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(stderr()).toMatch(/stopped\n$/);
    expect(existsSync(socket)).toBe(false);
    await expect(client.call('hello', {})).rejects.toThrow(/daemon closed the connection/);
  });

  test('has as many threads as one in the background, and stays the process it was', async () => {
    const { child } = foreground();
    (await attach()).close();
    const environment = readFileSync(`/proc/${child.pid}/environ`, 'utf8').split('\0');
    expect(environment.some((each) => /^UV_THREADPOOL_SIZE=\d{2,}$/.test(each))).toBe(true);
  });

  test('SIGHUP does not end it', async () => {
    const { child, stderr } = foreground();
    const client = await attach();
    await client.call('hello', {});
    child.kill('SIGHUP');
    await expect.poll(stderr).toContain('SIGHUP');
    expect((await client.call('hello', {})).pid).toBe(child.pid);
    client.close();
  });

  test('a second one on the same socket is refused with status 1', async () => {
    foreground();
    await (await attach()).call('hello', {});
    const second = foreground();
    expect(await second.ended).toEqual([1, null]);
    expect(second.stderr()).toContain(`A lunsmith daemon is already running on ${socket}\n`);
    expect((await lunsmith(['ls'])).status).toBe(0);
  });

  test('logs JSON lines where asked, and refuses a format that is none', async () => {
    const { stderr } = foreground({ LUNSMITH_LOG_FORMAT: 'json' });
    await (await attach()).call('hello', {});
    const records = stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(records.at(-1)).toMatchObject({ level: 'info', channel: 'control', msg: 'serving' });
    const wrong = await run(process.execPath, [PROGRAM, 'daemon'], {
      env: { ...env(), LUNSMITH_LOG_FORMAT: 'xml' },
    });
    expect(wrong).toMatchObject({
      status: 1,
      stderr: 'LUNSMITH_LOG_FORMAT=xml: not one of text, json\n',
    });
  });
});

const scriptOf = (port: number) => `set global auto_add_default_portal=false
/backstores/fileio create disk1 ${join(folder, 'disk1.img')} 4M
/iscsi create iqn.2003-01.org.example:t
/iscsi/iqn.2003-01.org.example:t/tpg1/luns create /backstores/fileio/disk1
/iscsi/iqn.2003-01.org.example:t/tpg1/portals create 127.0.0.1 ${port}
/iscsi/iqn.2003-01.org.example:t/tpg1/acls create iqn.1994-05.com.example:i
cd /iscsi/iqn.2003-01.org.example:t/tpg1/acls/iqn.1994-05.com.example:i
set auth userid=u password=hunter2secret
`;

describe('kill -9', () => {
  test('after saving: all is back; what was changed since is not', async () => {
    const { child, ended } = foreground();
    await (await attach()).call('hello', {});
    const made = await lunsmith([], `${scriptOf(await freePort())}saveconfig\n`);
    expect(made.status, made.stderr).toBe(0);
    const saved = readFileSync(config, 'utf8');
    const before = (await lunsmith(['ls'])).stdout;
    await lunsmith(['/backstores/ramdisk', 'create', 'unsaved', '1M']);
    child.kill('SIGKILL');
    await ended;
    expect(readFileSync(config, 'utf8')).toBe(saved);
    foreground();
    await expect
      .poll(async () => (await lunsmith(['ls'])).stdout, { timeout: 20_000 })
      .toBe(before);
    expect(mode(config)).toBe(0o600);
    for (const name of readdirSync(join(folder, 'run'))) {
      const file = join(folder, 'run', name);
      if (name.endsWith('.log')) expect(readFileSync(file, 'utf8')).not.toContain('hunter2');
    }
  });

  test('while saving again and again: the file is whole each time', async () => {
    const made = await lunsmith([], `${scriptOf(await freePort())}saveconfig\n`);
    expect(made.status, made.stderr).toBe(0);
    await lunsmith(['stop']);
    const whole = readFileSync(config, 'utf8');
    for (let round = 0; round < 8; round++) {
      const { child, ended } = foreground();
      const client = await attach();
      await client.call('hello', {});
      let saves = 0;
      const saving = (async () => {
        for (;;) {
          await client.call('save', { maxBackups: 3 });
          saves++;
        }
      })().catch(() => {});
      await expect.poll(() => saves, { interval: 1 }).toBeGreaterThan(round);
      child.kill('SIGKILL');
      await Promise.all([ended, saving]);
      expect(readFileSync(config, 'utf8')).toBe(whole);
    }
    await lunsmith(['saveconfig']);
    const kept = ['backup', 'saveconfig.yaml', 'saveconfig.yaml.journal'];
    expect(readdirSync(join(folder, 'etc')).sort()).toEqual(kept);
  });
});

test('a LUN without its backing file comes back mapped and not ready', async () => {
  const made = await lunsmith([], `${scriptOf(await freePort())}saveconfig\n`);
  expect(made.status, made.stderr).toBe(0);
  const saved = readFileSync(config, 'utf8');
  await lunsmith(['stop']);
  rmSync(join(folder, 'disk1.img'));
  const tree = await lunsmith(['ls']);
  expect(tree.status).toBe(0);
  expect(tree.stdout).toMatch(/lun0 .*NOT READY: no such file/);
  expect(tree.stdout).toMatch(/mapped_lun0/);
  expect(readFileSync(join(folder, 'run/control.log'), 'utf8')).toMatch(/warn .*degraded: .*disk1/);
  expect((await lunsmith(['saveconfig'])).status).toBe(0);
  expect(readFileSync(config, 'utf8')).toBe(saved);
});

describe('one process', () => {
  test('--embedded serves while it runs, says what ends, and leaves nothing running', async () => {
    const script = `${scriptOf(await freePort())}ls\nsaveconfig\n`;
    const { status, stdout, stderr } = await lunsmith(['--embedded'], script);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('disk1');
    expect(stderr).toContain('1 target is no longer served after this');
    expect(existsSync(socket)).toBe(false);
    expect((await lunsmith(['stop'])).status).toBe(1);
    expect(readFileSync(config, 'utf8')).toContain('iqn.2003-01.org.example:t');
  });

  test('--embedded is refused while a daemon runs', async () => {
    await lunsmith(['ls']);
    const { status, stderr } = await lunsmith(['--embedded', 'ls']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/already running on/);
  });
});

describe('the command line', () => {
  test('--version and --help print on stdout and exit 0, without a daemon', async () => {
    expect(await lunsmith(['--version'])).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringMatching(/^lunsmith \d+\.\d+\.\d+\n$/) as string,
    });
    const help = await lunsmith(['--help']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toContain('--keep-going');
    expect(existsSync(socket)).toBe(false);
  });

  test('an unknown option is one line and status 1', async () => {
    const { status, stdout, stderr } = await lunsmith(['--bogus']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toBe('Unknown option --bogus: see lunsmith --help\n');
  });

  test('a reader that leaves early disturbs nothing', async () => {
    await lunsmith(['ls']);
    const command = `"${process.execPath}" "${PROGRAM}" ls; echo "status $?" >&2`;
    const { stderr } = await run('sh', ['-c', `{ ${command}; } | true`], { env: env() });
    expect(stderr).toBe('status 0\n');
  });

  test('the socket speaks JSON-RPC to any program', async () => {
    await lunsmith(['ls']);
    const raw = connect(socket);
    raw.write('{"jsonrpc":"2.0","id":"x","method":"document"}\n');
    const [chunk] = (await once(raw, 'data')) as [Buffer];
    expect(JSON.parse(chunk.toString())).toMatchObject({
      jsonrpc: '2.0',
      id: 'x',
      result: { revision: 1 },
    });
    raw.destroy();
  });
});
