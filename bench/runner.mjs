// One run: stages of targets that are up together, cases within them, rounds within those.
import { makeFiles, FILE_BYTES, manyFiles, mediaOf } from './files.mjs';
import { measureFairness } from './fairness.mjs';
import { measure, openCase } from './measure.mjs';
import { FAIRNESS, PARTS, participants, stagesOf, targetsOf } from './plan.mjs';
import { must, removeFolder } from './programs.mjs';
import { median, quantile, summarise } from './statistics.mjs';
import { startTargets } from './targets.mjs';
import { runWitnesses } from './witnesses.mjs';

/** Failures in a row after which a target is left out of the rest. */
const TRIES = 3;

/** A target's sessions of this case are closed, as far as there are some. */
async function closeOne(opened, name) {
  const sessions = opened.get(name);
  opened.delete(name);
  await sessions?.close();
}

/**
 * One sample of each target; whoever fails too often in a row is left out from then on. `opened`:
 * sessions that stay from round to round.
 */
async function runRound(context, oneCase, names, targets, opened) {
  const round = {};
  for (const name of names) {
    const target = targets.get(name);
    if (target === undefined) continue;
    try {
      if (!opened.has(name)) opened.set(name, await openCase(context, oneCase, target));
      round[name] = await opened.get(name).sample();
      target.failures = 0;
    } catch (error) {
      console.error(`${oneCase.name}, ${name}: ${error.message}`);
      await closeOne(opened, name);
      target.failures = (target.failures ?? 0) + 1;
      if (target.failures < TRIES) continue;
      console.error(`left out from here: ${name}, which failed ${TRIES} times in a row`);
      targets.delete(name);
      await target.stop();
    }
  }
  return round;
}

/** All at once, before any round; who fails here is asked again, and heard, in its turn. */
async function openAll(context, oneCase, names, targets) {
  const opened = new Map();
  const open = async (name) =>
    opened.set(name, await openCase(context, oneCase, targets.get(name)));
  await Promise.allSettled(names.filter((name) => targets.has(name)).map(open));
  return opened;
}

/** What one case has written is not written back beside the next. */
async function writeBack(context, targets) {
  for (const { files } of [context, ...targets.values()]) {
    if (files !== undefined) await must(context.load, ['--sync', files.file]);
  }
}

/**
 * A B C A B C …: one sample of each target per round, after the rounds of `before`. `told` hears of
 * the case, and of what is judged beside it, after each round.
 */
async function runCase(context, oneCase, targets, before, told) {
  const { options } = context;
  const names = participants(oneCase, options.targets);
  if (!names.some((name) => targets.has(name))) {
    console.error(`not measured: ${oneCase.name}: none of its targets takes part`);
    return;
  }
  const judged = names.includes(oneCase.also?.ours) ? [oneCase, oneCase.also] : [oneCase];
  const rounds = [...before];
  const opened = await openAll(context, oneCase, names, targets);
  try {
    while (rounds.length < options.rounds) {
      rounds.push(await runRound(context, oneCase, names, targets, opened));
      const lacking = options.rounds - rounds.length;
      told(judged.map((one) => ({ ...summarise(one, rounds, context.absent), lacking })));
    }
  } finally {
    for (const name of [...opened.keys()]) await closeOne(opened, name);
  }
  if (oneCase.writes && oneCase.medium === 'file') await writeBack(context, targets);
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

async function setupOf(context, { cases, parts }, folder, memoryFolder) {
  const { options, load } = context;
  const media = mediaOf(cases, parts);
  const files = await makeFiles(load, folder, memoryFolder, media);
  const many = media.has('many') ? manyFiles(folder) : undefined;
  const { beside, dataThreads } = options;
  return { load, files, folder, many, media, beside, dataThreads, bytes: FILE_BYTES };
}

/** The targets of one stage, then its cases and parts. */
async function runStage(context, stage, folders, plan) {
  const setup = await setupOf(context, stage, ...folders);
  const wanted = targetsOf(stage, context.options.targets);
  const targets = await startTargets(wanted, setup);
  try {
    if (wanted.includes('lunsmith') && !targets.has('lunsmith')) {
      throw new Error('our own daemon did not start: there is nothing to measure');
    }
    const within = { ...context, files: setup.files };
    await warmUp(within, targets, setup.media.has('many') ? 'many' : 'file');
    for (const oneCase of stage.cases) {
      await runCase(within, oneCase, targets, plan.before(oneCase), plan.told);
    }
    for (const part of stage.parts) await runPart(within, targets, part, plan.toldPart);
  } finally {
    await Promise.all([...targets.values()].map((target) => target.stop()));
    folders.forEach(removeFolder);
  }
}

const MEASURE_PART = {
  witness: (context, targets) => runWitnesses(targets, context.options),
  fairness: (context, targets) => measureFairness({ ...context, ...FAIRNESS }, targets),
};

/** What else is measured with the same targets. */
async function runPart(context, targets, part, told) {
  const names = PARTS[part].targets;
  const able = new Map([...targets].filter(([name]) => names.includes(name)));
  if (able.size === 0) {
    console.error(`not measured: --${part}: none of ${names.join(', ')} takes part`);
    return;
  }
  told(part, await MEASURE_PART[part](context, able));
}

/** Of all samples: what target and generator did not take, in the median and in one of ten. */
export function elsewhereOf(results) {
  const all = results
    .flatMap(({ samples }) => samples.flatMap((round) => Object.values(round)))
    .map((sample) => sample.elsewhere);
  return { elsewhere: median(all), elsewhereMost: quantile(all, 0.9) };
}

/**
 * All cases and parts in their stages. `plan`: `before(oneCase)` gives the rounds that are there
 * already; `told(results)` hears of each round, `toldPart(part, figures)` of each part; `folders`
 * makes a pair of folders for a stage, on disk and in memory.
 */
export async function runAll(context, { cases, parts }, plan) {
  for (const stage of stagesOf(cases, parts)) {
    await runStage(context, stage, plan.folders(), plan);
  }
}
