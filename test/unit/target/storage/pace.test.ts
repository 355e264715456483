import { describe, expect, test } from 'vitest';
import { Pace } from '../../../../src/target/storage/pace.ts';

const SLOW_MS = 4;

function setup() {
  const time = { now: 1000 };
  const pace = new Pace(SLOW_MS, () => time.now);
  /** A call of that length; false when it was not to be made. */
  const call = (ms: number): boolean => {
    if (!pace.begin()) return false;
    time.now += ms;
    pace.took();
    return true;
  };
  return { time, call };
}

describe('pace', () => {
  test('quick calls are made, and one slow one among them changes nothing', () => {
    const { call } = setup();
    for (let at = 0; at < 10; at++) {
      for (let quick = 0; quick < 8; quick++) expect(call(1)).toBe(true);
      expect(call(20)).toBe(true);
    }
  });

  test('two slow calls close together close the way for 50 ms', () => {
    const { time, call } = setup();
    call(5);
    call(1);
    call(5);
    expect(call(1)).toBe(false);
    time.now += 49;
    expect(call(1)).toBe(false);
    time.now += 1;
    expect(call(1)).toBe(true);
  });

  test('where the system tells, only calls in which the thread waited count', () => {
    const time = { now: 0, waits: 7 };
    const pace = new Pace(
      SLOW_MS,
      () => time.now,
      () => time.waits,
    );
    const call = (ms: number, waited: number): boolean => {
      if (!pace.begin()) return false;
      time.now += ms;
      time.waits += waited;
      pace.took();
      return true;
    };
    for (let at = 0; at < 5; at++) expect(call(20, 0)).toBe(true);
    time.waits += 3;
    expect(call(20, 0)).toBe(true);
    expect(call(20, 1)).toBe(true);
    expect(call(1, 0)).toBe(false);
  });

  test('a very slow call closes it at once', () => {
    const { call } = setup();
    expect(call(101)).toBe(true);
    expect(call(1)).toBe(false);
  });

  test('each time again it stays closed for twice as long, up to 2 seconds', () => {
    const { time, call } = setup();
    const pauses: number[] = [];
    for (let at = 0; at < 8; at++) {
      call(500);
      const closedAt = time.now;
      while (!call(500)) time.now += 10;
      pauses.push(time.now - 500 - closedAt);
      time.now += 3000;
    }
    expect(pauses[0]).toBe(50);
    expect(pauses.at(-1)).toBe(2000);
  });

  test('64 quick calls are a fresh start', () => {
    const { time, call } = setup();
    for (let at = 0; at < 4; at++) {
      call(500);
      time.now += 3000;
    }
    for (let at = 0; at < 64; at++) call(1);
    call(500);
    time.now += 50;
    expect(call(1)).toBe(true);
  });
});
