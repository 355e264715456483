import { afterEach, expect, test } from 'vitest';
import { PULSE_EVERY_MS, ThreadPulse } from '../../../../src/target/engine/thread_pulse.ts';
import { FakeClock } from '../../../loopback/served.ts';

let pulse: ThreadPulse;
afterEach(() => pulse.stop());

/** A thread that answers when the test says so. */
function watched() {
  const clock = new FakeClock();
  const told: string[] = [];
  const asked: { answer: () => void; end: (error: Error) => void }[] = [];
  pulse = new ThreadPulse({
    clock,
    ask: () => new Promise<void>((answer, end) => asked.push({ answer, end })),
    silent: (seconds) => told.push(`silent ${seconds}`),
    answersAgain: (seconds) => told.push(`again ${seconds}`),
  });
  return { clock, told, asked };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a thread that answers is asked again and again, and never told of', async () => {
  const { clock, told, asked } = watched();
  for (let count = 1; count <= 5; count++) {
    clock.pass(PULSE_EVERY_MS);
    expect(asked).toHaveLength(count);
    asked.at(-1)!.answer();
    await turn();
  }
  expect(told).toEqual([]);
  expect(pulse.isSilent).toBe(false);
});

test('one that is silent for two looks is told of once, and when it is back', async () => {
  const { clock, told, asked } = watched();
  clock.pass(2 * PULSE_EVERY_MS);
  expect(told).toEqual([]);
  clock.pass(3 * PULSE_EVERY_MS);
  expect(told).toEqual(['silent 10']);
  expect(asked).toHaveLength(1);
  expect(pulse.isSilent).toBe(true);
  asked[0]!.answer();
  await turn();
  expect(told).toEqual(['silent 10', 'again 20']);
  expect(pulse.isSilent).toBe(false);
  clock.pass(PULSE_EVERY_MS);
  expect(asked).toHaveLength(2);
});

test('one that has ended is not asked any more', async () => {
  const { clock, told, asked } = watched();
  clock.pass(PULSE_EVERY_MS);
  asked[0]!.end(new Error('gone'));
  await turn();
  clock.pass(5 * PULSE_EVERY_MS);
  expect(asked).toHaveLength(1);
  expect(told).toEqual([]);
  expect(clock.pending).toBe(0);
});
