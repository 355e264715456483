import { once } from 'node:events';
import { link, mkdir, mkdtemp, readFile, rm, stat, writeFile, chmod } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectControl } from '../../../src/control/client.ts';
import { Daemon } from '../../../src/control/daemon.ts';
import {
  ConflictError,
  ERROR_CODE,
  type ControlClient,
  type Edit,
  type Notifications,
} from '../../../src/control/protocol.ts';
import { ConfigError } from '../../../src/objects/errors.ts';
import type { EngineEvent } from '../../../src/objects/engine_port.ts';
import { SYSTEM_CLOCK } from '../../../src/util/clock.ts';
import type { LogRecord } from '../../../src/util/log.ts';
import { FakeEngine } from '../../support/fake_engine.ts';

let folder: string;
let configFile: string;
let socketPath: string;
let engine: FakeEngine;
let log: LogRecord[];
let ends: (() => unknown)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daemon-'));
  configFile = join(folder, 'etc', 'saveconfig.yaml');
  socketPath = join(folder, 'run', 'control.sock');
  engine = new FakeEngine();
  log = [];
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  await rm(folder, { recursive: true, force: true });
});

async function start(own: FakeEngine = engine): Promise<Daemon> {
  const daemon = await Daemon.start({
    configFile,
    socketPath,
    version: '1.2.3',
    identity: 'test',
    sink: (record) => log.push(record),
    logLevel: 'info',
    clock: SYSTEM_CLOCK,
    startEngine: () => own,
  });
  ends.push(() => daemon.stop());
  return daemon;
}

async function attach(): Promise<ControlClient> {
  const client = await connectControl(socketPath);
  ends.push(() => client.close());
  return client;
}

async function rawSocket(): Promise<Socket> {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  ends.push(() => socket.destroy());
  return socket;
}

