import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateLimit, type Rates } from '../../../../src/target/scsi/rate_limit.ts';
import { FakeClock } from '../../../loopback/served.ts';

const rates = (values: Partial<Rates>): Rates => ({
  max_iops: 0,
  max_bandwidth: 0,
  burst_time: 100,
  ...values,
});

function setup(values: Partial<Rates>) {
  const clock = new FakeClock();
  clock.pass(5000);
  const limit = new RateLimit(clock);
  limit.set(rates(values));
  const admit = (bytes: number): boolean => {
    if (limit.waitMs() > 0) return false;
    limit.take(bytes);
    return true;
  };
  /** Commands begun within that time by one who always asks again when told. */
  const begunWithin = (ms: number, bytes: number): number => {
    const end = clock.nowMs() + ms;
    let begun = 0;
    while (clock.nowMs() < end) {
      if (admit(bytes)) begun++;
      else clock.pass(limit.waitMs());
    }
    return begun;
  };
  return { clock, limit, admit, begunWithin };
}

describe('a limit of rate', () => {
  test('is none while no rate is set', () => {
    const { limit, admit } = setup({});
    expect(limit.active).toBe(false);
    for (let at = 0; at < 1000; at++) expect(admit(1 << 20)).toBe(true);
  });

  test('keeps to commands a second, after a burst', () => {
    const { begunWithin } = setup({ max_iops: 1000 });
    expect(begunWithin(10_000, 4096)).toBeCloseTo(10_100, -1);
  });

  test('keeps to bytes a second', () => {
    const { begunWithin } = setup({ max_bandwidth: 10_000_000 });
    expect(begunWithin(10_000, 10_000)).toBeCloseTo(10_100, -1);
  });

  test('of two rates the narrower holds', () => {
    const both = { max_iops: 500, max_bandwidth: 1_000_000 };
    expect(setup(both).begunWithin(10_000, 10_000)).toBeCloseTo(1010, -1);
    expect(setup(both).begunWithin(10_000, 100)).toBeCloseTo(5050, -1);
  });

  test('a command of more bytes than the burst begins, and the next waits for it', () => {
    const { limit, admit } = setup({ max_bandwidth: 1_000_000 });
    expect(admit(1_000_000)).toBe(true);
    expect(limit.waitMs()).toBeCloseTo(900);
  });

  test('a new rate holds at once', () => {
    const { limit, admit } = setup({ max_iops: 1 });
    expect([admit(512), admit(512)]).toEqual([true, false]);
    limit.set(rates({ max_iops: 1000 }));
    expect(admit(512)).toBe(true);
  });

  test('set to what it is, forgives nothing', () => {
    const { limit, admit } = setup({ max_iops: 1 });
    expect([admit(512), admit(512)]).toEqual([true, false]);
    limit.set(rates({ max_iops: 1 }));
    expect(admit(512)).toBe(false);
  });

  test.each([10, 100, 5000])('unused time is worth no more than a burst of %i ms', (burst) => {
    const { clock, begunWithin } = setup({ max_iops: 1000, burst_time: burst });
    clock.pass(60_000);
    expect(begunWithin(1000, 512)).toBeCloseTo(1000 + burst, -1);
  });
});

