/** Our own program as its users run it: a daemon process and shells that attach to it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually, freePort, run, type Outcome } from './programs.ts';
import type { Login, ServedLun, ServedTarget } from './served_target.ts';

export const PROGRAM = path.resolve(import.meta.dirname, '../../dist/src/bin/lunsmith.js');
const STOP_MS = 15_000;

export class LunsmithProcess implements ServedTarget {
  /** Holds configuration, socket, preferences and backing files of this one instance. */
  readonly folder = mkdtempSync(path.join(tmpdir(), 'lunsmith-'));
  readonly config = path.join(this.folder, 'saveconfig.yaml');
  readonly socket = path.join(this.folder, 'control.sock');
  port = 0;
  /** As the suite `threads` runs; by hand, any with: LUNSMITH_TEST_DATA_THREADS=2. */
  readonly #dataThreads: string;
  #process: ChildProcess | undefined;
  /** A file rather than a pipe, so that a full pipe never stops the daemon. */
  readonly #logFile = path.join(this.folder, 'daemon.log');

  constructor(dataThreads = process.env['LUNSMITH_TEST_DATA_THREADS'] ?? '1') {
    this.#dataThreads = dataThreads;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get env(): Record<string, string> {
    return {
      LUNSMITH_CONFIG: this.config,
      LUNSMITH_SOCKET: this.socket,
      LUNSMITH_HOME: path.join(this.folder, 'home'),
    };
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** Starts the daemon, and waits until it answers. */
  async start(extra: Readonly<Record<string, string>> = {}): Promise<void> {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing: run npm run build first`);
    this.port ||= await freePort();
    this.#setDataThreads();
    const log = openSync(this.#logFile, 'a');
    const env = { ...process.env, ...this.env, ...extra };
    const child = spawn(process.execPath, [PROGRAM, 'daemon'], {
      env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#process = child;
    await eventually('the daemon answers on its socket', () => {
      if (child.exitCode !== null) throw new Error(`The daemon has ended:\n${this.log()}`);
      return this.#answers();
    });
  }

  #setDataThreads(): void {
    const home = this.path('home');
    if (this.#dataThreads === '1' || existsSync(home)) return;
    mkdirSync(home, { mode: 0o700 });
    const preferences = { data_threads: this.#dataThreads };
    writeFileSync(path.join(home, 'preferences.json'), JSON.stringify({ version: 1, preferences }));
  }

  /** A shell would start another daemon in the background, and hide that ours is gone. */
  #mustLive(): void {
    const child = this.#process;
    if (child?.exitCode === null && child.signalCode === null) return;
    throw new Error(`The daemon is not running:\n${this.log()}`);
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.socket);
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
  }

  /** Lines on the shell's standard input, as a script. */
  script(lines: readonly string[], args: readonly string[] = []): Promise<Outcome> {
    this.#mustLive();
    const input = lines.map((line) => `${line}\n`).join('');
    return run(process.execPath, [PROGRAM, ...args], { input, env: this.env });
  }

  /** A script that must succeed: its standard output. */
  async configure(...lines: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.script(lines);
    if (status !== 0) {
      throw new Error(`Status ${status} of:\n${lines.join('\n')}\n${stdout}\n${stderr}`);
    }
    return stdout;
  }

  /** `lunsmith WORDS…`. */
  oneShot(...words: readonly string[]): Promise<Outcome> {
    this.#mustLive();
    return run(process.execPath, [PROGRAM, ...words], { env: this.env });
  }

  async createLun(name: string, megabytes: number, login?: Login): Promise<ServedLun> {
    const target = `iqn.2026-01.net.example:${name.toLowerCase()}`;
    const object = `/backstores/fileio/${name}`;
    const tpg = `/iscsi/${target}/tpg1`;
    await this.configure(
      'set global auto_add_default_portal=false',
      `/backstores/fileio create ${name} ${this.path(`${name}.img`)} ${megabytes}M`,
      `${object} set attribute emulate_tpu=1 emulate_tpws=1`,
      `/iscsi create ${target}`,
      `${tpg}/luns create ${object}`,
      `${tpg}/portals create 127.0.0.1 ${this.port}`,
      `${tpg} set attribute authentication=0 demo_mode_write_protect=0 generate_node_acls=1`,
    );
    if (login !== undefined) {
      await this.configure(
        `${tpg} set auth userid=${login.user} password=${login.password}`,
        `${tpg} set attribute authentication=1`,
      );
    }
    return { host: '127.0.0.1', port: this.port, target, lun: 0 };
  }

  /** Waits for the end of the daemon by itself: its exit status, or -1 for a signal. */
  async ended(): Promise<number> {
    const child = this.#process;
    if (child === undefined) throw new Error('The daemon was never started');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode ?? -1;
  }

  /** Waits for the end of the daemon after a signal; the exit status, or -1 for a signal. */
  async end(signal: NodeJS.Signals, withinMs = STOP_MS): Promise<number> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return 0;
    const ended = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    const hardKill = setTimeout(() => child.kill('SIGKILL'), withinMs);
    const [status] = await ended;
    clearTimeout(hardKill);
    return status ?? -1;
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }
}