/** Sends text, gives the answers of so many lines, or all until the end. */
async function ask(text: string | Buffer, count = Infinity): Promise<Record<string, unknown>[]> {
  const socket = await rawSocket();
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.write(text);
  if (count === Infinity) socket.end();
  let got = '';
  for await (const chunk of socket) {
    got += String(chunk);
    if (got.split('\n').length > count) break;
  }
  const lines = got.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
const codes = (answers: Record<string, unknown>[]) =>
  answers.map((answer) => (answer['error'] as { code: number } | undefined)?.code ?? 'ok');
const request = (id: number, method: string, params: unknown = {}) =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;

const wwn = (n: number) => `${0x10000000 + n}-6a0b-4c53-9f0e-0d6a1f5e7c21`;
const ramdisk = (name: string, n = 0): Edit => ({
  path: ['backstores', 'ramdisk', name],
  value: { size: 1 << 20, nullio: false, wwn: wwn(n), attributes: {} },
});
const names = async (client: ControlClient) =>
  Object.keys((await client.call('document', {})).document.backstores.ramdisk);

describe('the socket', () => {
  test('is for its owner only, folder included, whatever the mask', async () => {
    const mask = process.umask(0);
    try {
      await start();
    } finally {
      process.umask(mask);
    }
    expect((await stat(socketPath)).mode & 0o7777).toBe(0o600);
    expect((await stat(join(folder, 'run'))).mode & 0o7777).toBe(0o700);
  });

  test('a second daemon is refused, and the first one goes on', async () => {
    await start();
    const second = new FakeEngine();
    await expect(start(second)).rejects.toThrow(
      new ConfigError(`A lunsmith daemon is already running on ${socketPath}`),
    );
    expect(second.plans).toEqual([]);
    expect(second.stops).toEqual([0]);
    expect((await (await attach()).call('hello', {})).version).toBe('1.2.3');
  });

  test('a second daemon on another socket is refused the same configuration', async () => {
    const first = await start();
    const [ours, second] = [socketPath, new FakeEngine()];
    socketPath = join(folder, 'run', 'second.sock');
    await expect(start(second)).rejects.toThrow(
      `Another lunsmith daemon serves ${configFile} already`,
    );
    expect(second.plans).toEqual([]);
    await first.stop();
    await start(new FakeEngine());
    socketPath = ours;
  });

  test('of ten daemons that start at once over a dead one exactly one serves', async () => {
    await deadSocket();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => start(new FakeEngine())),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(ConfigError);
    }
    expect((await (await attach()).call('hello', {})).configFile).toBe(configFile);
  });

  /** What a killed daemon leaves: a socket file that nobody listens on. */
  async function deadSocket(): Promise<void> {
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    const server = createServer().listen(`${socketPath}.x`);
    await once(server, 'listening');
    await link(`${socketPath}.x`, socketPath);
    server.close();
    await once(server, 'close');
  }

  test('the leftover of a dead daemon is taken over', async () => {
    await deadSocket();
    await start();
    expect(await names(await attach())).toEqual([]);
  });

  test('a file that is no socket is not removed', async () => {
    await mkdir(join(folder, 'run'), { mode: 0o700 });
    await writeFile(socketPath, 'precious');
    await expect(start()).rejects.toThrow(/exists and is not a socket/);
    expect(await readFile(socketPath, 'utf8')).toBe('precious');
  });

  test('a folder that others may write to is refused', async () => {
    await mkdir(join(folder, 'run'));
    await chmod(join(folder, 'run'), 0o777);
    await expect(start()).rejects.toThrow(/may be written by other users/);
  });

  test('a path that is too long is refused rather than cut', async () => {
    socketPath = join(folder, 'x'.repeat(120));
    await expect(start()).rejects.toThrow(/at most 107/);
  });

  test('is gone after stop, and the engine was given its grace before', async () => {
    const daemon = await start();
    await daemon.stop();
    await expect(stat(socketPath)).rejects.toThrow('ENOENT');
    expect(engine.stops[0]).toBeGreaterThan(0);
    expect(await daemon.ended).toBeUndefined();
  });

  test('keeps a second daemon away until the disks are flushed', async () => {
    const daemon = await start();
    let flushed: () => void = () => {};
    engine.stop = () => new Promise((resolve) => (flushed = resolve));
    const client = await attach();
    await client.call('shutdown', {});
    await expect
      .poll(() => client.call('document', {}).catch((e: Error) => e.message))
      .toMatch(/stopping/);
    await expect(start(new FakeEngine())).rejects.toThrow(/already running/);
    flushed();
    await daemon.ended;
    await start(new FakeEngine());
  });
});

describe('changes', () => {
  test('from several clients at once, none is lost', async () => {
    await start();
    const clients = await Promise.all(Array.from({ length: 5 }, attach));
    let conflicts = 0;
    const addTen = async (client: ControlClient, c: number) => {
      for (let n = 0; n < 10;) {
        const { revision } = await client.call('document', {});
        try {
          await client.call('change', { revision, edits: [ramdisk(`c${c}n${n}`, c * 10 + n)] });
          n++;
        } catch (error) {
          if (!(error instanceof ConflictError)) throw error;
          conflicts++;
        }
      }
    };
    await Promise.all(clients.map(addTen));
    expect(await names(await attach())).toHaveLength(50);
    expect(engine.plans).toHaveLength(50);
    expect(conflicts).toBeGreaterThan(0);
  });

  test('every client is told, the one that made the change as well', async () => {
    await start();
    const [a, b] = [await attach(), await attach()];
    const told: Notifications['changed'][] = [];
    for (const client of [a, b]) client.on('changed', (change) => told.push(change));
    const { revision } = await a.call('document', {});
    const answer = await a.call('change', { revision, edits: [ramdisk('r')] });
    await b.call('hello', {});
    expect(told).toHaveLength(2);
    expect(told[0]).toEqual({ revision: answer.revision, edits: [ramdisk('r')] });
  });

  test('one that the engine refuses changes nothing and leaves no file', async () => {
    await start();
    const client = await attach();
    const { revision } = await client.call('document', {});
    engine.refuse = 'address 10.0.0.1:3260 is in use';
    const createFiles = [{ path: '/srv/new.img', size: 1024, sparse: true }];
    const change = client.call('change', { revision, edits: [ramdisk('r')], createFiles });
    await expect(change).rejects.toThrow(new ConfigError('address 10.0.0.1:3260 is in use'));
    expect(engine.files.size).toBe(0);
    expect(await client.call('document', {})).toMatchObject({ revision });
    expect(await names(client)).toEqual([]);
  });

  test('a file that exists already is neither taken nor removed', async () => {
    await start();
    engine.files.add('/srv/old.img');
    const client = await attach();
    const { revision } = await client.call('document', {});
    const createFiles = ['new', 'old'].map((n) => ({
      path: `/srv/${n}.img`,
      size: 1,
      sparse: true,
    }));
    const change = client.call('change', { revision, edits: [ramdisk('r')], createFiles });
    await expect(change).rejects.toThrow(/Cannot create \/srv\/old.img: EEXIST/);
    expect([...engine.files]).toEqual(['/srv/old.img']);
  });

  test('one that breaks a rule never reaches the engine', async () => {
    await start();
    const client = await attach();
    const { revision } = await client.call('document', {});
    const wrong: Edit[][] = [
      [{ path: ['backstores', 'ramdisk', 'r'], value: { size: 'big' } }],
      [{ path: [] }],
      [{ path: [], value: 5 }],
      [{ path: ['nothing'], value: {} }],
      [{ path: ['iscsi', 'targets', 'not a name'], value: { tpgs: {} } }],
    ];
    for (const edits of wrong) {
      await expect(client.call('change', { revision, edits })).rejects.toBeInstanceOf(ConfigError);
    }
    expect(engine.plans).toEqual([]);
  });
});

