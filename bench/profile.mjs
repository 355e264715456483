// Where the time goes in our daemon's data thread: shares by part, a column for each case.
//   node bench/profile.mjs [--only TEXT]… [--seconds S] [--write-docs]
//   node bench/profile.mjs --functions [--only TEXT]… [--top N]   self time by JavaScript function
// The table needs Linux `perf`; --functions needs nothing but Node.
import { readdirSync, readFileSync, unlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, ROOT } from '../scripts/prepare.mjs';
import { CASES, chosenCases } from './cases.mjs';
import { writeDocument } from './document.mjs';
import { FILE_BYTES, makeFiles, mediaOf } from './files.mjs';
import { measure } from './measure.mjs';
import { busiestThread, parseSamples, partOf, shares, wholeOf } from './profile_parts.mjs';
import { compile, found, must, serve, stop, temporaryFolder } from './programs.mjs';
import { percent, table } from './report.mjs';
import { startTargets } from './targets.mjs';

const USUAL = [
  '4 KiB random read, depth 32',
  '4 KiB random write, depth 32',
  '4 KiB random read, depth 1, one core',
  '64 KiB random read, depth 32',
  '64 KiB random write, depth 32',
];
/** Not a divisor of a timer's rate. */
const RATE = '1999';
/** About what starting, and reading the samples of a case, take beside the cases themselves. */
const START_SECONDS = 15;
const CASE_SECONDS = 8;
/** Of a part that is shown by itself. */
const LEAST_SHARE = 0.01;

/** Self time by function in milliseconds, longest first. */
function selfTimes(profile) {
  const names = new Map();
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const file = url.replace(/^file:\/\//, '').replace(`${ROOT}/`, '');
    const place = file === '' ? '' : ` ${file.replace('dist/src/', '')}:${lineNumber + 1}`;
    names.set(id, `${functionName || '(anonymous)'}${place}`);
  }
  const totals = new Map();
  profile.samples.forEach((id, at) => {
    const name = names.get(id) ?? '?';
    totals.set(name, (totals.get(name) ?? 0) + profile.timeDeltas[at] / 1000);
  });
  return [...totals].sort((a, b) => b[1] - a[1]);
}

/** Of the profiles in a folder that of the thread that was busiest: the data path. */
function busiest(folder) {
  const profiles = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => selfTimes(JSON.parse(readFileSync(path.join(folder, name), 'utf8'))));
  const busy = (times) =>
    times
      .filter(([name]) => name !== '(idle)' && name !== '(program)')
      .reduce((sum, [, ms]) => sum + ms, 0);
  return profiles.sort((a, b) => busy(b) - busy(a))[0] ?? [];
}

/** Starts our daemon with these arguments of Node, for `work`. */
async function withDaemon(cases, seconds, nodeArgs, work) {
  const folder = temporaryFolder(os.tmpdir());
  const load = await compile('load', folder);
  const media = mediaOf(cases);
  const files = await makeFiles(load, folder, temporaryFolder('/dev/shm'), media);
  const setup = { load, files, folder, media, bytes: FILE_BYTES, nodeArgs: nodeArgs(folder) };
  const lunsmith = (await startTargets(['lunsmith'], setup)).get('lunsmith');
  if (lunsmith === undefined) throw new Error('our daemon did not start');
  const context = { load, files, options: { seconds, warmup: 1 } };
  try {
    return await work({ lunsmith, context, folder });
  } finally {
    await lunsmith.stop();
  }
}

async function functions(oneCase, { seconds, top }) {
  const nodeArgs = (folder) => [
    '--cpu-prof',
    `--cpu-prof-dir=${folder}`,
    '--cpu-prof-interval=200',
  ];
  await withDaemon([oneCase], seconds, nodeArgs, async ({ lunsmith, context, folder }) => {
    const { perSecond, cpuMicros } = await measure(context, oneCase, lunsmith);
    await lunsmith.stop();
    const times = busiest(folder);
    const total = times.reduce((sum, [, ms]) => sum + ms, 0);
    console.log(`${oneCase.name}: ${Math.round(perSecond)}/s, ${cpuMicros.toFixed(2)} µs CPU each`);
    for (const [name, ms] of times.slice(0, top)) {
      console.log(`${((100 * ms) / total).toFixed(1).padStart(6)} %  ${name}`);
    }
  });
}

/** Of each sample of one case's data thread its part; CPU per command. */
async function sampled(perf, { lunsmith, context, folder }, oneCase) {
  const data = path.join(folder, 'perf.data');
  const { pid } = lunsmith;
  const record = ['record', '-q', '-F', RATE, '-g', '-p', String(pid), '-o', data];
  const { child } = serve(perf, record);
  const { cpuMicros } = await measure(context, oneCase, lunsmith);
  await stop(child, 'SIGINT');
  const script = ['script', '-i', data, '-F', 'tid,ip,sym,dso'];
  const samples = parseSamples(await must(perf, script));
  const thread = busiestThread(samples);
  const ofThread = samples.filter((each) => each.thread === thread);
  return { cpuMicros, parts: ofThread.map(partOf) };
}

/** Rows of both tables: the great parts, then the parts of some size. */
function tables(profiles) {
  const heading = (first) => [first, ...profiles.map(({ name }) => name)];
  const rows = (name) => {
    const columns = profiles.map(({ parts }) => new Map(shares(parts, name)));
    const most = (key) => Math.max(...columns.map((each) => each.get(key) ?? 0));
    const keys = [...new Set(columns.flatMap((each) => [...each.keys()]))]
      .filter((key) => most(key) >= LEAST_SHARE)
      .sort((a, b) => most(b) - most(a));
    return keys.map((key) => [key, ...columns.map((each) => percent(each.get(key)))]);
  };
  const cpu = ['CPU per command', ...profiles.map(({ cpuMicros }) => `${cpuMicros.toFixed(1)} µs`)];
  return [
    table(heading('whole'), [...rows(wholeOf), cpu]),
    table(
      heading('part'),
      rows((part) => part),
    ),
  ].join('\n\n');
}

async function byPart(cases, { seconds, 'write-docs': docs }) {
  const perf = found('perf');
  if (perf === undefined)
    throw new Error('perf is not installed (Debian: linux-perf): --functions');
  const nodeArgs = () => ['--perf-basic-prof'];
  const profiles = await withDaemon(cases, seconds, nodeArgs, async (daemon) => {
    const all = [];
    try {
      for (const oneCase of cases) {
        all.push({ name: oneCase.name, ...(await sampled(perf, daemon, oneCase)) });
      }
    } finally {
      unlinkSync(`/tmp/perf-${daemon.lunsmith.pid}.map`);
    }
    return all;
  });
  const text = tables(profiles);
  console.log(text);
  if (docs) console.error(`${await writeDocument(text, 'profile')} is written`);
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      seconds: { type: 'string', default: '4' },
      top: { type: 'string', default: '40' },
      functions: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  const { only } = values;
  const cases =
    only.length > 0
      ? chosenCases({ only, quick: false, all: false })
      : CASES.filter(({ name }) => USUAL.includes(name));
  if (cases.length === 0) throw new Error('no case has such a name');
  build();
  const seconds = Number(values.seconds);
  const plan = values.functions ? 1 : cases.length;
  const minutes = Math.ceil((START_SECONDS + plan * (seconds + CASE_SECONDS)) / 60);
  console.error(`${plan} cases of ${seconds} s: about ${minutes} min`);
  if (values.functions) await functions(cases[0], { seconds, top: Number(values.top) });
  else await byPart(cases, { ...values, seconds });
}

await main();
process.exit();
