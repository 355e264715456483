import { describe, expect, test } from 'vitest';
import { LOOK_EVERY_MS, LOOKS_PER_ROUND, Looks } from '../../../../src/target/engine/looks.ts';
import type { Clock } from '../../../../src/util/clock.ts';

function setup(count: number) {
  const timers: { delayMs: number; run: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    after(delayMs, run) {
      const timer = { delayMs, run };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const seen: number[] = [];
  const all = Array.from({ length: count }, (_, at) => ({ look: () => void seen.push(at) }));
  const looks = new Looks(clock, () => all[Symbol.iterator]());
  return { looks, timers, seen, tick: () => timers.shift()?.run() };
}

describe('looks at storage objects', () => {
  test('come around again and again, some at a time', () => {
    const { looks, seen, tick, timers } = setup(LOOKS_PER_ROUND + 2);
    looks.start();
    looks.start();
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([LOOK_EVERY_MS]);
    tick();
    expect(seen).toHaveLength(LOOKS_PER_ROUND);
    tick();
    expect(seen.slice(LOOKS_PER_ROUND)).toEqual([LOOKS_PER_ROUND, LOOKS_PER_ROUND + 1]);
    tick();
    expect(seen.slice(LOOKS_PER_ROUND + 2)).toEqual(seen.slice(0, LOOKS_PER_ROUND));
  });

  test('end with the stop', () => {
    const { looks, timers } = setup(1);
    looks.start();
    looks.stop();
    expect(timers).toEqual([]);
  });
});
