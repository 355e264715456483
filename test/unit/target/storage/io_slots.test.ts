import { describe, expect, test } from 'vitest';
import { IoSlots, poolThreads, type IoLane } from '../../../../src/target/storage/io_slots.ts';

/** Jobs that are under way until they are told to end. */
class Jobs {
  readonly started: string[] = [];
  readonly #lanes = new Map<string, IoLane>();

  run(lane: IoLane, name: string): void {
    this.#lanes.set(name, lane);
    lane.run({ start: () => this.started.push(name) });
  }

  end(name: string): void {
    this.#lanes.get(name)?.over();
  }
}

function setup(total: number) {
  const slots = new IoSlots(total);
  return { jobs: new Jobs(), a: slots.lane(), b: slots.lane(), c: slots.lane() };
}

describe('threads of the pool', () => {
  test('a medium that hangs leaves threads to others', () => {
    const { jobs, a, b, c } = setup(8);
    for (let at = 0; at < 20; at++) jobs.run(a, `a${at}`);
    expect(jobs.started).toHaveLength(6);
    jobs.run(b, 'b0');
    jobs.run(c, 'c0');
    expect(jobs.started.slice(6)).toEqual(['b0', 'c0']);
  });

  test('of the reserve each takes one, until another is free', () => {
    const { jobs, a, b } = setup(8);
    for (let at = 0; at < 6; at++) jobs.run(a, `a${at}`);
    jobs.run(b, 'b0');
    jobs.run(b, 'b1');
    expect(jobs.started.at(-1)).toBe('b0');
    jobs.end('b0');
    expect(jobs.started.at(-1)).toBe('b1');
  });

  test('jobs of one medium start in their order, and waiting media take turns', () => {
    const { jobs, a, b } = setup(1);
    for (const name of ['a0', 'a1', 'a2']) jobs.run(a, name);
    for (const name of ['b0', 'b1']) jobs.run(b, name);
    for (const name of ['a0', 'a1', 'b0', 'a2', 'b1']) {
      expect(jobs.started.at(-1)).toBe(name);
      jobs.end(name);
    }
    expect(jobs.started).toEqual(['a0', 'a1', 'b0', 'a2', 'b1']);
  });

  test('a job that ends within its start frees its thread', () => {
    const { a } = setup(1);
    const started: number[] = [];
    for (let at = 0; at < 3; at++) {
      a.run({
        start: () => {
          started.push(at);
          a.over();
        },
      });
    }
    expect(started).toEqual([0, 1, 2]);
  });

  test('one medium has no more than 32, however many there are', () => {
    const { jobs, a } = setup(1024);
    for (let at = 0; at < 100; at++) jobs.run(a, `a${at}`);
    expect(jobs.started).toHaveLength(32);
  });

  test.each([
    [undefined, 4],
    ['', 4],
    ['64', 64],
    ['0', 1],
    ['99999', 1024],
  ])('UV_THREADPOOL_SIZE=%s means %i threads, as libuv reads it', (value, threads) => {
    expect(poolThreads(value === undefined ? {} : { UV_THREADPOOL_SIZE: value })).toBe(threads);
  });
});
