import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NowRing, nowRing } from '../../../../src/target/storage/now_ring.ts';
import type { Ring } from '../../../../src/target/storage/ring_memory.ts';
import { NO_READS_NOW, NO_RING, unless } from '../../../support/unless.ts';

const ENTRIES = 4;
const EAGAIN = 11;

/** A kernel that has the bytes of each read that it takes, `bytes` of it, or an error number. */
class PlainRing implements Ring {
  readonly memory;
  takes = Infinity;
  /** Answers that come only when they are waited for. */
  late = 0;
  waits = 0;
  answers: (length: number, offset: number) => number = (length) => length;
  readonly #pending: [number, number][] = [];

  constructor(position = 0) {
    const entries = new ArrayBuffer(64 * ENTRIES);
    this.memory = {
      words: new Int32Array(64).fill(position, 0, 4),
      entryBytes: new Uint8Array(entries),
      entryWords: new Int32Array(entries),
      entryLongs: new BigInt64Array(entries),
      sqHead: 0,
      sqTail: 1,
      sqSize: ENTRIES,
      cqHead: 2,
      cqTail: 3,
      cqSize: 2 * ENTRIES,
      cqes: 8,
    };
  }
  submit(count: number): number {
    const { words, entryWords } = this.memory;
    const taken = Math.min(count, this.takes);
    for (let at = 0; at < taken; at++) {
      const word = (words[0]! & (ENTRIES - 1)) << 4;
      words[0] = (words[0]! + 1) | 0;
      expect([entryWords[word]! & 0xff, entryWords[word + 7]]).toEqual([22, 8]);
      const offset = (entryWords[word + 2]! >>> 0) + entryWords[word + 3]! * 2 ** 32;
      this.#pending.push([entryWords[word + 8]!, this.answers(entryWords[word + 6]!, offset)]);
    }
    if (taken >= 0) expect((words[1]! - words[0]!) | 0).toBe(count - taken);
    for (const [number, result] of this.#pending.splice(this.late)) this.#complete(number, result);
    return taken;
  }
  wait(): void {
    this.waits++;
    for (const [number, result] of this.#pending.splice(0, 1)) this.#complete(number, result);
  }
  #complete(number: number, result: number): void {
    const { words } = this.memory;
    const entry = 8 + ((words[3]! & (2 * ENTRIES - 1)) << 2);
    words[entry] = number;
    words[entry + 2] = result;
    words[3] = (words[3]! + 1) | 0;
  }
  addressOf(): bigint {
    return 1n;
  }
  watch(): void {}
  hold(): void {}
}

const read = (ring: NowRing, offsets: readonly number[]): number[] => {
  const found = offsets.map(() => 0);
  offsets.forEach((offset, at) => ring.add(5, Buffer.alloc(512), offset, at));
  ring.make(found);
  return found;
};

describe('reads of what the page cache has', () => {
  test('are each answered with their bytes, with none, or with an error', () => {
    const kernel = new PlainRing();
    kernel.answers = (length, offset) =>
      offset === 2 ** 40 ? -EAGAIN : offset === 7 ? 100 : length;
    const ring = new NowRing(kernel);
    expect(read(ring, [0, 2 ** 40, 7, 4096])).toEqual([512, 0, 100, 512]);
    kernel.answers = () => -95;
    expect(read(ring, [4096])).toEqual([-95]);
  });

  test('go on when the counters of the queues overflow', () => {
    const ring = new NowRing(new PlainRing(0x7fff_fffe));
    for (let round = 0; round < 5; round++) expect(read(ring, [0, 1, 2])).toEqual([512, 512, 512]);
  });

  test('that the kernel does not take find nothing, and disturb no later ones', () => {
    const kernel = new PlainRing();
    const ring = new NowRing(kernel);
    kernel.takes = 1;
    expect(read(ring, [0, 1, 2])).toEqual([512, 0, 0]);
    kernel.takes = -1;
    expect(read(ring, [0, 1])).toEqual([0, 0]);
    kernel.takes = Infinity;
    expect(read(ring, [0, 1, 2, 3])).toEqual([512, 512, 512, 512]);
  });

  test('are never left behind: the kernel would write to memory that others use', () => {
    const kernel = new PlainRing();
    kernel.late = 2;
    expect(read(new NowRing(kernel), [0, 1, 2])).toEqual([512, 512, 512]);
    expect(kernel.waits).toBe(2);
  });

  const lacking = nowRing() === null ? NO_RING : NO_READS_NOW;
  test('are right, again and again, up to the end of the file', unless(lacking), () => {
    const folder = mkdtempSync(join(tmpdir(), 'now-'));
    const path = join(folder, 'disk.img');
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 253));
    fs.writeFileSync(path, content);
    const fd = fs.openSync(path, 'r');
    try {
      for (let round = 0; round < 40; round++) {
        const offsets = Array.from({ length: 9 }, (_, at) => (round * 977 + at * 7919) % 70_000);
        const into = offsets.map(() => Buffer.alloc(4096, 0xee));
        const found = offsets.map(() => -1);
        offsets.forEach((offset, at) => nowRing()?.add(fd, into[at]!, offset, at));
        nowRing()?.make(found);
        expect(found).toEqual(offsets.map((offset) => Math.min(4096, 70_000 - offset)));
        for (const [at, offset] of offsets.entries()) {
          const wanted = content.subarray(offset, offset + found[at]!);
          expect(into[at]!.subarray(0, found[at]).equals(wanted)).toBe(true);
        }
      }
    } finally {
      fs.closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  });
});
