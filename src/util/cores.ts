/** How many cores this process may use at once. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';

/** Whole cores that a limit of the control group's CPU time (cgroup v2, `cpu.max`) leaves. */
export function coresOfLimit(cpuMax: string): number {
  const [quota = 'max', period = '100000'] = cpuMax.trim().split(' ');
  const cores = Math.floor(Number.parseInt(quota, 10) / Number.parseInt(period, 10));
  return Number.isNaN(cores) ? Infinity : Math.max(1, cores);
}

function groupFolder(): string {
  const line = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('0::'));
  return join(CGROUPS, line?.slice('0::'.length) ?? '/');
}

export function coresForThisProcess(): number {
  let limit = Infinity;
  try {
    limit = coresOfLimit(readFileSync(join(groupFolder(), 'cpu.max'), 'utf8'));
  } catch {
    // No such limit, or no such file system.
  }
  return Math.min(limit, availableParallelism());
}