describe('save and restore', () => {
  test('what was saved comes back at the next start, what was not does not', async () => {
    const daemon = await start();
    const client = await attach();
    const { revision } = await client.call('document', {});
    const next = await client.call('change', { revision, edits: [ramdisk('kept')] });
    expect(await client.call('save', {})).toMatchObject({
      file: configFile,
      changes: [{ action: 'create', path: '/backstores/ramdisk/kept' }],
    });
    await client.call('change', { revision: next.revision, edits: [ramdisk('lost', 1)] });
    await daemon.stop();
    engine = new FakeEngine();
    engine.degraded = ['fileio/x: no such file /srv/x.img'];
    await start();
    expect(await names(await attach())).toEqual(['kept']);
    const warnings = log.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toContain('degraded: fileio/x: no such file /srv/x.img');
  });

  test('a configuration that cannot be understood is refused and left untouched', async () => {
    await mkdir(join(folder, 'etc'));
    await writeFile(configFile, 'version: 1\nbackstorez: {}\n');
    await expect(start()).rejects.toThrow(/saveconfig.yaml:2:1: unknown key "backstorez"/);
    expect(await readFile(configFile, 'utf8')).toBe('version: 1\nbackstorez: {}\n');
    await expect(stat(socketPath)).rejects.toThrow('ENOENT');
    expect(engine.stops).toEqual([0]);
  });

  test('restore adds, refuses what exists with the known words, or replaces', async () => {
    await start();
    const client = await attach();
    const { revision } = await client.call('document', {});
    const first = await client.call('change', { revision, edits: [ramdisk('a')] });
    const file = join(folder, 'other.yaml');
    await client.call('save', { file });
    // What is there already, exactly so, is no collision.
    expect(await client.call('restore', { file, clear: false })).toMatchObject({ changes: [] });
    const larger = { path: ['backstores', 'ramdisk', 'a', 'size'], value: 2 * 1024 * 1024 };
    const second = await client.call('change', { revision: first.revision, edits: [larger] });
    await expect(client.call('restore', { file, clear: false })).rejects.toThrow(
      new ConfigError("storageobject 'ramdisk:a' exist not restoring"),
    );
    const edits = [{ path: ['backstores', 'ramdisk', 'a'] }, ramdisk('b', 1)];
    await client.call('change', { revision: second.revision, edits });
    engine.degraded = ['one'];
    const merged = await client.call('restore', { file, clear: false });
    expect(merged).toMatchObject({ file, problems: ['one'] });
    expect((await names(client)).sort()).toEqual(['a', 'b']);
    await client.call('restore', { file, clear: true });
    expect(await names(client)).toEqual(['a']);
    const missing = client.call('restore', { file: '/nowhere.yaml', clear: true });
    await expect(missing).rejects.toThrow(new ConfigError('Restore file /nowhere.yaml not found'));
  });

  test('a file that somebody edited is replaced with a warning and a backup', async () => {
    await start();
    const client = await attach();
    await client.call('save', {});
    expect((await client.call('save', {})).warning).toBeUndefined();
    await writeFile(configFile, '# mine\n');
    await expect(client.call('save', {})).rejects.toThrow(/force=true replaces it/);
    const saved = await client.call('save', { force: true });
    expect(saved.warning).toMatch(/was changed since the daemon read it/);
    expect(saved.backups?.kept).toBe(2);
  });
});

