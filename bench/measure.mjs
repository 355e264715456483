// One run of the load generator against one target, with the target's CPU time beside it.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { found, must } from './programs.mjs';

/** USER_HZ, the unit of /proc/PID/stat, is 100 on every Linux that runs Node. */
const TICKS_PER_SECOND = 100;

/** User and system seconds of a process with all its threads. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
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

/** The load's own report with the target's CPU seconds; throws when the load fails. */
export function runLoad(program, args, pid) {
  return new Promise((resolve, reject) => {
    const [command, ...words] = [...program, ...args];
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let before = 0;
    let cpu = 0;
    child.stdout.on('data', (chunk) => {
      const known = output.length;
      output += chunk;
      if (output.includes('begin\n') && !output.slice(0, known).includes('begin\n')) {
        before = cpuSeconds(pid);
      }
      if (output.includes('end\n') && !output.slice(0, known).includes('end\n')) {
        cpu = cpuSeconds(pid) - before;
      }
    });
    child.stderr.on('data', (chunk) => (errors += chunk));
    const limit = setTimeout(() => child.kill('SIGKILL'), 90_000);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(limit);
      const last = output.trim().split('\n').at(-1) ?? '';
      if (status !== 0) return reject(new Error(errors.trim() || `load ended with ${status}`));
      return resolve({ ...JSON.parse(last), cpuSeconds: cpu });
    });
  });
}

/**
 * @returns {Promise<{perSecond: number, cpuMicros: number, p50: number, p99: number, p999: number,
 *   clientBusy: number}>} commands per second, target's CPU time per command, latencies in µs
 */
export async function measure({ load, files, options }, oneCase, target) {
  const serving = target.on?.(oneCase.medium) ?? target;
  const lun = oneCase.thousandLuns && target.name === 'minimal' ? 0 : target.luns[oneCase.medium];
  if (oneCase.medium === 'cold') must(load, ['--drop', (target.files ?? files).cold]);
  const args = ['--portal', `127.0.0.1:${serving.port}`, '--target', serving.target];
  args.push('--lun', String(lun), '--seconds', String(options.seconds));
  args.push(...(target.name === 'minimal' ? withoutLuns(oneCase.load) : oneCase.load));
  const cores = CORES[oneCase.cores];
  if (cores !== undefined) pin(serving.pid, cores.target);
  const taskset = found('taskset');
  const program =
    cores === undefined || taskset === undefined ? [load] : [taskset, '-c', cores.client, load];
  try {
    const result = await runLoad(program, args, serving.pid);
    if (result.errors > 0) throw new Error(`${result.errors} commands failed`);
    if (result.commands === 0) throw new Error('no command was completed');
    return {
      perSecond: result.commands / result.seconds,
      cpuMicros: (result.cpuSeconds / result.commands) * 1e6,
      p50: result.p50,
      p99: result.p99,
      p999: result.p999,
      clientBusy: result.clientCpuSeconds / result.seconds,
    };
  } finally {
    if (cores !== undefined) pin(serving.pid, ALL_CORES);
  }
}

/** The minimal target has one LUN whatever it is asked for. */
function withoutLuns(args) {
  const at = args.indexOf('--luns');
  return at < 0 ? args : args.toSpliced(at, 4);
}
