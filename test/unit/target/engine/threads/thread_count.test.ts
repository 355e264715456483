import { expect, test } from 'vitest';
import { threadCount } from '../../../../../src/target/engine/threads/thread_count.ts';

test.each([
  [1, 1],
  [2, 1],
  [4, 2],
  [7, 3],
  [64, 8],
])('of %i cores, auto takes %i', (cores, threads) => {
  expect(threadCount('auto', { cores, canHandOver: true })).toEqual({ threads });
});

test('a number is a number, whatever the machine has', () => {
  expect(threadCount('3', { cores: 1, canHandOver: true })).toEqual({ threads: 3 });
});

test('where connections cannot be handed over there is one, and why is said', () => {
  const machine = { cores: 8, canHandOver: false };
  expect(threadCount('4', machine)).toMatchObject({ threads: 1, reason: /koffi/ });
  expect(threadCount('1', machine)).toEqual({ threads: 1 });
});