describe('hostile lines', () => {
  const changeTo = (value: string) => {
    const edits = `[{"path":[],"value":${value}}]`;
    return `{"id":1,"method":"change","params":{"revision":1,"edits":${edits}}}\n`;
  };

  test('each gets its error, and the connection goes on', async () => {
    await start();
    const lines: [string, number | string][] = [
      ['not json\n', ERROR_CODE.PARSE],
      ['5\n', ERROR_CODE.INVALID_REQUEST],
      ['null\n', ERROR_CODE.INVALID_REQUEST],
      ['[]\n', ERROR_CODE.INVALID_REQUEST],
      ['{"id":{},"method":"hello"}\n', ERROR_CODE.INVALID_REQUEST],
      ['{"id":1,"method":5}\n', ERROR_CODE.INVALID_REQUEST],
      ['{"id":1,"method":"hello","params":[1]}\n', ERROR_CODE.INVALID_REQUEST],
      ['{"jsonrpc":"1.0","id":1,"method":"hello"}\n', ERROR_CODE.INVALID_REQUEST],
      [request(1, 'nothing'), ERROR_CODE.METHOD_NOT_FOUND],
      [request(1, '__proto__'), ERROR_CODE.METHOD_NOT_FOUND],
      [request(1, 'constructor'), ERROR_CODE.METHOD_NOT_FOUND],
      [request(1, 'hello', { x: 1 }), ERROR_CODE.INVALID_PARAMS],
      [request(1, 'change', { revision: '1', edits: [] }), ERROR_CODE.INVALID_PARAMS],
      [request(1, 'change', { revision: 1, edits: [{ path: 'x' }] }), ERROR_CODE.INVALID_PARAMS],
      [request(1, 'save', { file: 'relative.yaml' }), ERROR_CODE.INVALID_PARAMS],
      [request(1, 'probe', { path: '/a\0b' }), ERROR_CODE.INVALID_PARAMS],
      [request(1, 'list', { folder: '/', only: 'all' }), ERROR_CODE.INVALID_PARAMS],
      [changeTo('{"__proto__":{"x":1}}'), ERROR_CODE.INVALID_PARAMS],
      [
        request(1, 'change', { revision: 1, edits: [{ path: ['__proto__', 'x'], value: 1 }] }),
        ERROR_CODE.REFUSED,
      ],
      [changeTo('['.repeat(5000) + ']'.repeat(5000)), ERROR_CODE.INVALID_PARAMS],
      ['{"method":"hello"}\n\n  \n', 'nothing'],
      [request(9, 'hello'), 'ok'],
    ];
    const answers = await ask(lines.map(([line]) => line).join(''));
    const expected = lines.map(([, code]) => code).filter((code) => code !== 'nothing');
    expect(codes(answers)).toEqual(expected);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(engine.plans).toEqual([]);
  });

  test('requests of one client are answered in order', async () => {
    await start();
    const many = Array.from({ length: 200 }, (_, i) => request(i, i % 3 ? 'document' : 'runtime'));
    const answers = await ask(many.join(''));
    expect(answers.map((answer) => answer['id'])).toEqual(many.map((_, i) => i));
  });

  test('an endless line ends that connection only', async () => {
    await start();
    const client = await attach();
    const socket = await rawSocket();
    socket.on('error', () => {});
    let got = '';
    socket.on('data', (chunk) => (got += String(chunk)));
    const chunk = Buffer.alloc(1 << 20, 'x');
    for (let n = 0; n < 70 && socket.writable; n++) {
      if (socket.write(chunk)) continue;
      // The two that do not come would wait on, three listeners more each time.
      const over = new AbortController();
      const waits = ['drain', 'close', 'end'].map((name) =>
        once(socket, name, { signal: over.signal }).catch(() => {}),
      );
      await Promise.race(waits);
      over.abort();
    }
    await expect.poll(() => got).toMatch(/longer than/);
    expect((await client.call('hello', {})).pid).toBe(process.pid);
  });

  test('clients that vanish in the middle of a request harm nobody', async () => {
    await start();
    for (let n = 0; n < 20; n++) {
      const socket = await rawSocket();
      socket.write(request(1, 'document') + '{"id":2,');
      socket.destroy();
    }
    expect((await (await attach()).call('hello', {})).pid).toBe(process.pid);
  });
});

