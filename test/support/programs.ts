/** Running foreign programs and our own as child processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';

const KILL_AFTER_MS = 60_000;

export interface Outcome {
  /** Exit status; -1 when a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

const PATH_WITH_SBIN = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export function have(program: string): boolean {
  return PATH_WITH_SBIN.split(':').some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, PATH: PATH_WITH_SBIN, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let timedOut = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A program that does not read its input closes the pipe: not an error of the test.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, options.timeoutMs ?? KILL_AFTER_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { status: status ?? -1, stdout, stderr, timedOut };
}

/** As `run`, and throws with both outputs when the status is not 0. */
export async function mustRun(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const outcome = await run(program, args, options);
  if (outcome.status === 0) return outcome;
  const how = outcome.timedOut ? 'timed out' : `status ${outcome.status}`;
  const command = `${program} ${args.join(' ')}`;
  const { stdout, stderr } = outcome;
  throw new Error([`${command}: ${how}`, options.input, stdout, stderr].join('\n'));
}

/** A port that was free a moment ago: programs that take no port 0 need one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks again every 20 ms until the answer is true; throws with `what` after the time. */
export async function eventually(
  what: string,
  ask: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
