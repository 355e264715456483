import fs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ReadRing, readRing, type RingRead } from '../../../../src/target/storage/read_ring.ts';
import type { Ring } from '../../../../src/target/storage/ring_memory.ts';
import { NO_RING, unless } from '../../../support/unless.ts';

const ENTRIES = 4;
const EAGAIN = 11;

/** A kernel that takes what it is told to, and answers when it is told to. */
class PlainRing implements Ring {
  readonly memory = {
    words: new Int32Array(64),
    entryBytes: new Uint8Array(64 * ENTRIES),
    entryWords: new Int32Array(0),
    entryLongs: new BigInt64Array(0),
    sqHead: 0,
    sqTail: 1,
    sqSize: ENTRIES,
    cqHead: 2,
    cqTail: 3,
    cqSize: 2 * ENTRIES,
    cqes: 8,
  };
  readonly taken: { fd: number; offset: number; length: number; number: number }[] = [];
  readonly calls: number[] = [];
  held = false;
  takes = Infinity;
  rung: () => void = () => {};
  onWait: () => void = () => {};

  constructor(position = 0) {
    const { buffer } = this.memory.entryBytes;
    Object.assign(this.memory, {
      entryWords: new Int32Array(buffer),
      entryLongs: new BigInt64Array(buffer),
    });
    this.memory.words.fill(position, 0, 4);
  }

  submit(count: number): number {
    this.calls.push(count);
    const { words, entryWords } = this.memory;
    const take = Math.min(count, this.takes);
    for (let at = 0; at < take; at++) {
      const word = ((words[0]! & (ENTRIES - 1)) << 4) | 0;
      words[0] = (words[0]! + 1) | 0;
      this.taken.push({
        fd: entryWords[word + 1]!,
        offset: (entryWords[word + 2]! >>> 0) + entryWords[word + 3]! * 2 ** 32,
        length: entryWords[word + 6]!,
        number: entryWords[word + 8]!,
      });
    }
    return take;
  }

  complete(number: number, result: number): void {
    const { words, cqTail, cqSize, cqes } = this.memory;
    const entry = cqes + ((words[cqTail]! & (cqSize - 1)) << 2);
    words[entry] = number;
    words[entry + 2] = result;
    words[cqTail] = (words[cqTail]! + 1) | 0;
  }

  wait(): void {
    this.onWait();
  }
  addressOf(): bigint {
    return 0x7f00_0000_0000n;
  }
  watch(rung: () => void): void {
    this.rung = rung;
  }
  hold(busy: boolean): void {
    this.held = busy;
  }
}

