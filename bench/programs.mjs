// Programs that the bench runs: found, built, started, stopped. All listen on 127.0.0.1 only.
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const SEARCH = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];

/** Where a program is, or undefined. */
export function found(name) {
  return SEARCH.map((folder) => path.join(folder, name)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** How long a program that runs to its end may take. */
const RUN_LIMIT_MS = 120_000;

/**
 * Runs to the end, `input` on its standard input; its output. Rejects with it when it fails. The
 * bench goes on meanwhile: it can be cut while a file is filled.
 */
export async function must(command, args, { input, ...options } = {}) {
  const { child } = serve(command, args, { stdio: 'pipe', timeout: RUN_LIMIT_MS, ...options });
  const texts = { stdout: [], stderr: [] };
  for (const [name, pieces] of Object.entries(texts)) {
    child[name].setEncoding('utf8').on('data', (piece) => pieces.push(piece));
  }
  // Whoever ends early says why itself.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = await new Promise((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (status, signal) => resolve(signal ?? status));
  });
  const [output, errors] = [texts.stdout.join(''), texts.stderr.join('')];
  if (ended === 0) return output;
  const why = `${output}${errors}`.trim() || `ended with ${ended}`;
  throw new Error(`${path.basename(command)} ${args.join(' ')}: ${why}`);
}

/** What `command` says of its version, cut to the number, or undefined. */
function version(command, args) {
  const program = found(command);
  if (program === undefined) return undefined;
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 5_000 });
  return /\d[\w.]*/.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[0];
}

/** The targets that take part, with their versions. */
export function versionsOf() {
  const known = { tgt: version('tgtd', ['-V']), istgt: version('istgt', ['-V']) };
  return Object.entries(known)
    .filter(([, number]) => number !== undefined)
    .map(([name, number]) => `${name} ${number}`)
    .join(', ');
}

/** Compiles bench/NAME.c into `folder`; its path. */
export async function compile(name, folder) {
  const compiler = found('cc') ?? found('gcc') ?? found('clang');
  if (compiler === undefined) throw new Error('no C compiler: the load generator needs one');
  const source = path.join(import.meta.dirname, `${name}.c`);
  const program = path.join(folder, name);
  await must(compiler, ['-O2', '-o', program, source, '-lpthread']);
  return program;
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Polls until `condition` holds; rejects when the program ended or 15 seconds are over. */
export async function eventually(what, child, condition) {
  const deadline = performance.now() + 15_000;
  while (!(await condition())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${what}: it ended`);
    if (performance.now() > deadline) throw new Error(`${what}: not within 15 seconds`);
    await delay(50);
  }
}

/** Whatever ends the bench, nothing that it started or made outlives it. */
const serving = new Set();
const folders = new Set();
process.on('exit', () => {
  for (const child of serving) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** A folder of its own in `parent`, gone when the bench ends. */
export function temporaryFolder(parent) {
  const folder = mkdtempSync(path.join(parent, 'lunsmith-bench-'));
  folders.add(folder);
  return folder;
}

/** What is done with a folder is gone before the bench is. */
export function removeFolder(folder) {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

/**
 * A program that serves until `stop`. The end of its output is kept for when it fails. `log`: a
 * file for the output of programs that say much while the bench waits for another: a full pipe
 * would hold them up.
 */
export function serve(command, args, { log, ...options } = {}) {
  const out = log === undefined ? 'pipe' : openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', out, out], ...options });
  if (log !== undefined) closeSync(out);
  serving.add(child);
  child.once('exit', () => serving.delete(child));
  let kept = '';
  const keep = (chunk) => {
    kept = (kept + chunk).slice(-8192);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const output = {
    get text() {
      return log === undefined ? kept : readFileSync(log, 'utf8').slice(-8192);
    },
  };
  return { child, output };
}

export async function stop(child, signal = 'SIGKILL') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}
