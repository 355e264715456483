// `npm run bench`: our daemon beside tgt, istgt and a minimal C target on loopback, in turns.
//   npm run bench -- [--quick | --all] [--check] [--json] [--rounds N] [--seconds S]
//                    [--only TEXT]… [--targets tgt,lunsmith] [--list]
//                    [--witness] [--iser] [--fairness]  with these parts as well
//                    [--write-docs]     all three parts, and the tables of docs/PERFORMANCE.md
//                    [--save FILE]      the JSON report, written anew after each round;
//                                       bench-report.json with --write-docs
//                    [--resume FILE]    goes on with what the report that was saved lacks
//                    [--beside FOLDER]  another build of ours takes part in each round
//                    [--data-threads N] ours, but not the one beside it, has so many
// `npm run bench -- docs FILE…`: the tables of docs/PERFORMANCE.md from saved reports.
// `npm run bench -- iser …`: iSER beside TCP (bench/iser.mjs).
// `npm run bench -- config …`: configuration at scale (bench/config.mjs).
// `npm run bench -- fairness …`: a shallow session beside a deep one (bench/fairness.mjs).
// `npm run bench -- scale …`: memory and start at size (bench/scale.mjs).
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
import { caseSeconds, estimate, ISER, PARTS, stagesOf } from './plan.mjs';
import { compile, temporaryFolder, versionsOf } from './programs.mjs';
import { document, HEADING, lackingLines, merged, missedLines, partsOf, row } from './report.mjs';
import { elsewhereOf, runAll } from './runner.mjs';
import * as saved from './saved.mjs';
import { benchScale } from './scale.mjs';
import { TARGETS } from './targets.mjs';

const { UsageError } = saved;
const MEMORY_FOLDER = '/dev/shm';
/** Where --write-docs saves, so that no long run is lost. */
const REPORT_FILE = 'bench-report.json';
/** Of so many cases, how long the rest will take is said again. */
const PACE_CASES = 10;

const PART_NAMES = Object.keys(PARTS);
const FLAGS = ['quick', 'all', 'check', 'json', 'list', 'write-docs', ...PART_NAMES];
const TEXTS = ['rounds', 'seconds', 'beside', 'save', 'resume', 'data-threads', 'targets'];

const numberOf = (text) => (text === undefined ? undefined : Number(text));

function checkTargets(names) {
  const unknown = (names ?? []).filter((name) => !TARGETS.includes(name));
  if (unknown.length === 0) return;
  throw new UsageError(`no target ${unknown.join(', ')}; there are ${TARGETS.join(', ')}`);
}

