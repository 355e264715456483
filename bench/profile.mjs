// Where the time goes: our daemon's data thread under one load, as self time by function.
//   node bench/profile.mjs [--only TEXT]… [--seconds S] [--top N]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, ROOT } from '../scripts/prepare.mjs';
import { CASES, MIB } from './cases.mjs';
import { measure } from './measure.mjs';
import { compile, must } from './programs.mjs';
import { startTargets } from './targets.mjs';

const FILE_BYTES = 1024 * MIB;

/** Self time by function in milliseconds, longest first; idle time apart. */
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

/** The thread that was busiest: the data path. */
function busiest(folder) {
  const profiles = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => selfTimes(JSON.parse(readFileSync(path.join(folder, name), 'utf8'))));
  const busy = (times) =>
    times.reduce(
      (sum, [name, ms]) => sum + (name === '(idle)' || name === '(program)' ? 0 : ms),
      0,
    );
  return profiles.sort((a, b) => busy(b) - busy(a))[0] ?? [];
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: ['4 KiB random read, depth 32'] },
      seconds: { type: 'string', default: '4' },
      top: { type: 'string', default: '40' },
    },
  });
  const oneCase = CASES.find((each) => values.only.every((text) => each.name.includes(text)));
  if (oneCase === undefined) throw new Error('no case has such a name');
  build();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lunsmith-profile-'));
  try {
    const load = compile('load', folder);
    const file = path.join(folder, 'file.img');
    must(load, ['--fill', file, String(FILE_BYTES)]);
    const cold = path.join(folder, 'cold.img');
    must(load, ['--fill', cold, String(oneCase.medium === 'cold' ? FILE_BYTES : MIB)]);
    const files = { file, cold, memory: file };
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=200'];
    const targets = await startTargets(['lunsmith'], {
      files,
      folder,
      bytes: FILE_BYTES,
      nodeArgs,
    });
    const lunsmith = targets.get('lunsmith');
    const options = { seconds: Number(values.seconds) };
    const sample = await measure({ load, files, options }, oneCase, lunsmith);
    await lunsmith.stop();
    const times = busiest(folder);
    const total = times.reduce((sum, [, ms]) => sum + ms, 0);
    const { perSecond, cpuMicros } = sample;
    console.log(`${oneCase.name}: ${Math.round(perSecond)}/s, ${cpuMicros.toFixed(2)} µs CPU each`);
    for (const [name, ms] of times.slice(0, Number(values.top))) {
      console.log(`${((100 * ms) / total).toFixed(1).padStart(6)} %  ${name}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
