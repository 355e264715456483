// The report of a run as it grows: what was to be measured, what is there, what a resumed run may
// add to. Saved after each round, whole each time.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../scripts/prepare.mjs';
import { CASES } from './cases.mjs';
import { PARTS } from './plan.mjs';

/** Of the JSON report: raised when a field changes its meaning. */
export const REPORT_VERSION = 1;

/** A mistake of whoever started the bench: its message is enough. */
export class UsageError extends Error {}

/** A digest of the sources of daemon and bench: figures of different ones are no one report. */
export function sourcesDigest(root = ROOT) {
  const digest = createHash('sha1');
  for (const folder of ['bench', 'src']) {
    const names = readdirSync(path.join(root, folder), { recursive: true });
    for (const name of names.filter((one) => /\.(ts|mjs|c|h)$/.test(one)).sort()) {
      digest.update(`${folder}/${name}\n`).update(readFileSync(path.join(root, folder, name)));
    }
  }
  return digest.digest('hex').slice(0, 12);
}

/** Replaced as a whole: who kills the bench finds the last round's report, not half of a file. */
export function saveReport(file, report) {
  writeFileSync(`${file}.new`, JSON.stringify(report, null, 1));
  renameSync(`${file}.new`, file);
}

export function readReport(file) {
  if (!existsSync(file)) throw new UsageError(`${file} is not there`);
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} is no report: ${error.message}`);
  }
  if (report?.version === REPORT_VERSION) return report;
  throw new UsageError(`${file} is no report of version ${REPORT_VERSION}`);
}

/** What decides figures, with the option that sets it. */
const SETTINGS = {
  rounds: '--rounds',
  seconds: '--seconds',
  targets: '--targets',
  dataThreads: '--data-threads',
  beside: '--beside',
};
const plain = (value) => (value === undefined ? 'nothing' : String(value));

/**
 * The settings of a run: what the user gave, else those of the report that it resumes, else
 * `usual`. Throws where both are there and differ.
 */
export function settled(given, usual, before) {
  const all = {};
  for (const [key, option] of Object.entries(SETTINGS)) {
    const there = before?.run[key];
    if (before !== undefined && given[key] !== undefined && plain(given[key]) !== plain(there)) {
      throw new UsageError(
        `the report was made with ${option} ${plain(there)}, not ${plain(given[key])}: ` +
          `resume it without ${option}, or save another`,
      );
    }
    all[key] = before === undefined ? (given[key] ?? usual[key]) : there;
  }
  return all;
}

/** Throws unless a report was made here, by these sources. */
export function checkSame(before, { machine, sources }) {
  if (before.run.sources !== sources) {
    throw new UsageError(
      'the report was made by other sources of daemon or bench: take those, or save another',
    );
  }
  const other = Object.keys(machine).filter((key) => machine[key] !== before.machine[key]);
  if (other.length === 0) return;
  const [key] = other;
  throw new UsageError(
    `the report was made with ${key} ${before.machine[key]}, this is ${machine[key]}: save another`,
  );
}

/** The rounds of a case that are there already. */
export const roundsOf = (report, { name }) =>
  report?.results.find((each) => each.name === name)?.samples ?? [];

/** Names of the cases and parts that a report was to have and has not, or not in full. */
export function lackingOf({ run, results, ...fields }) {
  const whole = new Set(results.filter(({ lacking }) => !lacking).map(({ name }) => name));
  return {
    cases: (run.cases ?? []).filter((name) => !whole.has(name)),
    parts: (run.parts ?? []).filter((part) => fields[PARTS[part]?.field] === undefined),
  };
}

/** Whether a report holds any figure of these cases and parts. */
export function holdsAny(report, { cases, parts }) {
  const names = new Set(cases.map(({ name }) => name));
  const measured = ({ name, targets }) => names.has(name) && Object.keys(targets).length > 0;
  return (
    report.results.some(measured) || parts.some((part) => report[PARTS[part].field] !== undefined)
  );
}

const joined = (before, now) => [...new Set([...(before ?? []), ...now])];

/**
 * What a run is to measure. `chosen` and `parts` are what the user named; a resumed run without
 * any goes on with what the report lacks. `planned` are the names that the report is to have.
 */
export function planOf({ chosen, parts, selects }, before) {
  if (before === undefined) {
    const names = chosen.map(({ name }) => name);
    return { cases: chosen, parts, planned: { cases: names, parts } };
  }
  const planned = {
    cases: joined(before.run.cases, selects ? chosen.map(({ name }) => name) : []),
    parts: joined(before.run.parts, parts),
  };
  const lacking = lackingOf({ ...before, run: { ...before.run, ...planned } });
  const wanted = new Set(selects ? chosen.map(({ name }) => name) : lacking.cases);
  const named = new Set(lacking.cases.filter((name) => wanted.has(name)));
  const cases = CASES.filter(({ name }) => named.has(name));
  return { cases, parts: lacking.parts, planned };
}

/** Results by name, in the order of the cases; later ones replace earlier ones. */
export function ordered(results) {
  const byName = new Map(results.map((each) => [each.name, each]));
  const order = CASES.flatMap((one) => (one.also ? [one.name, one.also.name] : [one.name]));
  const known = order.filter((name) => byName.has(name)).map((name) => byName.get(name));
  return [...known, ...[...byName.values()].filter(({ name }) => !order.includes(name))];
}
