import { describe, expect, test } from 'vitest';
import type { Command } from '../../../../src/target/scsi/command.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { Staging, type StagingBuffer } from '../../../../src/target/scsi/staging.ts';
import { nexusOn } from './bench.ts';

/** Just what staging uses of a command. */
function fake(nexus: ItNexus) {
  const got: StagingBuffer[] = [];
  const staged = (buffer: StagingBuffer): void => void got.push(buffer);
  return { got, command: { nexus, staged } as unknown as Command };
}
const KIB = 1024;

describe('the staging budget', () => {
  test('lends as much as was asked for, and takes it back', () => {
    const staging = new Staging(64 * KIB, 64 * KIB);
    const one = fake(nexusOn({}));
    staging.request(one.command, 5000);
    expect(one.got[0]?.memory.length).toBe(5000);
    expect(staging.usedBytes).toBe(8 * KIB);
    one.got[0]?.release();
    expect(staging.usedBytes).toBe(0);
    expect(() => one.got[0]?.release()).toThrow('released twice');
  });

  test('is never exceeded: the rest waits, first come first served', () => {
    const staging = new Staging(16 * KIB, 16 * KIB);
    const [a, b, c] = [fake(nexusOn({})), fake(nexusOn({})), fake(nexusOn({}))];
    staging.request(a.command, 16 * KIB);
    staging.request(b.command, 16 * KIB);
    staging.request(c.command, 4 * KIB);
    expect([b.got.length, c.got.length]).toEqual([0, 0]);
    a.got[0]?.release();
    expect([b.got.length, c.got.length]).toEqual([1, 0]);
    b.got[0]?.release();
    expect(c.got).toHaveLength(1);
  });

  test('keeps a nexus that gives nothing back from starving the others', () => {
    const staging = new Staging(32 * KIB, 16 * KIB);
    const greedy = nexusOn({});
    const holds = Array.from({ length: 4 }, () => fake(greedy));
    for (const each of holds) staging.request(each.command, 8 * KIB);
    const patient = fake(nexusOn({}));
    staging.request(patient.command, 8 * KIB);
    expect(holds.map(({ got }) => got.length)).toEqual([1, 1, 0, 0]);
    expect(patient.got).toHaveLength(1);
    holds[0]?.got[0]?.release();
    expect(holds.map(({ got }) => got.length)).toEqual([1, 1, 1, 0]);
  });

  test('forgets who no longer waits', () => {
    const staging = new Staging(8 * KIB, 8 * KIB);
    const [a, b] = [fake(nexusOn({})), fake(nexusOn({}))];
    staging.request(a.command, 8 * KIB);
    staging.request(b.command, 8 * KIB);
    expect([staging.cancel(b.command), staging.cancel(a.command)]).toEqual([true, false]);
    a.got[0]?.release();
    expect([b.got.length, staging.usedBytes]).toEqual([0, 0]);
  });
});
