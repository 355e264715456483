import { beforeEach, describe, expect, test } from 'vitest';
import { BusyPoll } from '../../../../src/target/transport/busy_poll.ts';

let now: number;
let losses: number;
/** What waits for the event loop to have looked for input. */
let looks: (() => void)[];
let poll: BusyPoll;

const newPoll = (cores: number): BusyPoll =>
  new BusyPoll({
    nowMs: () => now,
    coreLosses: () => losses,
    afterLook: (run) => looks.push(run),
    cores,
  });
/** The event loop goes round once, which takes 5 µs. */
const turn = (): void => {
  now += 0.005;
  for (const look of looks.splice(0)) look();
};
/** Input comes this many times, each so long after the last. */
const inputs = (count: number, everyMs: number): void => {
  for (let n = 0; n < count; n++) {
    const due = now + everyMs;
    while (now < due && looks.length > 0) turn();
    now = Math.max(now, due);
    poll.served();
  }
};

/** Whether input that comes after this silence is followed by looks for more. */
const lookingAfter = (ms: number): boolean => {
  while (looks.length > 0) turn();
  now += ms;
  poll.served();
  return looks.length > 0;
};

beforeEach(() => {
  now = 0;
  losses = 0;
  looks = [];
  poll = newPoll(2);
  poll.micros = 50;
});

describe('busy polling', () => {
  test('looks for its time after input, then lets the thread sleep', () => {
    poll.served();
    let turns = 0;
    for (; looks.length > 0; turns++) turn();
    expect(now).toBeGreaterThan(0.05);
    expect(turns).toBeLessThan(12);
  });

  test('goes on as long as input comes in time', () => {
    inputs(1000, 0.03);
    expect(looks).toHaveLength(1);
  });

  test('rests when input comes too late, ever longer, and tries again', () => {
    inputs(33, 0.2);
    expect(lookingAfter(0)).toBe(false);
    expect(lookingAfter(9)).toBe(false);
    expect(lookingAfter(1)).toBe(true);
    inputs(32, 0.2);
    expect(lookingAfter(10)).toBe(false);
    expect(lookingAfter(10)).toBe(true);
  });

  test('rests when others want the core', () => {
    losses = 5;
    inputs(33, 0.03);
    expect(lookingAfter(0)).toBe(false);
    expect(lookingAfter(10)).toBe(true);
    inputs(100, 0.03);
    expect(looks).toHaveLength(1);
  });

  test('is off without a time, and with one core', () => {
    poll.micros = 0;
    inputs(1, 0);
    expect(looks).toHaveLength(0);
    poll = newPoll(1);
    poll.micros = 50;
    inputs(1, 0);
    expect(looks).toHaveLength(0);
  });
});
