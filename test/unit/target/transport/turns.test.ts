import { describe, expect, test } from 'vitest';
import { SHARE_MS, Turns } from '../../../../src/target/transport/turns.ts';

const one = {};
const two = {};
const deep = {};

describe('turns of the event loop', () => {
  test('alone, a connection has all the time', () => {
    const turns = new Turns();
    expect(turns.deadline(deep, 0)).toBe(Infinity);
    turns.served(deep, 1, 0);
    turns.served(deep, 100, 0);
    expect(turns.deadline(deep, 1)).toBe(Infinity);
  });

  test('who sends little makes the others share, for 5 ms', () => {
    const turns = new Turns();
    turns.served(one, 4, 100);
    expect(turns.deadline(deep, 104)).toBeCloseTo(104 + SHARE_MS, 6);
    expect(turns.deadline(deep, 105)).toBe(Infinity);
    expect(turns.deadline(one, 101)).toBe(Infinity);
  });

  test('says who sends little', () => {
    const turns = new Turns();
    expect([turns.served(one, 4, 100), turns.served(deep, 5, 100)]).toEqual([true, false]);
  });

  test('deep queues do not make one another share', () => {
    const turns = new Turns();
    turns.served(one, 5, 100);
    turns.served(two, 128, 100);
    expect(turns.deadline(deep, 100)).toBe(Infinity);
  });

  test('a deep connection that once sent little still shares with another', () => {
    const turns = new Turns();
    turns.served(one, 1, 100);
    turns.served(deep, 2, 101);
    expect(turns.deadline(deep, 102)).toBeCloseTo(102 + SHARE_MS, 6);
    turns.served(one, 1, 103);
    expect(turns.deadline(deep, 104)).toBeCloseTo(104 + SHARE_MS, 6);
  });
});
