// A session of depth 1 beside one of depth 128: it is to have half of its fair share at least.
//   npm run bench -- fairness [--check] [--json] [--rounds N] [--seconds S] [--only TEXT]…
//                             [--targets tgt,lunsmith] [--beside FOLDER]
// What a session could have is the least of what it asks for alone and half of what the target
// serves to both: that is its fair share.
import os from 'node:os';
import { parseArgs } from 'node:util';
import { build } from '../scripts/prepare.mjs';
import { FILE_BYTES, makeFiles, mediaOf } from './files.mjs';
import { placeOf, runLoad } from './measure.mjs';
import { compile, must, temporaryFolder } from './programs.mjs';
import { FAIRNESS_HEADING, fairnessRow } from './report.mjs';
import { judge, median } from './statistics.mjs';
import { startTargets } from './targets.mjs';

/** Of its fair share, at least. */
const BOUND = 0.5;
const DEEP = 128;
const LIMIT = 2000;

const limited = (value) => `/backstores/ramdisk/ram set attribute max_iops=${value}\n`;

/** `limit`: of the storage object, for both sessions together; our target only. */
const CASES = [
  { name: '4 KiB read, cached file', medium: 'file', load: ['--size', '4096'] },
  { name: '4 KiB read, memory', medium: 'ram', load: ['--size', '4096'] },
  { name: '64 KiB read, cached file', medium: 'file', load: ['--size', '65536'] },
  { name: '1 MiB read, cached file', medium: 'file', load: ['--size', '1048576'] },
  { name: '4 KiB write, cached file', medium: 'file', load: ['--size', '4096', '--write', '100'] },
  { name: '64 KiB write, memory', medium: 'ram', load: ['--size', '65536', '--write', '100'] },
  { name: '4 KiB read, cold file', medium: 'cold', load: ['--size', '4096'] },
  { name: `4 KiB read, max_iops=${LIMIT}`, medium: 'ram', load: ['--size', '4096'], limit: LIMIT },
];

async function run({ load, files, seconds }, oneCase, target, sessions) {
  const serving = target.serving(oneCase.medium);
  if (oneCase.medium === 'cold') await must(load, ['--drop', (target.files ?? files).cold]);
  const args = [...placeOf(target, serving), '--seconds', String(seconds)];
  const result = await runLoad([load], [...args, ...oneCase.load, ...sessions], serving.pid);
  if (result.errors > 0) throw new Error(`${result.errors} commands failed`);
  const others = result.others?.commands ?? 0;
  return {
    first: (result.commands - others) / result.seconds,
    others: others / result.seconds,
    p50: (result.others ?? result).p50,
    p99: (result.others ?? result).p99,
  };
}

/** Alone, beside the other, and what that is of the fair share. */
async function round(context, oneCase, target) {
  const alone = await run(context, oneCase, target, ['--depth', '1']);
  const depths = ['--sessions', '2', '--depth', String(DEEP), '--others-depth', '1'];
  const both = await run(context, oneCase, target, depths);
  const fair = Math.min(alone.first, (both.first + both.others) / 2);
  return {
    alone: alone.first,
    beside: both.others,
    deep: both.first,
    share: both.others / fair,
    p50Alone: alone.p50,
    p50: both.p50,
    p99: both.p99,
  };
}

/** A B A B …: one round of each target in turn. */
async function runCase(context, oneCase, targets) {
  const able = [...targets.values()].filter(
    (target) => oneCase.limit === undefined || target.shell !== undefined,
  );
  const rounds = new Map(able.map(({ name }) => [name, []]));
  const limit = async (value) => {
    if (oneCase.limit === undefined) return;
    for (const target of able) await target.shell(limited(value));
  };
  await limit(oneCase.limit);
  try {
    for (let at = 0; at < context.rounds; at++) {
      for (const target of able) {
        rounds.get(target.name).push(await round(context, oneCase, target));
      }
    }
  } finally {
    await limit(0);
  }
  return [...rounds].map(([target, all]) => {
    const result = { name: oneCase.name, target };
    for (const field of Object.keys(all[0])) result[field] = median(all.map((each) => each[field]));
    const ours = target === 'lunsmith';
    return { ...result, bounds: ours ? judge({ share: BOUND }, result) : [] };
  });
}

/** Part of the whole run: the cases with targets that are started already. */
export async function measureFairness(context, targets) {
  const results = [];
  for (const oneCase of CASES) results.push(...(await runCase(context, oneCase, targets)));
  return results;
}

function parse(args) {
  const { values } = parseArgs({
    args,
    options: {
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      targets: { type: 'string', default: 'lunsmith' },
      beside: { type: 'string' },
    },
  });
  return values;
}

async function runAll(values, folder, memoryFolder) {
  const load = await compile('load', folder);
  const cases = CASES.filter(({ name }) => values.only.every((text) => name.includes(text)));
  const media = mediaOf(cases);
  const files = await makeFiles(load, folder, memoryFolder, media);
  const setup = { load, files, folder, bytes: FILE_BYTES, media };
  const names = values.targets.split(',');
  if (values.beside !== undefined) names.push('beside');
  const targets = await startTargets(names, { ...setup, beside: values.beside });
  const context = { load, files, seconds: values.seconds, rounds: Number(values.rounds) };
  const results = [];
  try {
    for (const target of targets.values()) {
      await run(context, { medium: 'file', load: ['--size', '4096'] }, target, ['--depth', '32']);
    }
    if (!values.json) console.log(FAIRNESS_HEADING);
    for (const oneCase of cases) {
      for (const result of await runCase(context, oneCase, targets)) {
        results.push(result);
        if (!values.json) console.log(fairnessRow(result));
      }
    }
    return results;
  } finally {
    await Promise.all([...targets.values()].map((each) => each.stop()));
  }
}

export async function benchFairness(args) {
  const values = parse(args);
  build();
  const results = await runAll(values, temporaryFolder(os.tmpdir()), temporaryFolder('/dev/shm'));
  if (values.json) console.log(JSON.stringify({ bound: BOUND, results }, null, 2));
  const missed = results.filter(({ bounds }) => bounds.some(({ met }) => !met));
  for (const { name, share } of missed) {
    console.error(`below its bound: ${name}: ${share.toFixed(2)} of its fair share, ${BOUND}`);
  }
  if (values.check && missed.length > 0) process.exitCode = 1;
}