function reading(fd: number, byteOffset = 0, results: number[] = []): RingRead {
  const buffer = Buffer.alloc(512);
  return { fd, buffer, moved: 0, byteOffset, ringDone: (result) => results.push(result) };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a ring of reads', () => {
  test('submits in one call what one turn asks for', async () => {
    const kernel = new PlainRing();
    const ring = new ReadRing(kernel);
    for (const fd of [7, 8, 9]) expect(ring.read(reading(fd, 5 * 2 ** 40 + fd * 512))).toBe(true);
    expect(kernel.calls).toEqual([]);
    await turn();
    expect(kernel.calls).toEqual([3]);
    expect(kernel.taken.map(({ fd, offset, length }) => [fd, offset, length])).toEqual(
      [7, 8, 9].map((fd) => [fd, 5 * 2 ** 40 + fd * 512, 512]),
    );
  });

  test('answers each read once, in any order, and holds the process only meanwhile', async () => {
    const kernel = new PlainRing();
    const ring = new ReadRing(kernel);
    const [a, b]: number[][] = [[], []];
    ring.read(reading(1, 0, a));
    ring.read(reading(2, 0, b));
    await turn();
    expect(kernel.held).toBe(true);
    const [first, second] = kernel.taken;
    kernel.complete(second!.number, 512);
    kernel.rung();
    expect([a, b]).toEqual([[], [512]]);
    kernel.complete(first!.number, -5);
    kernel.rung();
    kernel.rung();
    expect([a, b]).toEqual([[-5], [512]]);
    expect([kernel.held, ring.underWay]).toEqual([false, 0]);
  });

  test('says when it is full, and goes round the end of its counters', async () => {
    const kernel = new PlainRing(0x7fff_fffe);
    const ring = new ReadRing(kernel);
    const results: number[] = [];
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < ENTRIES; at++) {
        expect(ring.read(reading(round, at * 512, results))).toBe(true);
      }
      expect(ring.read(reading(99))).toBe(false);
      await turn();
      for (const { number } of kernel.taken.slice(-ENTRIES)) kernel.complete(number, round);
      kernel.rung();
    }
    expect(kernel.taken.map(({ fd }) => fd)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect(results).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  test('what the kernel will not take is answered EAGAIN and not submitted later', async () => {
    const kernel = new PlainRing();
    const ring = new ReadRing(kernel);
    const results: number[][] = [[], [], []];
    for (const [at, into] of results.entries()) ring.read(reading(at, 0, into));
    kernel.takes = 1;
    await turn();
    expect(results).toEqual([[], [-EAGAIN], [-EAGAIN]]);
    kernel.takes = Infinity;
    ring.read(reading(5));
    await turn();
    expect(kernel.taken.map(({ fd }) => fd)).toEqual([0, 5]);
    expect(ring.underWay).toBe(2);
  });

  test('what is asked for from within an answer is submitted as well', async () => {
    const kernel = new PlainRing();
    const ring = new ReadRing(kernel);
    ring.read({ ...reading(1), ringDone: () => void ring.read(reading(2)) });
    await turn();
    kernel.complete(kernel.taken[0]!.number, 512);
    kernel.rung();
    await turn();
    expect(kernel.taken.map(({ fd }) => fd)).toEqual([1, 2]);
  });

  test('drained, it has waited for all that was under way', () => {
    const kernel = new PlainRing();
    const ring = new ReadRing(kernel);
    const results: number[] = [];
    for (let at = 0; at < 3; at++) ring.read(reading(at, 0, results));
    kernel.onWait = () => kernel.complete(kernel.taken[results.length]!.number, results.length);
    ring.drain();
    expect(results).toEqual([0, 1, 2]);
  });
});

const RING = readRing();
describe('the ring of the system', unless(RING === null ? NO_RING : undefined), () => {
  let folder = '';
  let fd = -1;
  const content = Buffer.from(Array.from({ length: 1 << 20 }, (_, at) => (at * 31) % 251));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ring-'));
    const path = join(folder, 'file');
    fs.writeFileSync(path, content);
    fd = fs.openSync(path, 'r');
  });
  afterEach(() => {
    fs.closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  const readOne = (byteOffset: number, buffer: Buffer, moved = 0): Promise<number> =>
    new Promise((resolve) => {
      expect(RING?.read({ fd, buffer, moved, byteOffset, ringDone: resolve })).toBe(true);
    });

  test('reads what is in the file, many at once and again and again', async () => {
    for (let round = 0; round < 20; round++) {
      const all = Array.from({ length: 100 }, async (_, at) => {
        const into = Buffer.alloc(4096);
        const offset = ((at * 7919 + round) % 255) * 4096 + at;
        expect(await readOne(offset, into)).toBe(4096);
        expect(into.equals(content.subarray(offset, offset + 4096))).toBe(true);
      });
      await Promise.all(all);
    }
    expect(RING?.underWay).toBe(0);
  });

  test('goes on where a part is there already, and tells of end and errors', async () => {
    const into = Buffer.alloc(1000, 1);
    expect(await readOne(5000, into, 400)).toBe(600);
    expect(into.subarray(400).equals(content.subarray(5400, 6000))).toBe(true);
    expect(into.subarray(0, 400).equals(Buffer.alloc(400, 1))).toBe(true);
    expect(await readOne(content.length, into)).toBe(0);
    const gone = fs.openSync('/dev/null', 'w');
    const answer = new Promise<number>((resolve) => {
      RING?.read({ fd: gone, buffer: into, moved: 0, byteOffset: 0, ringDone: resolve });
    });
    expect(await answer).toBe(-9);
    fs.closeSync(gone);
  });
});
