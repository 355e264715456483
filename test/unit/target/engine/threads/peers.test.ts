import { MessageChannel } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { Peers } from '../../../../../src/target/engine/threads/peers.ts';

let all: Peers[] = [];
afterEach(() => {
  for (const peers of all) peers.close();
});

function pair(): [Peers, Peers] {
  const { port1, port2 } = new MessageChannel();
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const a = new Peers({ self: 0, ports: [null, port1], flags });
  const b = new Peers({ self: 1, ports: [port2, null], flags });
  all = [a, b];
  return [a, b];
}

test('what was told is known within the call that looks, in its order', () => {
  const [a, b] = pair();
  const heard: number[] = [];
  b.onTold('n', (value: number) => heard.push(value));
  for (const value of [1, 2, 3]) a.tellAll('n', value);
  expect(heard).toEqual([]);
  b.sync();
  expect(heard).toEqual([1, 2, 3]);
  b.sync();
  expect(heard).toEqual([1, 2, 3]);
});

test('what is asked is done outside that call, after what was told before it', async () => {
  const [a, b] = pair();
  const done: string[] = [];
  b.onTold('t', (value: string) => done.push(value));
  b.onAsked('q', (value: string, answer) => {
    done.push(value);
    answer(value.length);
  });
  const answers: number[] = [];
  const asked = new Promise<void>((resolve) => {
    a.tell(1, 't', 'told');
    a.ask(1, 'q', 'asked', (length: number) => answers.push(length));
    a.askAll('q', 'again', () => resolve());
  });
  b.sync();
  expect(done).toEqual(['told']);
  await asked;
  expect(done).toEqual(['told', 'asked', 'again']);
  expect(answers).toEqual([5]);
});

test('a question that nobody serves is answered', async () => {
  const [a] = pair();
  await new Promise<void>((resolve) => a.askAll('unknown', null, () => resolve()));
});
