import { describe, expect, test } from 'vitest';
import { RateLimit } from '../../../../src/target/scsi/rate_limit.ts';

function setup(rates: { max_iops: number; max_bandwidth: number }) {
  const time = { now: 5000 };
  const limit = new RateLimit(() => time.now);
  limit.set(rates);
  /** Commands begun within that time by one who always asks again when told. */
  const begunWithin = (ms: number, bytes: number): number => {
    const end = time.now + ms;
    let begun = 0;
    while (time.now < end) {
      const wait = limit.admit(bytes);
      if (wait === 0) begun++;
      else time.now += wait;
    }
    return begun;
  };
  return { time, limit, begunWithin };
}

describe('the rate of a logical unit', () => {
  test('is any while no limit is set', () => {
    const { limit } = setup({ max_iops: 0, max_bandwidth: 0 });
    expect(limit.active).toBe(false);
    for (let at = 0; at < 1000; at++) expect(limit.admit(1 << 20)).toBe(0);
  });

  test('keeps to commands a second, after a burst of 100 ms', () => {
    const { begunWithin } = setup({ max_iops: 1000, max_bandwidth: 0 });
    expect(begunWithin(10_000, 4096)).toBeCloseTo(10_100, -1);
  });

  test('keeps to bytes a second', () => {
    const { begunWithin } = setup({ max_iops: 0, max_bandwidth: 10_000_000 });
    expect(begunWithin(10_000, 10_000)).toBeCloseTo(10_100, -1);
  });

  test('of two limits the narrower holds', () => {
    const rates = { max_iops: 500, max_bandwidth: 1_000_000 };
    expect(setup(rates).begunWithin(10_000, 10_000)).toBeCloseTo(1010, -1);
    expect(setup(rates).begunWithin(10_000, 100)).toBeCloseTo(5050, -1);
  });

  test('a command of more bytes than the burst begins, and the next waits for it', () => {
    const { limit } = setup({ max_iops: 0, max_bandwidth: 1_000_000 });
    expect(limit.admit(1_000_000)).toBe(0);
    expect(limit.admit(512)).toBeCloseTo(900);
  });

  test('a new limit holds at once', () => {
    const { limit } = setup({ max_iops: 1, max_bandwidth: 0 });
    expect(limit.admit(512)).toBe(0);
    expect(limit.admit(512)).toBeGreaterThan(0);
    limit.set({ max_iops: 1000, max_bandwidth: 0 });
    expect(limit.admit(512)).toBe(0);
  });

  test('unused time is worth no more than one burst', () => {
    const { time, begunWithin } = setup({ max_iops: 1000, max_bandwidth: 0 });
    time.now += 60_000;
    expect(begunWithin(1000, 512)).toBeCloseTo(1100, -1);
  });
});
