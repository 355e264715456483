import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { OutputQueue } from '../../../../src/target/transport/output_queue.ts';

test('a mistake of one who waited for its bytes to leave keeps no other from being told', () => {
  const socket = new Socket();
  const queue = new OutputQueue(socket, () => {});
  const told: string[] = [];
  queue.pass(Buffer.alloc(100));
  queue.whenSent(() => told.push('first'));
  queue.whenSent(() => {
    throw new Error('mistake');
  });
  queue.whenSent(() => told.push('last'));
  expect(told).toEqual([]);
  expect(() => queue.close()).toThrow('mistake');
  expect(told).toEqual(['first', 'last']);
  // Whoever comes later is not kept waiting by it either.
  queue.whenSent(() => told.push('after'));
  expect(told).toHaveLength(3);
  socket.destroy();
});
