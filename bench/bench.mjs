// `npm run bench`: our daemon beside tgt, istgt and a minimal C target on loopback, in turns.
//   npm run bench -- [--quick | --all] [--check] [--json] [--rounds N] [--seconds S]
//                    [--only TEXT]… [--targets tgt,lunsmith] [--list] [--witness]
//                    [--beside FOLDER]  another build of ours takes part in each round
//                    [--data-threads N] ours, but not the one beside it, has so many
// `npm run bench -- iser …`: iSER beside TCP (bench/iser.mjs).
// `npm run bench -- config …`: configuration at scale (bench/config.mjs).
// `npm run bench -- fairness …`: a shallow session beside a deep one (bench/fairness.mjs).
// `npm run bench -- scale …`: memory and start at size (bench/scale.mjs).
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../scripts/prepare.mjs';
import { CASES } from './cases.mjs';
import { benchConfig } from './config.mjs';
import { benchFairness } from './fairness.mjs';
import { FILE_BYTES, makeFiles } from './files.mjs';
import { measure } from './measure.mjs';
import { compile } from './programs.mjs';
import { HEADING, row, summarise } from './report.mjs';
import { benchScale } from './scale.mjs';
import { startEcho, startTargets } from './targets.mjs';
import { runWitnesses } from './witnesses.mjs';

const MEMORY_FOLDER = '/dev/shm';

function parse() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      witness: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      beside: { type: 'string' },
      'data-threads': { type: 'string', default: '1' },
      targets: { type: 'string', default: 'tgt,istgt,lunsmith,minimal' },
    },
  });
  return {
    ...values,
    rounds: Number(values.rounds ?? (values.quick ? 3 : 5)),
    seconds: Number(values.seconds ?? (values.quick ? 0.7 : 1.5)),
    targets: [...values.targets.split(','), ...(values.beside === undefined ? [] : ['beside'])],
  };
}

/** What is named is found among all. */
function chosenCases({ only, quick, all }) {
  if (only.length > 0) return CASES.filter(({ name }) => only.every((text) => name.includes(text)));
  return CASES.filter((each) => (quick ? each.quick : all || !each.all));
}

/** A B C A B C …: one sample of each target per round. */
async function runCase(context, oneCase, targets) {
  const names = [...oneCase.targets, 'beside'].filter((name) => targets.has(name));
  const rounds = [];
  for (let at = 0; at < context.options.rounds; at++) {
    const round = {};
    for (const name of names) {
      try {
        round[name] = await measure(context, oneCase, targets.get(name));
      } catch (error) {
        console.error(`${oneCase.name}, ${name}: ${error.message}`);
      }
    }
    rounds.push(round);
  }
  return summarise(oneCase, rounds);
}

/** What is compiled while it runs is compiled before the first figure. */
async function warmUp(context, targets) {
  const load = ['--size', '4096', '--write', '30', '--depth', '32'];
  for (const target of targets.values()) {
    await measure(context, { name: 'warm-up', medium: 'file', load }, target);
  }
}

/** The generator must drive a target that does nothing at twice our figure, in the same run. */
async function proveGenerator(context, results, cases, folder) {
  const echo = await startEcho(folder);
  const proofs = [];
  try {
    for (const oneCase of cases.filter(isProof)) {
      const samples = [];
      for (let at = 0; at < context.options.rounds; at++) {
        samples.push(await measure(context, { ...oneCase, medium: 'file' }, echo));
      }
      const perSecond = Math.max(...samples.map((each) => each.perSecond));
      const ours = results.find(({ name }) => name === oneCase.name)?.targets.lunsmith?.perSecond;
      proofs.push({ name: oneCase.name, perSecond, times: perSecond / (ours ?? Number.NaN) });
    }
    return proofs;
  } finally {
    await echo.stop();
  }
}

/**
 * Where commands count: from 64 KiB on, generator and target are bound by the same copies, and with
 * few commands under way both wait for each other.
 */
const isProof = ({ name, medium }) =>
  medium === 'file' && /^4 KiB random.*depth (32|128)/.test(name);
const PROOF = 2;

const say = (options, text) => {
  if (!options.json) console.log(text);
};

async function runAll(options, cases, folder, memoryFolder) {
  const load = compile('load', folder);
  const files = makeFiles(load, folder, memoryFolder, cases);
  const thousandLuns = cases.some((each) => each.thousandLuns);
  const { beside, 'data-threads': dataThreads } = options;
  const setup = { files, folder, bytes: FILE_BYTES, thousandLuns, beside, dataThreads };
  const targets = await startTargets(options.targets, setup);
  const context = { load, files, options };
  const results = [];
  try {
    await warmUp(context, targets);
    say(options, HEADING);
    for (const oneCase of cases) {
      const result = await runCase(context, oneCase, targets);
      results.push(result);
      say(options, row(result));
    }
    const generator = await proveGenerator(context, results, cases, folder);
    if (generator.length > 0) say(options, '\nThe load generator against an echo target:');
    for (const proof of generator) {
      const rate = Math.round(proof.perSecond).toLocaleString('en-US');
      const times = proof.times.toFixed(1);
      say(options, `  ${proof.name}: ${rate}/s, ${times} times what we serve`);
    }
    const witnesses = options.witness ? runWitnesses(targets, options) : [];
    for (const each of witnesses) say(options, JSON.stringify(each));
    return { results, generator, witnesses };
  } finally {
    await Promise.all([...targets.values()].map((each) => each.stop()));
  }
}

async function main() {
  const options = parse();
  const cases = chosenCases(options);
  if (options.list) return cases.forEach((each) => console.log(each.name));
  if (cases.length === 0) throw new Error('no case has such a name: see --list');
  build();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lunsmith-bench-'));
  const memoryFolder = mkdtempSync(path.join(MEMORY_FOLDER, 'lunsmith-bench-'));
  try {
    const report = await runAll(options, cases, folder, memoryFolder);
    if (options.json) console.log(JSON.stringify({ machine: machine(), ...report }, null, 2));
    const missed = report.results.flatMap(({ name, missed: all }) =>
      all.map((what) => `${name}: ${what}`),
    );
    for (const { name, times } of report.generator.filter((proof) => proof.times < PROOF)) {
      missed.push(`${name}: the load generator is at ${times.toFixed(1)} times, needs ${PROOF}`);
    }
    for (const line of missed) console.error(`below its bound: ${line}`);
    if (options.check && missed.length > 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(memoryFolder, { recursive: true, force: true });
  }
}

const machine = () => ({
  node: process.version,
  cores: os.cpus().length,
  cpu: os.cpus()[0]?.model,
  kernel: os.release(),
  load: os.loadavg(),
});

if (process.argv[2] === 'iser') await import('./iser.mjs');
else if (process.argv[2] === 'config') await benchConfig();
else if (process.argv[2] === 'fairness') await benchFairness(process.argv.slice(3));
else if (process.argv[2] === 'scale') await benchScale(process.argv.slice(3));
else await main();
