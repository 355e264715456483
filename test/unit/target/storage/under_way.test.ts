/** When nothing touches some bytes of a medium any more: told by a list, and by a file's medium. */
import fs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FdMedium } from '../../../../src/target/storage/fd_medium.ts';
import { IoSlots } from '../../../../src/target/storage/io_slots.ts';
import { UnderWay, type Span } from '../../../../src/target/storage/under_way.ts';
import { INPUT_TURN } from '../../../../src/util/input_turn.ts';

const settled = (): Promise<void> => new Promise(setImmediate);

describe('a list of what is under way', () => {
  const span = (byteOffset: number, byteLength: number): Span => ({
    byteOffset,
    byteLength,
    place: -1,
  });

  test('tells who waits once the last that touches their bytes has ended', async () => {
    const list = new UnderWay();
    const spans = [span(0, 512), span(512, 512), span(256, 512), span(2048, 4096)];
    for (const each of spans) list.begins(each);
    const said: string[] = [];
    list.whenClear(0, 512, () => said.push('first'));
    list.whenClear(600, 1, () => said.push('second'));
    list.whenClear(1024, 1024, () => said.push('free'));
    expect(said).toEqual(['free']);
    list.ends(spans[0]!);
    list.ends(spans[1]!);
    await settled();
    expect(said).toEqual(['free']);
    list.ends(spans[2]!);
    // Whoever is answered by what has ended comes first.
    expect(said).toEqual(['free']);
    await settled();
    expect(said).toEqual(['free', 'first', 'second']);
  });

  test('knows each by its place, in whatever order they end', () => {
    const list = new UnderWay();
    const spans = Array.from({ length: 9 }, (_, at) => span(at * 512, 512));
    for (const each of spans) list.begins(each);
    for (const at of [4, 8, 0, 7, 1]) list.ends(spans[at]!);
    const clear = (at: number): boolean => {
      let is = false;
      list.whenClear(at * 512, 512, () => (is = true));
      return is;
    };
    expect(spans.map((_, at) => clear(at))).toEqual(
      spans.map((_, at) => [4, 8, 0, 7, 1].includes(at)),
    );
  });
});

describe('a medium behind a descriptor', () => {
  let folder = '';
  let medium: FdMedium;
  let said: string[];
  beforeEach(() => {
    said = [];
    folder = mkdtempSync(join(tmpdir(), 'clear-'));
    const path = join(folder, 'disk.img');
    fs.writeFileSync(path, Buffer.alloc(1024 * 1024));
    medium = new FdMedium({
      path,
      fd: fs.openSync(path, 'r+'),
      durableFd: fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_DSYNC),
      sizeBytes: 1024 * 1024,
      readOnly: false,
      writeCache: false,
      hold: null,
      lost: () => {},
      local: true,
      ring: null,
      syscalls: null,
      slots: new IoSlots(4),
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await medium.close();
    rmSync(folder, { recursive: true });
  });

  /** The pool's calls of that name wait until they are let go. */
  function hold(name: 'write' | 'writev' | 'read'): (() => void)[] {
    const held: (() => void)[] = [];
    const call = fs[name].bind(fs) as (...args: unknown[]) => void;
    vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      held.push(() => call(...args));
    });
    return held;
  }
  const write = (at: number): Promise<string> =>
    new Promise((resolve) => {
      medium.write(Buffer.alloc(512, 1), at, false, () => resolve('written'));
    });
  const clear = (at: number): void => medium.whenClear(at, 512, () => said.push(`clear ${at}`));
  const release = async (held: (() => void)[], done: Promise<unknown>): Promise<void> => {
    for (const go of held.splice(0)) go();
    await done;
    await settled();
  };

  test('waits for writes that a thread has, where they are', async () => {
    const held = hold('write');
    const done = write(512);
    clear(512);
    clear(1024);
    await settled();
    expect([held.length, said]).toEqual([1, ['clear 1024']]);
    await release(held, done);
    expect(said).toEqual(['clear 1024', 'clear 512']);
  });

  test('waits for writes that wait for a thread', async () => {
    const held = hold('write');
    const all = Promise.all(Array.from({ length: 40 }, (_, at) => write(at * 512)));
    clear(39 * 512);
    await settled();
    expect(held.length).toBeLessThan(40);
    expect(said).toEqual([]);
    while (said.length === 0) await release(held, settled());
    await release(held, all);
  });

  test('waits for writes of one turn that are gathered into one call', async () => {
    const held = hold('writev');
    INPUT_TURN.begin();
    const done = Promise.all([write(512), write(1024), write(1536)]);
    clear(1024);
    clear(2048);
    INPUT_TURN.end();
    await settled();
    expect([held.length, said]).toEqual([1, ['clear 2048']]);
    await release(held, done);
    expect(said).toEqual(['clear 2048', 'clear 1024']);
  });

  test('waits for reads, and for what is given back', async () => {
    vi.spyOn(fs, 'readSync').mockImplementation(() => {
      throw new Error('not now');
    });
    const reads = hold('read');
    const zeros = hold('write');
    const read = new Promise((resolve) => medium.read(Buffer.alloc(512), 0, resolve));
    const given = new Promise((resolve) => medium.deallocate(4096, 4096, resolve));
    clear(0);
    clear(4096 + 1024);
    await settled();
    expect([reads.length, zeros.length, said]).toEqual([1, 1, []]);
    await release(reads, read);
    expect(said).toEqual(['clear 0']);
    await release(zeros, given);
    expect(said).toEqual(['clear 0', 'clear 5120']);
  });
});
