import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { ReadShare } from '../../../../src/target/scsi/read_share.ts';
import { BLOCK, cdb10, nexusOn, start, unit, type ScriptedMedium } from './bench.ts';

/** A shallow nexus's reads on a device on which `waiting` reads take so long each. */
function settle(takes: (waiting: number) => number, reads = 3000): { limit: number; part: number } {
  const share = new ReadShare();
  let few = 0;
  const limits: number[] = [];
  for (let read = 0; read < reads; read++) {
    const { limit } = share;
    expect(limit).toBeGreaterThanOrEqual(1);
    if (limit === 1) few++;
    limits.push(limit);
    share.took(takes(limit + 1));
  }
  limits.sort((one, two) => one - two);
  return { limit: limits[limits.length >> 1] ?? 0, part: few / reads };
}

describe('reads of a deep queue beside a shallow one', () => {
  test('of a device that does one at a time, the shallow one has a third at least', () => {
    expect(settle((waiting) => 8 * waiting).limit).toBeLessThanOrEqual(2);
  });

  test('of one that does many at once, it has eight', () => {
    const { limit, part } = settle(() => 0.1);
    expect(limit).toBe(8);
    expect(part).toBeLessThan(0.15);
  });

  test('of one in between, as many as do not hold up the shallow one for long', () => {
    const takes = (waiting: number) => 0.09 + 0.03 * waiting;
    const { limit } = settle(takes);
    expect(limit).toBeGreaterThan(1);
    expect(takes(limit + 1) / takes(1)).toBeLessThan(2);
  });

  test('outliers change nothing', () => {
    let read = 0;
    const { limit } = settle(() => (++read % 10 === 0 ? 50 : 0.1));
    expect(limit).toBe(8);
  });

  test('a device that becomes busy, or free, is followed', () => {
    const share = new ReadShare();
    const limitAfter = (takes: (waiting: number) => number): number => {
      let most = 0;
      for (let read = 0; read < 1500; read++) share.took(takes(share.limit + 1));
      for (let read = 0; read < 100; read++) {
        most = Math.max(most, share.limit);
        share.took(takes(share.limit + 1));
      }
      return most;
    };
    expect(limitAfter(() => 0.1)).toBe(8);
    expect(limitAfter((waiting) => 8 * waiting)).toBeLessThanOrEqual(2);
    expect(limitAfter(() => 0.1)).toBe(8);
  });

  test('no time at all is no reason for less', () => {
    expect(settle(() => 0).limit).toBeGreaterThanOrEqual(4);
  });
});

describe('beside reads of a nexus that waits for each answer', () => {
  let lu: LogicalUnit;
  let medium: ScriptedMedium;
  let nexus: ItNexus;
  let other: ItNexus;
  beforeEach(() => {
    ({ lu, medium } = unit({ attributes: { queue_depth: 128 } }));
    nexus = nexusOn({ 0: lu });
    other = nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' });
    medium.holding = true;
  });
  afterEach(() => {
    while (medium.held.length > 0) medium.release();
    expect(lu.taskSet.size).toBe(0);
  });
  const read = (of: ItNexus) => start(of, cdb10(0x28, 0, 1), { inLength: BLOCK });
  const write = (of: ItNexus) => start(of, cdb10(0x2a, 0, 1), { out: Buffer.alloc(BLOCK, 1) });
  /** The shallow nexus's only read, which has come last, is answered. */
  const readShallow = () => {
    read(other);
    medium.held.pop()?.();
  };

  test('a deep queue has few reads with the medium, writes as ever', () => {
    for (let at = 0; at < 100; at++) read(nexus);
    readShallow();
    medium.release();
    for (let at = 0; at < 100; at++) read(nexus);
    expect(medium.held).toHaveLength(1);
    for (let at = 0; at < 100; at++) write(nexus);
    expect(medium.held).toHaveLength(16);
    readShallow();
  });

  test('once the other is gone, it has the medium to itself', () => {
    for (let at = 0; at < 100; at++) read(nexus);
    readShallow();
    medium.release();
    for (let at = 0; at < 1200; at++) {
      read(nexus);
      medium.held.shift()?.();
    }
    for (let at = 0; at < 100; at++) read(nexus);
    expect(medium.held).toHaveLength(100);
  });

  test('what is answered within the call takes nothing from others', () => {
    for (let at = 0; at < 100; at++) read(nexus);
    medium.release();
    medium.holding = false;
    read(other);
    medium.holding = true;
    for (let at = 0; at < 100; at++) read(nexus);
    expect(medium.held).toHaveLength(16);
  });

  test('two deep queues do not hold up one another', () => {
    for (let at = 0; at < 50; at++) read(nexus);
    for (let at = 0; at < 50; at++) read(other);
    for (let round = 0; round < 200; round++) {
      medium.held.shift()?.();
      read(nexus);
      read(other);
    }
    expect(medium.held).toHaveLength(32);
  });
});
