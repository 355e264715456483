import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CASES, chosenCases } from '../../../bench/cases.mjs';
import { lackingLines, merged, type Report } from '../../../bench/report.mjs';
import {
  checkSame,
  holdsAny,
  lackingOf,
  ordered,
  planOf,
  readReport,
  roundsOf,
  saveReport,
  settled,
  sourcesDigest,
} from '../../../bench/saved.mjs';
import { summarise, type Round } from '../../../bench/statistics.mjs';

const sample = {
  perSecond: 1000,
  cpuMicros: 8,
  p50: 1,
  p99: 2,
  p999: 3,
  clientBusy: 0.5,
  elsewhere: 0,
};
const round: Round = { tgt: sample, lunsmith: sample };
const [first, second, third] = CASES.map(({ name }) => name) as [string, string, string];
const result = (name: string, rounds: number, lacking = 0) => ({
  ...summarise({ name, group: 'any' }, Array<Round>(rounds).fill(round)),
  lacking,
});

const machine = {
  node: 'v20',
  cores: 2,
  cpu: 'CPU',
  kernel: '6.1',
  memory: '8 GiB',
  targets: 'tgt 1.0',
};
const report: Report = {
  machine,
  run: {
    rounds: 5,
    seconds: 0.6,
    warmup: 0.2,
    targets: ['tgt', 'lunsmith'],
    dataThreads: '1',
    sources: 'abc',
    cases: [first, second, third],
    parts: ['iser', 'fairness'],
  },
  results: [result(first, 5), result(second, 3, 2)],
  iser: [],
};
const nothing = { chosen: [], parts: [], selects: false };

describe('what a report lacks', () => {
  test('are cases without all of their rounds, and parts without figures', () => {
    expect(lackingOf(report)).toEqual({ cases: [second, third], parts: ['fairness'] });
    expect(roundsOf(report, { name: second })).toHaveLength(3);
    expect(roundsOf(report, { name: third })).toEqual([]);
    expect(roundsOf(undefined, { name: first })).toEqual([]);
  });

  test('is said of several reports together', () => {
    const rest: Report = { ...report, results: [result(third, 5)], fairness: [] };
    const [text] = lackingLines(report);
    expect(text).toContain(`${second}; ${third}; the part \`--fairness\``);
    expect(lackingOf(merged([report, rest]))).toEqual({ cases: [second], parts: [] });
    expect(lackingLines({ ...report, run: { rounds: 5, seconds: 1, warmup: 0.2 } })).toEqual([]);
  });

  test('results stand in the order of the cases, later ones instead of earlier ones', () => {
    const results = ordered([result(third, 1), result(first, 1), result(third, 5)]);
    expect(results.map(({ name, rounds }) => [name, rounds])).toEqual([
      [first, 1],
      [third, 5],
    ]);
  });
});

describe('a resumed run', () => {
  test('goes on with what is lacking', () => {
    const plan = planOf(nothing, report);
    expect(plan.cases.map(({ name }) => name)).toEqual([second, third]);
    expect(plan.parts).toEqual(['fairness']);
    expect(plan.planned).toEqual({ cases: report.run.cases, parts: report.run.parts });
  });

  test('takes of it what is chosen, and adds what is new', () => {
    const chosen = chosenCases({ only: [`=${third}|=${first}`], quick: false, all: false });
    const plan = planOf({ chosen, parts: ['witness'], selects: true }, report);
    expect(plan.cases.map(({ name }) => name)).toEqual([third]);
    expect(plan.parts).toEqual(['fairness', 'witness']);
    const added = CASES.filter(({ name }) => name.includes('1,000 LUNs'));
    const more = planOf({ chosen: added, parts: [], selects: true }, report);
    expect(more.cases).toEqual(added);
    expect(more.planned.cases).toHaveLength(5);
  });

  test('of a whole report has nothing to do', () => {
    const whole: Report = {
      ...report,
      results: [first, second, third].map((name) => result(name, 5)),
      fairness: [],
    };
    expect(planOf(nothing, whole)).toMatchObject({ cases: [], parts: [] });
  });

  test('has the settings of its report, and refuses others', () => {
    const usual = { rounds: 9, seconds: 9, targets: ['echo'], dataThreads: '1' };
    const same = { rounds: 5, seconds: 0.6, targets: ['tgt', 'lunsmith'], dataThreads: '1' };
    expect(settled({}, usual, report)).toMatchObject(same);
    expect(settled(same, usual, report)).toMatchObject(same);
    expect(settled({ rounds: 3 }, usual)).toMatchObject({ ...usual, rounds: 3 });
    for (const [given, text] of [
      [{ rounds: 3 }, 'made with --rounds 5, not 3'],
      [{ seconds: 1 }, 'made with --seconds 0.6, not 1'],
      [{ targets: ['tgt'] }, 'made with --targets tgt,lunsmith, not tgt'],
      [{ dataThreads: '2' }, 'made with --data-threads 1, not 2'],
      [{ beside: '../before' }, 'made with --beside nothing, not ../before'],
    ] as const) {
      expect(() => settled(given, usual, report)).toThrow(text);
    }
  });

  test('has the sources and the machine of its report', () => {
    expect(() => checkSame(report, { machine, sources: 'abc' })).not.toThrow();
    expect(() => checkSame(report, { machine, sources: 'abd' })).toThrow('other sources');
    const other = { ...machine, kernel: '6.2' };
    expect(() => checkSame(report, { machine: other, sources: 'abc' })).toThrow('kernel 6.1');
  });

  test('without any figure is none', () => {
    const cases = CASES.slice(2, 3);
    expect(holdsAny(report, { cases, parts: [] })).toBe(false);
    expect(holdsAny(report, { cases, parts: ['iser'] })).toBe(true);
    expect(holdsAny(report, { cases: CASES.slice(0, 1), parts: [] })).toBe(true);
    const empty = { ...report, results: [{ ...result(third, 5), targets: {} }] };
    expect(holdsAny(empty, { cases, parts: [] })).toBe(false);
  });
});

describe('on disk', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'lunsmith-saved-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a report is read as it was saved, and nothing else is a report', () => {
    const file = path.join(folder, 'report.json');
    expect(() => readReport(file)).toThrow(`${file} is not there`);
    saveReport(file, { version: 1, ...report });
    expect(readReport(file)).toEqual(JSON.parse(JSON.stringify({ version: 1, ...report })));
    saveReport(file, { ...report, version: 2 });
    expect(() => readReport(file)).toThrow('no report of version 1');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 100));
    expect(() => readReport(file)).toThrow('is no report');
  });

  test('the digest of sources is of their names and contents', () => {
    for (const name of ['bench', 'src/target']) {
      mkdirSync(path.join(folder, name), { recursive: true });
    }
    const source = path.join(folder, 'src/target/a.ts');
    writeFileSync(source, 'one');
    const before = sourcesDigest(folder);
    expect(sourcesDigest(folder)).toBe(before);
    writeFileSync(path.join(folder, 'src/notes.md'), 'not a source');
    expect(sourcesDigest(folder)).toBe(before);
    writeFileSync(source, 'two');
    expect(sourcesDigest(folder)).not.toBe(before);
  });
});
