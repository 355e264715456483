// Foreign initiators, to see that our own load generator does not flatter us: qemu-img (libiscsi's
// asynchronous interface, sequential) and iscsi-perf (random). Both are slower than ours, and so
// show smaller ratios.
import { found, serve } from './programs.mjs';
import { median } from './statistics.mjs';

const DEPTH = 32;
const LIMIT_MS = 60_000;
const WHO = ['tgt', 'istgt', 'lunsmith'];

const url = (target) => {
  const { port, lun } = target.serving('file');
  return `iscsi://127.0.0.1:${port}/${target.target}/${lun}`;
};

/** The end of what a program prints; the bench goes on reading what its targets say meanwhile. */
function outputOf(program, args) {
  return new Promise((resolve) => {
    const { child, output } = serve(program, args, { timeout: LIMIT_MS });
    child.on('error', () => resolve(''));
    child.on('close', () => resolve(output.text));
  });
}

/** Commands per second that qemu-img tells, or undefined. */
export function qemuRate(text, commands) {
  const seconds = /completed in ([\d.]+) seconds/.exec(text)?.[1];
  return seconds === undefined || Number(seconds) === 0 ? undefined : commands / Number(seconds);
}

/** The last average that iscsi-perf tells, or undefined. */
export function perfRate(text) {
  const rates = [...text.matchAll(/iops average (\d+)|average iops (\d+)/g)];
  const last = rates.at(-1);
  return last === undefined ? undefined : Number(last[1] ?? last[2]);
}

const qemu = (name, bytes, commands, write) => ({
  name,
  program: 'qemu-img',
  async rate(program, target) {
    const size = ['-c', String(commands), '-d', String(DEPTH), '-s', String(bytes)];
    const mode = write ? ['-w', '-t', 'none'] : ['-t', 'none'];
    const args = ['bench', ...size, '-f', 'raw', ...mode, url(target)];
    return qemuRate(await outputOf(program, args), commands);
  },
});

const perf = (name, bytes) => ({
  name,
  program: 'iscsi-perf',
  async rate(program, target) {
    const args = ['-m', String(DEPTH), '-b', String(bytes / 512), '-t', '1', '-r', url(target)];
    return perfRate(await outputOf(program, args));
  },
});

const WITNESSES = [
  qemu('qemu-img bench, 4 KiB sequential read, depth 32', 4096, 30_000, false),
  qemu('qemu-img bench, 4 KiB sequential write, depth 32', 4096, 30_000, true),
  qemu('qemu-img bench, 64 KiB sequential read, depth 32', 65_536, 8_000, false),
  qemu('qemu-img bench, 64 KiB sequential write, depth 32', 65_536, 6_000, true),
  perf('iscsi-perf, 4 KiB random read, depth 32', 4096),
  perf('iscsi-perf, 64 KiB random read, depth 32', 65_536),
];

/** A B C A B C …; a target that a tool cannot use is said and left out of its row. */
async function runOne(witness, targets, rounds) {
  const program = found(witness.program);
  if (program === undefined) {
    console.error(`left out: ${witness.name}: ${witness.program} is not installed`);
    return undefined;
  }
  const taken = [];
  for (let at = 0; at < rounds; at++) {
    const round = {};
    for (const target of targets) round[target.name] = await witness.rate(program, target);
    taken.push(round);
  }
  const medians = {};
  for (const { name } of targets) {
    const rates = taken.map((round) => round[name]).filter((rate) => rate !== undefined);
    if (rates.length > 0) medians[name] = median(rates);
    else console.error(`${witness.name}: no figure of ${name}`);
  }
  const over = (other) =>
    median(taken.map((round) => round.lunsmith / round[other]).filter(Number.isFinite));
  const ratios = { tgt: over('tgt'), istgt: over('istgt') };
  return { name: witness.name, targets: medians, ratios, samples: taken };
}

export async function runWitnesses(targets, { rounds }) {
  const able = WHO.map((name) => targets.get(name)).filter((target) => target !== undefined);
  const all = [];
  for (const witness of WITNESSES) {
    const one = await runOne(witness, able, rounds);
    if (one !== undefined) all.push(one);
  }
  return all;
}
