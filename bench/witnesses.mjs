// Foreign initiators, to see that our own load generator does not flatter us.
import { spawnSync } from 'node:child_process';
import { found } from './programs.mjs';

const COMMANDS = 20_000;
const DEPTH = 32;

const url = ({ port, target }, lun) => `iscsi://127.0.0.1:${port}/${target}/${lun}`;

/** `qemu-img bench`: commands per second, or undefined where it cannot run. */
function qemu(target, write) {
  const program = found('qemu-img');
  if (program === undefined) return undefined;
  const args = ['bench', '-c', String(COMMANDS), '-d', String(DEPTH), '-s', '4096', '-f', 'raw'];
  if (write) args.push('-w');
  args.push('-t', 'none', url(target, target.luns.file));
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
  const seconds = /completed in ([\d.]+) seconds/.exec(stdout ?? '')?.[1];
  return seconds === undefined ? undefined : COMMANDS / Number(seconds);
}

/** `iscsi-perf` of libiscsi, random reads for as long as a round lasts. */
function perf(target, seconds) {
  const program = found('iscsi-perf');
  if (program === undefined) return undefined;
  const time = String(Math.max(1, Math.round(seconds)));
  const args = ['-m', String(DEPTH), '-b', '8', '-t', time, '-r', url(target, target.luns.file)];
  const { stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
  const rate = /average iops (\d+)|iops average (\d+)/.exec(stdout ?? '');
  return rate === null ? undefined : Number(rate[1] ?? rate[2]);
}

/** One record for each target and tool: the median would hide nothing here, so the best is kept. */
export function runWitnesses(targets, { rounds, seconds }) {
  const best = (run) => {
    const rates = Array.from({ length: rounds }, run).filter((rate) => rate !== undefined);
    return rates.length === 0 ? undefined : Math.round(Math.max(...rates));
  };
  return [...targets.values()]
    .filter((target) => target.name !== 'minimal')
    .map((target) => ({
      target: target.name,
      qemuRead: best(() => qemu(target, false)),
      qemuWrite: best(() => qemu(target, true)),
      iscsiPerfRead: best(() => perf(target, seconds)),
    }));
}