describe('who waits for a limit', () => {
  test('gets a turn each in the order of arrival, by one timer', () => {
    const { clock, limit, begunWithin } = setup({ max_iops: 100 });
    begunWithin(1, 512);
    const turns: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      const waiter = {
        advance: () => {
          turns.push(name);
          limit.take(512);
          if (turns.length < 6) limit.wait(waiter);
        },
      };
      limit.wait(waiter);
    }
    expect(clock.pending).toBe(1);
    clock.pass(1000);
    expect(turns.slice(0, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    expect([clock.pending, limit.contended]).toEqual([0, false]);
  });

  test('leaves no timer behind when it leaves', () => {
    const { clock, limit, begunWithin } = setup({ max_iops: 1 });
    begunWithin(1, 512);
    const waiter = { advance: () => {} };
    limit.wait(waiter);
    limit.leave(waiter);
    expect([clock.pending, limit.contended]).toEqual([0, false]);
  });

  test('goes on at once when the limit goes', () => {
    const { limit, begunWithin } = setup({ max_iops: 1 });
    begunWithin(1, 512);
    let turns = 0;
    limit.wait({ advance: () => void turns++ });
    limit.set(rates({}));
    expect(turns).toBe(1);
  });
});

describe('the room that a limit leaves for more commands', () => {
  test('is what the rate serves in a moment, and always one while none waits', () => {
    const { limit, begunWithin } = setup({ max_iops: 1000 });
    begunWithin(1, 512);
    // 20 ms.
    expect(limit.room(0, 0, 512)).toBeCloseTo(20, -1);
    expect(limit.room(30, 0, 512)).toBe(0);
    limit.set(rates({ max_iops: 1 }));
    limit.take(512);
    expect([limit.room(0, 0, 512), limit.room(1, 512, 512)]).toEqual([1, 0]);
  });

  test('grows by the burst that is not used', () => {
    const { clock, limit } = setup({ max_iops: 1000, burst_time: 1000 });
    clock.pass(5000);
    expect(limit.room(0, 0, 512)).toBeGreaterThan(1000);
  });

  test('counts bytes where bytes are limited', () => {
    const { limit, admit } = setup({ max_bandwidth: 1_000_000 });
    while (admit(10_000));
    expect(limit.room(0, 0, 4096)).toBeLessThan(10);
    expect(limit.room(2, 20_000, 4096)).toBe(0);
  });
});

test('whatever the arrivals: never above the rate and the burst, never idle while one may', () => {
  const arrivals = fc.array(
    fc.record({
      gapMs: fc.oneof(fc.constant(0), fc.nat(40)),
      bytes: fc.constantFrom(0, 512, 4096, 65_536),
    }),
    { maxLength: 60 },
  );
  const limits = fc.record({
    max_iops: fc.constantFrom(0, 20, 333, 5000),
    max_bandwidth: fc.constantFrom(0, 100_000, 3_000_000),
    burst_time: fc.constantFrom(10, 100, 700),
  });
  fc.assert(
    fc.property(limits, arrivals, (wanted, pattern) => {
      const clock = new FakeClock();
      const limit = new RateLimit(clock);
      limit.set(wanted);
      const queue: number[] = [];
      const begun: { atMs: number; bytes: number }[] = [];
      const waiter = {
        advance: () => {
          while (queue.length > 0) {
            if (limit.waitMs() > 0) return limit.wait(waiter);
            const bytes = queue.shift() ?? 0;
            limit.take(bytes);
            begun.push({ atMs: clock.nowMs(), bytes });
          }
        },
      };
      for (const { gapMs, bytes } of pattern) {
        clock.pass(gapMs);
        queue.push(bytes);
        if (!limit.contended) waiter.advance();
        // Who waits, waits for the rate, and has a timer.
        if (queue.length > 0) expect([limit.waitMs() > 0, clock.pending]).toEqual([true, 1]);
      }
      // Timers go by whole milliseconds: that late it may be, and no later.
      while (queue.length > 0) {
        const before = queue.length;
        clock.pass(Math.ceil(limit.waitMs()));
        expect(queue.length).toBeLessThan(before);
      }
      withinRate(begun, wanted);
    }),
  );
});

function withinRate(begun: readonly { atMs: number; bytes: number }[], wanted: Rates): void {
  begun.forEach((first, from) => {
    let count = 0;
    let bytes = 0;
    for (const { atMs, bytes: more } of begun.slice(from)) {
      const seconds = (atMs - first.atMs + wanted.burst_time) / 1000;
      // Before the last one, which may begin when nothing is owed any more.
      if (wanted.max_iops > 0) expect(count).toBeLessThanOrEqual(seconds * wanted.max_iops + 1e-6);
      if (wanted.max_bandwidth > 0) {
        expect(bytes).toBeLessThanOrEqual(seconds * wanted.max_bandwidth + 1e-3);
      }
      count++;
      bytes += more;
    }
  });
}
