// One run of the load generator against one target, with the target's CPU time beside it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { found, must, serve, stop } from './programs.mjs';

/** USER_HZ, the unit of /proc/PID/stat, is 100 on every Linux that runs Node. */
const TICKS_PER_SECOND = 100;

/** User and system seconds of a process with all its threads. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Seconds for which any core did anything, whoever it was, and for which the host had it. */
export function machineSeconds(text = readFileSync('/proc/stat', 'utf8')) {
  const [user, nice, system, , , irq, softirq, steal] = text
    .split('\n', 1)[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + (steal ?? 0)) / TICKS_PER_SECOND;
}

/** All threads of a process onto these cores; without `taskset` nothing happens. */
export function pin(pid, cores) {
  const taskset = found('taskset');
  if (taskset !== undefined) spawnSync(taskset, ['-a', '-c', '-p', cores, String(pid)]);
}

const CORES = {
  one: { target: '0', client: '0' },
  two: { target: '1', client: '0' },
};
const ALL_CORES = '0-1023';
/** Seconds before the first figure of a run. */
export const WARM_UP = 0.2;

/** Where the load generator finds what `target` serves, as its arguments. */
export const placeOf = (target, { port, lun }) => [
  ...['--portal', `127.0.0.1:${port}`],
  ...['--target', target.target, '--lun', String(lun)],
];

/** Of logging in and of one run. */
const LOAD_LIMIT_MS = 90_000;

/** What `child` prints, line by line, to whoever asked last: `next(hear)` awaits an answer. */
function linesOf(child) {
  let rest = '';
  let errors = '';
  let asked;
  let ended = false;
  const fail = (error) => {
    ended = true;
    child.kill('SIGKILL');
    asked?.reject(error);
  };
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    try {
      for (const line of lines) asked?.hear(line);
    } catch (error) {
      fail(error);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => (errors += chunk));
  child.on('error', fail);
  child.on('close', (status) => fail(new Error(errors.trim() || `load ended with ${status}`)));
  return (hear) =>
    new Promise((resolve, reject) => {
      const limit = setTimeout(() => fail(new Error('load: no end in time')), LOAD_LIMIT_MS);
      const done = (settle) => (value) => {
        clearTimeout(limit);
        settle(value);
      };
      asked = { reject: done(reject), hear: (line) => hear(line, done(resolve)) };
      if (ended) asked.reject(new Error(errors.trim() || 'load has ended'));
    });
}

/**
 * The load generator, logged in and waiting. `turn(pid)` is one run: its own report with the CPU
 * seconds of that process and of the machine beside it. Sessions stay from turn to turn: a login
 * takes istgt a second, one after the other.
 */
export async function openLoad(program, args) {
  const [command, ...words] = [...program, ...args, '--turns'];
  const { child } = serve(command, words, { stdio: 'pipe' });
  child.stdin.on('error', () => {});
  const next = linesOf(child);
  await next((line, resolve) => line === 'ready' && resolve());
  const clocks = (pid) => {
    try {
      return { target: cpuSeconds(pid), machine: machineSeconds() };
    } catch (error) {
      throw new Error('the target ended under load', { cause: error });
    }
  };
  const turn = (pid) => {
    const read = {};
    const result = next((line, resolve) => {
      if (line === 'begin' || line === 'end') {
        read[line] = clocks(pid);
        return;
      }
      const cpu = read.end.target - read.begin.target;
      const machine = read.end.machine - read.begin.machine;
      resolve({ ...JSON.parse(line), cpuSeconds: cpu, machineSeconds: machine });
    });
    child.stdin.write('\n');
    return result;
  };
  return { turn, close: () => stop(child) };
}

/** One run by itself. */
export async function runLoad(program, args, pid) {
  const load = await openLoad(program, args);
  try {
    return await load.turn(pid);
  } finally {
    await load.close();
  }
}

/** What neither the target nor the generator took, as a part of all cores. */
function elsewhere({ machineSeconds: machine, cpuSeconds: cpu, clientCpuSeconds, seconds }) {
  return Math.max(0, machine - cpu - clientCpuSeconds) / (seconds * os.availableParallelism());
}

/** The sample of one finished run. */
export function sampleOf(result) {
  if (result.errors > 0) throw new Error(`${result.errors} commands failed`);
  if (result.commands === 0) throw new Error('no command was completed');
  return {
    perSecond: result.commands / result.seconds,
    cpuMicros: (result.cpuSeconds / result.commands) * 1e6,
    p50: result.p50,
    p99: result.p99,
    p999: result.p999,
    clientBusy: result.clientCpuSeconds / result.seconds,
    elsewhere: elsewhere(result),
  };
}

/** Pages as the case wants them, before each run. */
async function preparePages(load, medium, files) {
  if (medium === 'cold') await must(load, ['--drop', files.cold]);
  // Pages that lie idle while others are measured are taken by systems that reclaim ahead of need.
  if (medium === 'file') await must(load, ['--warm', files.file]);
}

/**
 * A case's sessions with one target, as `openLoad` makes them.
 * @typedef {{perSecond: number, cpuMicros: number, p50: number, p99: number, p999: number,
 *   clientBusy: number, elsewhere: number}} Sample
 * @returns {Promise<{sample: () => Promise<Sample>, close: () => Promise<void>}>}
 *   of each run: commands per second, target's CPU time per command, latencies in µs, the part of a
 *   core that the generator took, the part of all cores that neither of them took
 */
export async function openCase({ load, files, options }, oneCase, target) {
  const serving = target.serving(oneCase.medium);
  const args = placeOf(target, serving);
  args.push('--warmup', String(options.warmup ?? WARM_UP), '--seconds', String(options.seconds));
  args.push(...(target.oneLun ? withoutLuns(oneCase.load) : oneCase.load));
  const cores = CORES[oneCase.cores];
  const taskset = found('taskset');
  const program =
    cores === undefined || taskset === undefined ? [load] : [taskset, '-c', cores.client, load];
  const opened = await openLoad(program, args);
  const sample = async () => {
    await preparePages(load, oneCase.medium, target.files ?? files);
    if (cores !== undefined) pin(serving.pid, cores.target);
    try {
      return sampleOf(await opened.turn(serving.pid));
    } finally {
      if (cores !== undefined) pin(serving.pid, ALL_CORES);
    }
  };
  return { sample, close: opened.close };
}

/** One sample by itself. */
export async function measure(context, oneCase, target) {
  const opened = await openCase(context, oneCase, target);
  try {
    return await opened.sample();
  } finally {
    await opened.close();
  }
}

/** The minimal target has one LUN whatever it is asked for. */
function withoutLuns(args) {
  const at = args.indexOf('--luns');
  return at < 0 ? args : args.toSpliced(at, 2);
}
