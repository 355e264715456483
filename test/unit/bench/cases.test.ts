import { describe, expect, test } from 'vitest';
import { CASES, chosenCases } from '../../../bench/cases.mjs';
import { qemuRate, perfRate } from '../../../bench/witnesses.mjs';
import { machineSeconds, sampleOf } from '../../../bench/measure.mjs';

const choose = (only: string[], more = {}) =>
  chosenCases({ only, quick: false, all: false, ...more });
const named = (name: string) => {
  const found = CASES.flatMap((each) => (each.also ? [each, each.also] : [each])).find(
    (each) => each.name === name,
  );
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
};

describe('the cases', () => {
  test('have names of their own', () => {
    const names = CASES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each([
    ['4 KiB random read, depth 1', { throughput: 1, minimal: 0.85 }],
    ['4 KiB random read, depth 1, one core', { throughput: 1, minimal: 0.85 }],
    ['4 KiB random write, depth 1, a core each', { throughput: 1, minimal: 0.85 }],
    ['4 KiB random read, depth 8', { throughput: 1.8 }],
    ['4 KiB random write, depth 8', { throughput: 1.8 }],
    ['4 KiB random read, depth 32', { throughput: 4, cpu: 0.25, minimal: 0.65, echo: 2 }],
    ['4 KiB random write, depth 32', { throughput: 4, cpu: 0.25, minimal: 0.65, echo: 2 }],
    ['4 KiB random read, depth 128', { throughput: 5 }],
    ['4 KiB random write, depth 128', { throughput: 5 }],
    ['64 KiB random read, depth 32', { throughput: 2 }],
    ['64 KiB random write, depth 32', { throughput: 3 }],
    ['1 MiB random read, depth 32', { throughput: 1.8 }],
    ['1 MiB random write, depth 32', { throughput: 2.5 }],
    ['4 KiB random read, depth 32, 2 sessions, 2 data threads', { throughput: 9, echo: 2 }],
    ['4 KiB random read, depth 32, digests', { throughput: 2.5 }],
    ['64 KiB random write, depth 32, digests', { throughput: 2.5 }],
    ['4 KiB random read, depth 1, cold file', { throughput: 1 }],
    ['4 KiB random read, depth 8, cold file', { throughput: 1 }],
    ['4 KiB random read, depth 32, cold file', { throughput: 1.3 }],
    ['4 KiB random read, depth 128, cold file', { throughput: 1 }],
  ])('%s has the bounds that the project asks for', (name, bounds) => {
    expect(named(name).bounds).toMatchObject({ ...bounds, istgt: 1 });
  });

  test('every size, mix, order and medium is in the main selection', () => {
    const names = choose([]).map(({ name }) => name);
    for (const part of ['4 KiB', '64 KiB', '1 MiB', 'read', 'write', '70/30', 'sequential']) {
      expect(names.filter((name) => name.includes(part)).length).toBeGreaterThan(1);
    }
    const media = new Set(choose([]).map(({ medium }) => medium));
    expect([...media].toSorted()).toEqual(['cold', 'file', 'many', 'null', 'ram']);
  });

  test('a part of the selection is chosen by all words of its name, from all cases', () => {
    expect(choose(['1 MiB', '70/30', '16 sessions'])).toHaveLength(1);
    expect(choose(['=4 KiB random read, depth 1'])).toHaveLength(1);
    expect(choose(['=4 KiB random read, depth 1|=1 MiB random read, depth 1'])).toHaveLength(2);
    expect(choose(['2 data threads']).map(({ name }) => name)).toContain(
      '4 KiB random read, depth 32, 2 sessions',
    );
    expect(choose([], { quick: true }).every(({ quick }) => quick)).toBe(true);
  });
});

describe('what programs print', () => {
  test('qemu-img tells seconds', () => {
    expect(qemuRate('Run completed in 0.500 seconds.\n', 1000)).toBe(2000);
    expect(qemuRate('qemu-img: Could not open', 1000)).toBeUndefined();
  });

  test('of iscsi-perf the last average counts', () => {
    const text =
      'lba 8, iops current 7 (0 MB/s), iops average 12 (0 MB/s)\r\niops average 34 (1 MB/s)';
    expect(perfRate(text)).toBe(34);
    expect(perfRate('Failed to log in')).toBeUndefined();
  });

  test('the machine was busy for all but idle and waiting time', () => {
    const text = 'cpu  100 10 200 5000 900 3 7 80 50 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n';
    expect(machineSeconds(text)).toBe(4);
  });
});

describe('a sample', () => {
  const result = {
    commands: 1000,
    errors: 0,
    seconds: 2,
    clientCpuSeconds: 0.5,
    cpuSeconds: 1,
    machineSeconds: 1.5,
    p50: 1,
    p99: 2,
    p999: 3,
  };

  test('is per second and per command', () => {
    expect(sampleOf(result)).toMatchObject({ perSecond: 500, cpuMicros: 1000, clientBusy: 0.25 });
    expect(sampleOf(result).elsewhere).toBe(0);
    expect(sampleOf({ ...result, machineSeconds: 3.5 }).elsewhere).toBeGreaterThan(0);
  });

  test('with a failed command is none', () => {
    expect(() => sampleOf({ ...result, errors: 1 })).toThrow('1 commands failed');
    expect(() => sampleOf({ ...result, commands: 0 })).toThrow('no command');
  });
});