describe('engine events', () => {
  const refusal = (n: number): EngineEvent => ({
    type: 'loginRefused',
    initiator: `iqn.x:\u001b[31m${n}`,
    target: 'iqn.y:t',
    address: '10.0.0.9',
    rule: 'no node ACL for this initiator and generate_node_acls=0',
    statusClass: 2,
    statusDetail: 2,
  });

  test('a refused login is one warning naming rule and parties, told to clients', async () => {
    await start();
    const client = await attach();
    await client.call('hello', {});
    const told = new Promise((resolve) => client.on('engine', resolve));
    engine.emit(refusal(1));
    expect(await told).toEqual(refusal(1));
    const [line] = log.filter(({ channel }) => channel === 'login');
    expect(line).toMatchObject({
      level: 'warn',
      message: 'login refused: no node ACL for this initiator and generate_node_acls=0',
      fields: { target: 'iqn.y:t', address: '10.0.0.9', status: '0202' },
    });
  });

  test('a flood of them does not flood the log', async () => {
    await start();
    for (let n = 0; n < 10_000; n++) engine.emit(refusal(n));
    expect(log.filter(({ channel }) => channel === 'login').length).toBeLessThan(30);
    const record = { level: 'info', channel: 'iscsi', message: 'closed', fields: {} } as const;
    for (let n = 0; n < 10_000; n++) engine.emit({ type: 'log', record });
    const own = log.filter(({ channel }) => channel === 'iscsi').length;
    expect(own).toBeGreaterThan(50);
    expect(own).toBeLessThan(150);
  });

  test('states that an initiator asks for are a change that clients hear of', async () => {
    const { client } = await start();
    const { revision } = await client.call('document', {});
    await client.call('change', { revision, edits: [ramdisk('r')] });
    const told: unknown[] = [];
    client.on('changed', (change) => told.push(change.revision));
    client.on('engine', (event) => told.push(event));
    const asked = { type: 'aluaStatesAsked', ask: 5, storageObject: 'ramdisk/r' } as const;
    const states = [{ group: 'default_tg_pt_gp', state: 2 }];
    engine.emit({ ...asked, initiator: 'iqn.x:a', states });
    await expect.poll(() => engine.answered).toEqual([[5, true]]);
    expect([told, log.some(({ channel }) => channel === 'alua')]).toEqual([[revision + 2], true]);
  });
});

test('the embedded client does the same as one on the socket', async () => {
  const daemon = await start();
  const { revision } = await daemon.client.call('document', {});
  const told: unknown[] = [];
  const off = daemon.client.on('changed', (change) => told.push(change));
  await daemon.client.call('change', { revision, edits: [ramdisk('r')] });
  await expect(daemon.client.call('change', { revision, edits: [] })).rejects.toBeInstanceOf(
    ConflictError,
  );
  off();
  expect(told).toHaveLength(1);
  expect(await names(await attach())).toEqual(['r']);
});
