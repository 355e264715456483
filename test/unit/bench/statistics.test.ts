import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  judge,
  median,
  pairRatios,
  quantile,
  spread,
  summarise,
  type Sample,
} from '../../../bench/statistics.mjs';

const sample = (perSecond: number, cpuMicros = 1): Sample => ({
  perSecond,
  cpuMicros,
  p50: 1,
  p99: 2,
  p999: 3,
  clientBusy: 0.5,
  elsewhere: 0,
});

describe('the median', () => {
  test('is the middle of an odd number, the mean of the middle two of an even one', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 9, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  test('is the quantile of a half, whatever the order', () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, (some) => {
        expect(quantile(some, 0.5)).toBeCloseTo(median(some), 6);
        expect(median(some.toReversed())).toBe(median(some));
      }),
    );
  });
});

describe('the spread', () => {
  test('is the width of the middle half beside the median', () => {
    expect(spread([10, 10, 10])).toBe(0);
    expect(spread([1, 2, 3, 4, 5])).toBeCloseTo(2 / 3);
  });

  test('one bad round of five does not count', () => {
    expect(spread([1, 100, 100, 100, 100])).toBe(0);
  });
});

describe('ratios within rounds', () => {
  const rounds = [
    { lunsmith: sample(40, 2), tgt: sample(10, 8) },
    { lunsmith: sample(4, 2), tgt: sample(1, 8) },
    { lunsmith: sample(900, 2) },
    { tgt: sample(5, 8) },
  ];

  test('a machine that is ten times slower in a round changes no ratio', () => {
    expect(pairRatios(rounds, 'lunsmith', 'tgt', 'perSecond')).toEqual([4, 4]);
    expect(pairRatios(rounds, 'lunsmith', 'tgt', 'cpuMicros')).toEqual([0.25, 0.25]);
  });

  test('a round without one of the pair counts for neither', () => {
    const result = summarise({ name: 'case', group: 'group' }, rounds);
    expect(result.ratios['throughput']).toBe(4);
    expect(result.spread).toBe(0);
    expect(result.rounds).toBe(4);
  });

  test('the generator is judged by the echo beside ours', () => {
    const one = { name: 'case', group: 'group', bounds: { echo: 2 } };
    const result = summarise(one, [{ lunsmith: sample(10), echo: sample(19) }]);
    expect(result.bounds).toMatchObject([{ key: 'echo', value: 1.9, met: false }]);
  });

  test('another daemon of ours is judged from the same rounds', () => {
    const both = [{ lunsmith: sample(10), lunsmith2: sample(30), tgt: sample(3) }];
    const one = { name: 'case', group: 'group', ours: 'lunsmith2', bounds: { throughput: 9 } };
    expect(summarise(one, both).bounds).toMatchObject([{ value: 10, met: true }]);
  });
});

describe('bounds', () => {
  test('throughput is to be at least, CPU at most', () => {
    const bounds = { throughput: 4, cpu: 0.25 };
    const met = (ratios: Record<string, number>) => judge(bounds, ratios).map((each) => each.met);
    expect(met({ throughput: 4, cpu: 0.25 })).toEqual([true, true]);
    expect(met({ throughput: 3.99, cpu: 0.26 })).toEqual([false, false]);
  });

  test('what was not measured is not reached', () => {
    expect(judge({ istgt: 1 }, { istgt: Number.NaN })).toMatchObject([{ met: false }]);
  });

  test('a target that the user left out is not asked for', () => {
    expect(judge({ istgt: 1, throughput: 1 }, {}, new Set(['istgt']))).toHaveLength(1);
  });
});
