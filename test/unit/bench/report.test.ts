import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { between, MARKS } from '../../../bench/document.mjs';
import {
  document,
  HEADING,
  merged,
  missedLines,
  row,
  type Report,
} from '../../../bench/report.mjs';
import { summarise, type Round } from '../../../bench/statistics.mjs';

const sample = (perSecond: number) => ({
  perSecond,
  cpuMicros: 8,
  p50: 120,
  p99: 1500,
  p999: 2500,
  clientBusy: 0.5,
  elsewhere: 0.01,
});
const one = { name: '4 KiB read', group: '4 KiB', bounds: { throughput: 4, istgt: 1, echo: 2 } };
const round = (ours: number): Round => ({
  tgt: sample(30_000),
  istgt: sample(20_000),
  lunsmith: sample(ours),
  echo: sample(400_000),
});
const even = [round(90_000), round(90_000), round(90_000)];
const uneven = [round(30_000), round(90_000), round(150_000)];

const report = (rounds: readonly Round[]): Report => ({
  machine: {
    node: 'v20.19.0',
    cores: 2,
    cpu: 'CPU',
    kernel: '6.1',
    memory: '8 GiB',
    targets: 'tgt 1.0',
  },
  run: { rounds: rounds.length, seconds: 0.8, warmup: 0.2, elsewhere: 0.02, elsewhereMost: 0.05 },
  results: [summarise(one, rounds)],
});

describe('a row', () => {
  test('has as many cells as its heading, and the ratios of the rounds', () => {
    const text = row(summarise(one, even));
    const heading = HEADING.split('\n')[0] ?? '';
    expect(text).toContain('| 4 KiB read | 30,000 | 20,000 |  | 90,000 | 3.00 | 4.50 |');
    expect(text.split('|')).toHaveLength(heading.split('|').length);
  });

  test('is marked where the rounds differ much, and where something else was busy', () => {
    expect(row(summarise(one, even))).toContain('| 4 KiB read |');
    expect(row(summarise(one, uneven))).toContain('| 4 KiB read ~ |');
    const busy = even.map((each) => ({ ...each, tgt: { ...sample(30_000), elsewhere: 0.5 } }));
    expect(row(summarise(one, busy))).toContain('| 4 KiB read |');
    const most = busy.map((each) => ({ ...each, istgt: each.tgt, echo: each.tgt }));
    expect(row(summarise(one, most))).toContain('| 4 KiB read ! |');
    expect(document(report(uneven))).toContain('`~` beside a name: the middle half');
  });
});

describe('the report', () => {
  test('of a run that was cut says what is not whole', () => {
    const results = [{ ...summarise(one, even), lacking: 2 }];
    const run = { ...report(even).run, cases: [one.name, '4 KiB write'], parts: [] };
    const text = document({ ...report(even), run, results });
    expect(text).toContain('Not measured, or not in full: 4 KiB read; 4 KiB write.');
    expect(text).toContain('| 4 KiB read … |');
    expect(text).toContain('`…` beside a name: the run was cut before all of its rounds.');
    expect(document(report(even))).not.toContain('Not measured, or');
  });

  test('lists what is below its bound with figure and bound', () => {
    expect(missedLines(report(even))).toEqual(['4 KiB read: throughput × tgt 3.00, ≥ 4.00']);
  });

  test('says the same in the document, with a reason or how to find one', () => {
    const text = document(report(even));
    expect(text).toContain('| 4 KiB read | throughput × tgt | 3.00 | ≥ 4.00 | **no** |');
    expect(text).toMatch(/\n- \S.*\n {2}- 4 KiB read: throughput × tgt 3\.00, bound ≥ 4\.00\n/);
    expect(text).toContain('| never slower than istgt | 1 of 1 cases | 4.50 |');
  });

  test('a bound without a figure is said to be not measured', () => {
    const without = even.map(({ lunsmith, tgt }) => ({ lunsmith, tgt }));
    const lines = missedLines({ results: [summarise(one, without)] });
    for (const missing of ['tgt', 'istgt', 'lunsmith', 'echo']) {
      const some = even.map((each) => ({ ...each, [missing]: undefined }));
      expect(document(report(some))).toContain('not measured');
    }
    expect(lines).toContain('4 KiB read: throughput × istgt not measured, ≥ 1.00');
  });

  test('a case that was measured again replaces the first, in its place', () => {
    const again = { ...report(uneven), iser: [] };
    const text = document(merged([report(even), again]));
    expect(text).toContain('Medians of 3 rounds of 0.8 s (some cases, in runs of their own: 3 of');
    expect(text).toContain('| 4 KiB read ~ |');
    expect(text).not.toContain('| 4 KiB read |  |');
    expect(document(merged([again]))).toBe(document(again));
  });

  test('a report that was saved and read again gives the same document', () => {
    const whole = report(uneven);
    expect(document(JSON.parse(JSON.stringify(whole)) as Report)).toBe(document(whole));
  });
});

describe('the document', () => {
  const { begin, end } = MARKS.bench;

  test('is replaced between its marks and nowhere else', () => {
    const { profile } = MARKS;
    const other = `${profile.begin}\n\nprofile\n\n${profile.end}`;
    const text = `before\n\n${begin}\n\nold\n\n${end}\n\n${other}\n`;
    const once = between(text, 'new', 'bench');
    expect(once).toBe(`before\n\n${begin}\n\nnew\n\n${end}\n\n${other}\n`);
    expect(between(once, 'new', 'bench')).toBe(once);
  });

  test('without its marks is left alone', () => {
    expect(() => between('no marks', 'new', 'bench')).toThrow('missing');
    expect(() => between(`${end} ${begin}`, 'new', 'bench')).toThrow('missing');
  });

  test('that the project has, has the marks of each part once', () => {
    const text = readFileSync('docs/PERFORMANCE.md', 'utf8');
    for (const marks of Object.values(MARKS)) {
      for (const mark of [marks.begin, marks.end]) expect(text.split(mark)).toHaveLength(2);
    }
  });
});
