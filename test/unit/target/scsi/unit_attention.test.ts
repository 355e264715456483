import { expect, test } from 'vitest';
import {
  MAX_UNIT_ATTENTIONS,
  UNIT_ATTENTION,
  UnitAttentions,
} from '../../../../src/target/scsi/unit_attention.ts';

test('resets come first, the others in the order they arose, each once', () => {
  const pending = new UnitAttentions();
  pending.raise(UNIT_ATTENTION.CAPACITY_CHANGED);
  pending.raise(UNIT_ATTENTION.REPORTED_LUNS_CHANGED);
  pending.raise(UNIT_ATTENTION.BUS_DEVICE_RESET);
  pending.raise(UNIT_ATTENTION.POWER_ON_RESET);
  pending.raise(UNIT_ATTENTION.CAPACITY_CHANGED);
  const order: string[] = [];
  while (pending.size > 0) {
    order.push(pending.peek().toString(16));
    pending.clear(pending.peek());
  }
  expect(order).toEqual(['2900', '2903', '2a09', '3f0e']);
  expect(pending.peek()).toBe(0);
});

test('no more are kept than the limit, and the most urgent stay', () => {
  const pending = new UnitAttentions();
  for (let condition = 0x3f10; condition < 0x3f40; condition++) pending.raise(condition);
  pending.raise(UNIT_ATTENTION.POWER_ON_RESET);
  expect(pending.size).toBe(MAX_UNIT_ATTENTIONS);
  expect(pending.peek()).toBe(UNIT_ATTENTION.POWER_ON_RESET);
});
