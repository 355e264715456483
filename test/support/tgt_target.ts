/** Debian's tgtd, to prove the harness itself: LUNSMITH_TEST_TARGET=tgt. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually, freePort, mustRun, run } from './programs.ts';
import type { Login, ServedLun, ServedTarget } from './served_target.ts';

const MEBIBYTE = 1024 * 1024;

export class TgtTarget implements ServedTarget {
  #folder = mkdtempSync(path.join(tmpdir(), 'lunsmith-tgt-'));
  #control = '';
  #port = 0;
  #targets = 0;
  #process: ChildProcess | undefined;
  #log = '';

  async start(): Promise<void> {
    this.#port = await freePort();
    // The control channel is a number of a local socket, not a TCP port.
    this.#control = String((this.#port % 30_000) + 1);
    const portal = `portal=127.0.0.1:${this.#port}`;
    const args = ['-f', '-C', this.#control, '--iscsi', portal];
    this.#process = spawn('/usr/sbin/tgtd', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stdout?.on('data', (chunk) => (this.#log += String(chunk)));
    this.#process.stderr?.on('data', (chunk) => (this.#log += String(chunk)));
    const probe = ['-C', this.#control, '--lld', 'iscsi', '--mode', 'target', '--op', 'show'];
    await eventually('tgtd answers', async () => (await run('tgtadm', probe)).status === 0);
  }

  async createLun(name: string, megabytes: number, login?: Login): Promise<ServedLun> {
    this.#targets += 1;
    const tid = String(this.#targets);
    const target = `iqn.2026-01.net.example:${name.toLowerCase()}`;
    const file = path.join(this.#folder, `${name}.img`);
    writeFileSync(file, '');
    truncateSync(file, megabytes * MEBIBYTE);
    await this.#admin('target', 'new', ['--tid', tid, '-T', target]);
    await this.#admin('logicalunit', 'new', ['--tid', tid, '--lun', '1', '-b', file]);
    const thin = ['--tid', tid, '--lun', '1', '--params', 'thin_provisioning=1'];
    await this.#admin('logicalunit', 'update', thin);
    await this.#admin('target', 'bind', ['--tid', tid, '-I', 'ALL']);
    if (login !== undefined) {
      const account = ['--user', login.user, '--password', login.password];
      await this.#admin('account', 'new', account);
      await this.#admin('account', 'bind', ['--tid', tid, '--user', login.user]);
    }
    return { host: '127.0.0.1', port: this.#port, target, lun: 1 };
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  log(): string {
    return this.#log;
  }

  async #admin(mode: string, op: string, args: readonly string[]): Promise<void> {
    const head = ['-C', this.#control, '--lld', 'iscsi', '--mode', mode, '--op', op];
    await mustRun('tgtadm', [...head, ...args]);
  }
}
