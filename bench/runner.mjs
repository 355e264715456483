// One run: stages of targets that are up together, cases within them, rounds within those.
import { FILE_BYTES, makeFiles, manyFiles, mediaOf } from './files.mjs';
import { measureFairness } from './fairness.mjs';
import { measure, WARM_UP } from './measure.mjs';
import { must } from './programs.mjs';
import { median, quantile, summarise } from './statistics.mjs';
import { startTargets } from './targets.mjs';
import { runWitnesses } from './witnesses.mjs';

/** Failures in a row after which a target is left out of the rest. */
const TRIES = 3;

/** Who takes part in a case, of those that were asked for. */
const participants = (oneCase, names) =>
  [...oneCase.targets, 'beside'].filter((name) => names.includes(name));

/** 1,000 LUNs have targets of their own: their threads and objects are beside no other case. */
function stagesOf(cases) {
  const many = cases.filter(({ medium }) => medium === 'many');
  const others = cases.filter(({ medium }) => medium !== 'many');
  return [others, many].filter((some) => some.length > 0);
}

const OVERHEAD_SECONDS = { file: 0.12, ram: 0.12, null: 0.12, cold: 0.5, many: 0.4 };
const SETUP_SECONDS = 25;
const MANY_SECONDS = 20;

/** About how long a run takes, from what is known of its parts. */
export function estimate(cases, { rounds, seconds, targets, parts }) {
  const each = ({ medium }) => seconds + WARM_UP + OVERHEAD_SECONDS[medium];
  const sums = cases.map((one) => rounds * participants(one, targets).length * each(one));
  const many = cases.some(({ medium }) => medium === 'many') ? MANY_SECONDS : 0;
  const witnesses = parts.witness ? rounds * 18 : 0;
  const iser = parts.iser ? 24 * ISER.rounds * (ISER.seconds + 0.1) : 0;
  const fairness = parts.fairness ? 15 * FAIRNESS.rounds * 2 * (FAIRNESS.seconds + 0.4) : 0;
  return SETUP_SECONDS + many + sums.reduce((a, b) => a + b, 0) + witnesses + iser + fairness;
}

export const ISER = { rounds: 3, seconds: 0.6 };
const FAIRNESS = { rounds: 3, seconds: 0.8 };

/** One sample of each target; whoever fails too often in a row is left out from then on. */
async function runRound(context, oneCase, names, targets) {
  const round = {};
  for (const name of names) {
    const target = targets.get(name);
    if (target === undefined) continue;
    try {
      round[name] = await measure(context, oneCase, target);
      target.failures = 0;
    } catch (error) {
      console.error(`${oneCase.name}, ${name}: ${error.message}`);
      target.failures = (target.failures ?? 0) + 1;
      if (target.failures < TRIES) continue;
      console.error(`left out from here: ${name}, which failed ${TRIES} times in a row`);
      targets.delete(name);
      await target.stop();
    }
  }
  return round;
}

/** A B C A B C …: one sample of each target per round. The case, and what is judged beside it. */
async function runCase(context, oneCase, targets) {
  const names = participants(oneCase, context.options.targets);
  const rounds = [];
  for (let at = 0; at < context.options.rounds; at++) {
    rounds.push(await runRound(context, oneCase, names, targets));
  }
  // What one case has written is not written back beside the next.
  if (oneCase.writes && oneCase.medium === 'file') {
    for (const { files } of [context, ...targets.values()]) {
      if (files !== undefined) must(context.load, ['--sync', files.file]);
    }
  }
  const judged = names.includes(oneCase.also?.ours) ? [oneCase, oneCase.also] : [oneCase];
  return judged.map((one) => summarise(one, rounds, context.absent));
}

/** What is compiled while it runs is compiled before the first figure. */
async function warmUp(context, targets, medium) {
  const load = ['--size', '4096', '--write', '30', '--depth', '32'];
  const options = { seconds: 1, warmup: 0 };
  for (const target of targets.values()) {
    try {
      await measure({ ...context, options }, { name: 'warm-up', medium, load }, target);
    } catch (error) {
      console.error(`warm-up, ${target.name}: ${error.message}`);
    }
  }
}

function setupOf(context, cases, folder, memoryFolder) {
  const { options, load } = context;
  const media = mediaOf(cases);
  if (options.parts.fairness && !media.has('many'))
    ['ram', 'cold'].forEach((one) => media.add(one));
  const files = makeFiles(load, folder, memoryFolder, media);
  const many = media.has('many') ? manyFiles(folder) : undefined;
  const { beside, 'data-threads': dataThreads } = options;
  return { load, files, folder, many, media, beside, dataThreads, bytes: FILE_BYTES };
}

/** The targets of one stage, then its cases, told to `each` as they come. */
async function runStage(context, cases, folders, each) {
  const setup = setupOf(context, cases, ...folders);
  const wanted = context.options.targets.filter(
    (name) => name === 'beside' || cases.some(({ targets }) => targets.includes(name)),
  );
  const targets = await startTargets(wanted, setup);
  const parts = {};
  try {
    if (wanted.includes('lunsmith') && !targets.has('lunsmith')) {
      throw new Error('our own daemon did not start: there is nothing to measure');
    }
    const within = { ...context, files: setup.files };
    await warmUp(within, targets, setup.media.has('many') ? 'many' : 'file');
    for (const oneCase of cases) each(await runCase(within, oneCase, targets));
    if (setup.many === undefined) await runParts(within, targets, parts);
    return parts;
  } finally {
    await Promise.all([...targets.values()].map((target) => target.stop()));
  }
}

/** What else is measured with the same targets. */
async function runParts(context, targets, into) {
  const { parts, rounds } = context.options;
  if (parts.witness) into.witnesses = await runWitnesses(targets, { rounds });
  if (!parts.fairness) return;
  const two = new Map([...targets].filter(([name]) => name === 'tgt' || name === 'lunsmith'));
  into.fairness = await measureFairness({ ...context, ...FAIRNESS }, two);
}

/** Of all samples: what target and generator did not take, in the median and in one of ten. */
export function elsewhereOf(results) {
  const all = results
    .flatMap(({ samples }) => samples.flatMap((round) => Object.values(round)))
    .map((sample) => sample.elsewhere);
  return { elsewhere: median(all), elsewhereMost: quantile(all, 0.9) };
}

/**
 * All cases in their stages. `told(results)` hears of each case as it is done; `folders` makes a
 * pair of folders for a stage, on disk and in memory.
 */
export async function runAll(context, cases, folders, told) {
  const report = { results: [] };
  for (const stage of stagesOf(cases)) {
    const parts = await runStage(context, stage, folders(), (results) => {
      report.results.push(...results);
      told(report, results);
    });
    Object.assign(report, parts);
  }
  return report;
}
