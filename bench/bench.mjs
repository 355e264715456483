// `npm run bench`: our daemon beside tgt, istgt and a minimal C target on loopback, in turns.
//   npm run bench -- [--quick | --all] [--check] [--json] [--rounds N] [--seconds S]
//                    [--only TEXT]… [--targets tgt,lunsmith] [--list]
//                    [--witness] [--iser] [--fairness]  with these parts as well
//                    [--write-docs]     all three parts, and the tables of docs/PERFORMANCE.md
//                    [--save FILE]      the JSON report, written anew after each case;
//                                       bench-report.json with --write-docs
//                    [--beside FOLDER]  another build of ours takes part in each round
//                    [--data-threads N] ours, but not the one beside it, has so many
// `npm run bench -- docs FILE…`: the tables of docs/PERFORMANCE.md from saved reports.
// `npm run bench -- iser …`: iSER beside TCP (bench/iser.mjs).
// `npm run bench -- config …`: configuration at scale (bench/config.mjs).
// `npm run bench -- fairness …`: a shallow session beside a deep one (bench/fairness.mjs).
// `npm run bench -- scale …`: memory and start at size (bench/scale.mjs).
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { build } from '../scripts/prepare.mjs';
import { chosenCases } from './cases.mjs';
import { benchConfig } from './config.mjs';
import { writeDocument } from './document.mjs';
import { benchFairness } from './fairness.mjs';
import { checkRoom } from './files.mjs';
import { benchIser, measureIser } from './iser.mjs';
import { WARM_UP } from './measure.mjs';
import { compile, temporaryFolder, versionsOf } from './programs.mjs';
import {
  document,
  fairnessPart,
  HEADING,
  iserPart,
  merged,
  missedLines,
  row,
  witnessPart,
} from './report.mjs';
import { elsewhereOf, estimate, ISER, runAll } from './runner.mjs';
import { benchScale } from './scale.mjs';
import { TARGETS } from './targets.mjs';

const MEMORY_FOLDER = '/dev/shm';
/** Of the JSON report: raised when a field changes its meaning. */
const REPORT_VERSION = 1;

/** Where --write-docs saves, so that no long run is lost. */
const REPORT_FILE = 'bench-report.json';

/** A mistake of whoever started the bench: its message is enough. */
class UsageError extends Error {}

const FLAGS = 'quick all check json list witness iser fairness write-docs'.split(' ');

function parse() {
  const flag = { type: 'boolean', default: false };
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(FLAGS.map((name) => [name, flag])),
      rounds: { type: 'string', default: '5' },
      seconds: text,
      only: { type: 'string', multiple: true, default: [] },
      beside: text,
      save: text,
      'data-threads': { type: 'string', default: '1' },
      targets: { type: 'string', default: TARGETS.filter((name) => name !== 'beside').join(',') },
    },
  });
  const names = values.targets.split(',');
  const unknown = names.filter((name) => !TARGETS.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`no target ${unknown.join(', ')}; there are ${TARGETS.join(', ')}`);
  }
  const docs = values['write-docs'];
  return {
    ...values,
    save: values.save ?? (docs ? REPORT_FILE : undefined),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds ?? (values.quick ? 0.4 : 0.6)),
    targets: values.beside === undefined ? names : [...names, 'beside'],
    parts: {
      witness: values.witness || docs,
      iser: values.iser || docs,
      fairness: values.fairness || docs,
    },
  };
}

const gibibytes = (bytes) => `${Math.round(bytes / 2 ** 30)} GiB`;

const machine = () => ({
  node: process.version,
  cores: os.availableParallelism(),
  cpu: os.cpus()[0]?.model.trim(),
  kernel: os.release(),
  memory: gibibytes(os.totalmem()),
  targets: versionsOf(),
});

/** What `--check` fails for, in words, whatever part it is of. */
function tellMissed(report, options) {
  const missed = missedLines(report);
  for (const line of missed) console.error(`below its bound: ${line}`);
  if (options.check && missed.length > 0) process.exitCode = 1;
}

function tellPlan(cases, options) {
  const seconds = estimate(cases, options);
  const end = new Date(Date.now() + seconds * 1000).toTimeString().slice(0, 5);
  console.error(
    `${cases.length} cases, ${options.rounds} rounds of ${options.seconds} s for each target: ` +
      `about ${Math.ceil(seconds / 60)} min, until ${end}`,
  );
}

/** The whole run; the report is whole after each case, so that a run cut short is not lost. */
async function measureAll(options, cases) {
  const folder = temporaryFolder(os.tmpdir());
  const memoryFolder = temporaryFolder(MEMORY_FOLDER);
  checkRoom(cases, options.targets, folder, memoryFolder);
  const absent = new Set(TARGETS.filter((name) => !options.targets.includes(name)));
  const context = { load: compile('load', folder), options, absent };
  const { rounds, seconds } = options;
  const run = { rounds, seconds, warmup: WARM_UP };
  const head = { version: REPORT_VERSION, machine: machine(), run };
  const whole = (parts) => ({ ...head, run: { ...run, ...elsewhereOf(parts.results) }, ...parts });
  const save = (parts) => {
    if (options.save) writeFileSync(options.save, JSON.stringify(whole(parts), null, 1));
  };
  const say = (text) => {
    if (!options.json) console.log(text);
  };
  say(HEADING);
  const folders = () => [temporaryFolder(folder), temporaryFolder(memoryFolder)];
  const parts = await runAll(context, cases, folders, (soFar, results) => {
    for (const each of results) say(row(each));
    save(soFar);
  });
  if (options.parts.iser) parts.iser = await measureIser(ISER);
  save(parts);
  for (const part of [witnessPart, iserPart, fairnessPart]) {
    for (const text of part(parts)) say(`\n${text}`);
  }
  return whole(parts);
}

async function main() {
  const options = parse();
  const cases = chosenCases(options);
  if (options.list) return cases.forEach((each) => console.log(each.name));
  if (cases.length === 0) throw new UsageError('no case has such a name: see --list');
  build();
  tellPlan(cases, options);
  const began = performance.now();
  const report = await measureAll(options, cases);
  if (options.json) console.log(JSON.stringify(report, null, 2));
  tellMissed(report, options);
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  console.error(`done in ${minutes} minutes`);
  if (!options['write-docs']) return undefined;
  return console.error(`${await writeDocument(document(report))} is written`);
}

/** From reports that --save has left; what a later one measured again replaces the earlier. */
async function documentFrom(files) {
  if (files.length === 0) throw new UsageError('which report? npm run bench -- docs FILE…');
  const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  if (reports.some(({ version }) => version !== REPORT_VERSION)) {
    throw new UsageError(`a report is not of version ${REPORT_VERSION}`);
  }
  const report = merged(reports);
  console.error(`${await writeDocument(document(report))} is written`);
}

const PARTS = {
  iser: benchIser,
  config: benchConfig,
  fairness: benchFairness,
  scale: benchScale,
  docs: documentFrom,
};

const [word, ...rest] = process.argv.slice(2);
try {
  await (PARTS[word]?.(rest) ?? main());
} catch (error) {
  const ofUser = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS');
  console.error(ofUser ? error.message : error.stack);
  process.exitCode = 1;
}
// What failed may have left something that still runs.
process.exit();
