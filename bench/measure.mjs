// One run of the load generator against one target, with the target's CPU time beside it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { found, must, serve } from './programs.mjs';

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

/** The load's own report with the CPU seconds of the target and of the machine beside it. */
export function runLoad(program, args, pid) {
  return new Promise((resolve, reject) => {
    const [command, ...words] = [...program, ...args];
    // Among what is served, so that it does not outlive the bench.
    const { child } = serve(command, words);
    let output = '';
    let errors = '';
    const clocks = () => ({ target: cpuSeconds(pid), machine: machineSeconds() });
    const read = {};
    const mark = (word) => {
      if (read[word] !== undefined || !output.includes(`${word}\n`)) return;
      try {
        read[word] = clocks();
      } catch {
        child.kill('SIGKILL');
        errors = 'the target ended under load';
      }
    };
    child.stdout.on('data', (chunk) => {
      output += chunk;
      mark('begin');
      mark('end');
    });
    child.stderr.on('data', (chunk) => (errors += chunk));
    const limit = setTimeout(() => child.kill('SIGKILL'), 90_000);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(limit);
      const last = output.trim().split('\n').at(-1) ?? '';
      if (status !== 0 || read.end === undefined) {
        return reject(new Error(errors.trim() || `load ended with ${status}`));
      }
      const cpu = read.end.target - read.begin.target;
      const machine = read.end.machine - read.begin.machine;
      return resolve({ ...JSON.parse(last), cpuSeconds: cpu, machineSeconds: machine });
    });
  });
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

/**
 * @returns {Promise<{perSecond: number, cpuMicros: number, p50: number, p99: number, p999: number,
 *   clientBusy: number, elsewhere: number}>} commands per second, target's CPU time per command,
 *   latencies in µs, the part of a core that the generator took, the part of all cores that
 *   neither of them took
 */
export async function measure({ load, files, options }, oneCase, target) {
  const serving = target.serving(oneCase.medium);
  const served = target.files ?? files;
  if (oneCase.medium === 'cold') must(load, ['--drop', served.cold]);
  // Pages that lie idle while others are measured are taken by systems that reclaim ahead of need.
  if (oneCase.medium === 'file') must(load, ['--warm', served.file]);
  const args = placeOf(target, serving);
  args.push('--warmup', String(options.warmup ?? WARM_UP), '--seconds', String(options.seconds));
  args.push(...(target.oneLun ? withoutLuns(oneCase.load) : oneCase.load));
  const cores = CORES[oneCase.cores];
  if (cores !== undefined) pin(serving.pid, cores.target);
  const taskset = found('taskset');
  const program =
    cores === undefined || taskset === undefined ? [load] : [taskset, '-c', cores.client, load];
  try {
    return sampleOf(await runLoad(program, args, serving.pid));
  } finally {
    if (cores !== undefined) pin(serving.pid, ALL_CORES);
  }
}

/** The minimal target has one LUN whatever it is asked for. */
function withoutLuns(args) {
  const at = args.indexOf('--luns');
  return at < 0 ? args : args.toSpliced(at, 2);
}
