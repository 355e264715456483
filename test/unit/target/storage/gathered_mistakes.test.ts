/** A mistake of ours in one command of a turn: all others are answered all the same. */
import fs from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { SYSCALLS } from '../../../../src/target/storage/syscalls.ts';
import { INPUT_TURN } from '../../../../src/util/input_turn.ts';
import { readFrom } from '../../../compliance/backstore.ts';
import { NO_SYSCALLS, unless } from '../../../support/unless.ts';
import { block, inTurn, openMedium, PATTERN, rows, SECTOR, write } from './gathered_media.ts';

describe('of reads', unless(NO_SYSCALLS), () => {
  test('one whose answer goes wrong keeps no other from its answer', () => {
    const medium = openMedium();
    const answered: number[] = [];
    const run = (): void =>
      inTurn(() =>
        rows.forEach((at) =>
          medium.read(Buffer.alloc(SECTOR), at * SECTOR, () => {
            answered.push(at);
            if (at === 2) throw new Error('mistake');
          }),
        ),
      );
    expect(run).toThrow('mistake');
    expect([answered, INPUT_TURN.open]).toEqual([rows, false]);
  });

  test('are made anew where asking for all of them at once goes wrong', async () => {
    const real = SYSCALLS!;
    const medium = openMedium({
      ...real,
      readRunNow: (fd, into, first, count, at) => {
        if (at > 0) throw new Error('mistake');
        return real.readRunNow(fd, into, first, count, at);
      },
    });
    const into = [0, 10, 20].map(() => Buffer.alloc(SECTOR));
    const answers: Promise<void>[] = [];
    const run = (): void =>
      inTurn(() =>
        into.forEach((buffer, at) => {
          const start = at * 10 * SECTOR;
          answers.push(new Promise((resolve) => medium.read(buffer, start, () => resolve())));
        }),
      );
    expect(run).toThrow('mistake');
    await Promise.all(answers);
    for (const [at, buffer] of into.entries()) {
      const start = at * 10 * SECTOR;
      expect(buffer.equals(PATTERN.subarray(start, start + SECTOR))).toBe(true);
    }
  });
});

describe('of writes, and of what shares a flush', () => {
  const wrong = (): never => {
    throw new Error('mistake');
  };

  test('is thrown at its end, not at the write that had it made sooner', async () => {
    const medium = openMedium();
    const done: string[] = [];
    const run = (): void =>
      inTurn(() => {
        write(medium, block(1), 0, () => done.push('first'));
        write(medium, block(2), SECTOR, wrong);
        write(medium, block(3), 2 * SECTOR, () => done.push('third'));
        write(medium, block(4), SECTOR, () => done.push('over both'));
        expect(done).toEqual(['first', 'third', 'over both']);
        medium.read(Buffer.alloc(SECTOR), 100 * SECTOR, wrong);
        write(medium, block(5), 100 * SECTOR, () => done.push('over the read'));
      });
    expect(run).toThrow('mistake');
    expect(done).toEqual(['first', 'third', 'over both', 'over the read']);
    const found = Buffer.alloc(SECTOR);
    expect(await readFrom(medium, found, SECTOR)).toBeNull();
    expect(found).toEqual(block(4));
  });

  test('keeps those from nothing that share its flush, or its write in a thread', async () => {
    const medium = openMedium();
    const thrown: unknown[] = [];
    const done: string[] = [];
    const stopped = new Promise<void>((resolve) => {
      const calling = <Call>(call: Call): Call =>
        ((...args: unknown[]) => {
          try {
            (call as (...all: unknown[]) => void)(...args);
          } catch (error) {
            thrown.push(error);
          }
          if (thrown.length === 2) resolve();
        }) as Call;
      const { writev, fdatasync } = fs;
      vi.spyOn(fs, 'writev').mockImplementation((...args: Parameters<typeof writev>) =>
        writev(args[0], args[1], args[2], calling(args[3])),
      );
      vi.spyOn(fs, 'fdatasync').mockImplementation((fd: number, over: fs.NoParamCallback) =>
        fdatasync(fd, calling(over)),
      );
    });
    inTurn(() => write(medium, block(3), 100 * SECTOR, () => {}));
    medium.flush(() => {
      throw new Error('another');
    });
    medium.flush(() => done.push('flushed'));
    inTurn(() => {
      medium.write(block(1), 0, true, wrong);
      medium.write(block(2), SECTOR, true, () => done.push('durable'));
    });
    await stopped;
    expect(done.toSorted()).toEqual(['durable', 'flushed']);
    expect(thrown.map(String).toSorted()).toEqual(['Error: another', 'Error: mistake']);
  });
});