/** What the user asked for; what he left open is of the report that is resumed, or the usual. */
function parse() {
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(FLAGS.map((name) => [name, { type: 'boolean', default: false }])),
      ...Object.fromEntries(TEXTS.map((name) => [name, { type: 'string' }])),
      only: { type: 'string', multiple: true, default: [] },
    },
  });
  const { resume, beside, quick } = values;
  const before = resume === undefined ? undefined : saved.readReport(resume);
  const given = {
    rounds: numberOf(values.rounds),
    seconds: numberOf(values.seconds),
    targets: values.targets?.split(','),
    dataThreads: values['data-threads'],
    beside,
  };
  checkTargets(given.targets);
  const all = TARGETS.filter((name) => name !== 'beside');
  const usual = { rounds: 5, seconds: quick ? 0.4 : 0.6, targets: all, dataThreads: '1' };
  const settings = saved.settled(given, usual, before);
  const docs = values['write-docs'];
  const { targets } = settings;
  return {
    ...values,
    before,
    settings,
    ...settings,
    targets: settings.beside === undefined ? targets : [...targets, 'beside'],
    save: values.save ?? resume ?? (docs ? REPORT_FILE : undefined),
    parts: PART_NAMES.filter((part) => docs || values[part]),
    selects: values.only.length > 0 || quick || values.all,
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

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const clock = (seconds) => new Date(Date.now() + seconds * 1000).toTimeString().slice(0, 5);

function tellPlan({ cases, parts }, left, options) {
  const seconds = estimate(cases, parts, left, options);
  const also = parts.length > 0 ? ` and ${parts.join(', ')}` : '';
  console.error(
    `${cases.length} cases${also}, ${options.rounds} rounds of ${options.seconds} s for each ` +
      `target: about ${Math.ceil(seconds / 60)} min, until ${clock(seconds)}`,
  );
}

/** After some cases: how many are done, and when the rest will be, at the pace so far. */
function paceOf({ cases, parts }, left, options) {
  let done = 0;
  let began;
  const shares = cases.map((one) => caseSeconds(one, left(one), options));
  return () => {
    // The first case began when the targets stood.
    began ??= performance.now() - shares[0] * 1000;
    done += 1;
    if (done % PACE_CASES !== 0 || done === cases.length) return;
    const slow = (performance.now() - began) / 1000 / sum(shares.slice(0, done));
    const rest = estimate([], parts, left, options) + slow * sum(shares.slice(done));
    console.error(`${done} of ${cases.length} cases, until about ${clock(rest)}`);
  };
}

/** The report as it is to begin with: empty, or what a resumed run found. */
function reportOf(options, planned) {
  const { before, settings } = options;
  const sources = saved.sourcesDigest();
  const here = machine();
  if (before !== undefined) saved.checkSame(before, { machine: here, sources });
  const run = { ...settings, warmup: WARM_UP, sources, ...planned };
  return { version: saved.REPORT_VERSION, machine: here, results: [], ...before, run };
}

/** What became of a run that is cut, last of all. */
function tellWhenCut(report, file) {
  const tell = () => {
    const { cases } = saved.lackingOf(report);
    const rest = `${report.run.cases.length - cases.length} of ${report.run.cases.length} cases`;
    console.error(`cut: ${rest} are in ${file}; --resume ${file} goes on`);
  };
  process.on('exit', tell);
  return () => process.off('exit', tell);
}

/** Measures what `plan` names into `report`, which is saved after each round. */
async function measureAll(options, plan, report, left) {
  const folder = temporaryFolder(os.tmpdir());
  const memoryFolder = temporaryFolder(MEMORY_FOLDER);
  checkRoom(stagesOf(plan.cases, plan.parts), options.targets, folder, memoryFolder);
  const absent = new Set(TARGETS.filter((name) => !options.targets.includes(name)));
  const context = { load: await compile('load', folder), options, absent };
  const say = (text) => {
    if (!options.json) console.log(text);
  };
  const save = () => {
    report.run = { ...report.run, ...elsewhereOf(report.results) };
    if (options.save) saved.saveReport(options.save, report);
  };
  const pace = paceOf(plan, left, options);
  const toldPart = (part, figures) => {
    report[PARTS[part].field] = figures;
    save();
    for (const text of partsOf({ [PARTS[part].field]: figures })) say(`\n${text}`);
  };
  const told = (results) => {
    report.results = saved.ordered([...report.results, ...results]);
    save();
    if (results.some(({ lacking }) => lacking > 0)) return;
    for (const each of results) say(row(each));
    pace();
  };
  save();
  if (plan.cases.length > 0) say(HEADING);
  const folders = () => [temporaryFolder(folder), temporaryFolder(memoryFolder)];
  const before = (oneCase) => saved.roundsOf(options.before, oneCase);
  await runAll(context, plan, { before, told, toldPart, folders });
  if (plan.parts.includes('iser')) toldPart('iser', await measureIser(ISER));
}

/** The report of what the user asked for. */
async function run(options) {
  const plan = saved.planOf({ ...options, chosen: chosenCases(options) }, options.before);
  const report = reportOf(options, plan.planned);
  const left = (one) => options.rounds - saved.roundsOf(options.before, one).length;
  if (plan.cases.length + plan.parts.length === 0) {
    console.error('nothing is lacking of what was asked for');
    return report;
  }
  build();
  tellPlan(plan, left, options);
  const began = performance.now();
  const whole = options.save === undefined ? () => {} : tellWhenCut(report, options.save);
  await measureAll(options, plan, report, left);
  whole();
  console.error(`done in ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
  if (!saved.holdsAny(report, plan)) throw new UsageError('nothing was measured');
  return report;
}

async function main() {
  const options = parse();
  const chosen = chosenCases(options);
  if (options.list) return chosen.forEach((each) => console.log(each.name));
  if (chosen.length === 0) throw new UsageError('no case has such a name: see --list');
  const report = await run(options);
  if (options.json) console.log(JSON.stringify(report, null, 2));
  tellMissed(report, options);
  if (!options['write-docs']) return undefined;
  return console.error(`${await writeDocument(document(report))} is written`);
}

/** From reports that --save has left; what a later one measured again replaces the earlier. */
async function documentFrom(files) {
  if (files.length === 0) throw new UsageError('which report? npm run bench -- docs FILE…');
  const report = merged(files.map(saved.readReport));
  for (const text of lackingLines(report)) console.error(text);
  console.error(`${await writeDocument(document(report))} is written`);
}

const WORDS = {
  iser: benchIser,
  config: benchConfig,
  fairness: benchFairness,
  scale: benchScale,
  docs: documentFrom,
};

const [word, ...rest] = process.argv.slice(2);
try {
  await (WORDS[word]?.(rest) ?? main());
} catch (error) {
  const ofUser = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS');
  console.error(ofUser ? error.message : error.stack);
  process.exitCode = 1;
}
// What failed may have left something that still runs.
process.exit();
