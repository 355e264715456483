/** READ and WRITE commands of one turn of input, which the medium serves together. */
import fc from 'fast-check';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { TASK_ATTRIBUTE } from '../../../../src/target/scsi/scsi_task.ts';
import { MAX_STAGING_BYTES_PER_NEXUS, STAGING } from '../../../../src/target/scsi/staging.ts';
import { abortTask } from '../../../../src/target/scsi/task_management.ts';
import { FdMedium } from '../../../../src/target/storage/fd_medium.ts';
import { IoSlots } from '../../../../src/target/storage/io_slots.ts';
import { INPUT_TURN } from '../../../../src/util/input_turn.ts';
import { BLOCK, cdb10, nexusOn, start, unit, type Options, type TestTask } from './bench.ts';

const [READ, WRITE] = [0x28, 0x2a];
const BLOCKS = 256;
let folder = '';
let medium: FdMedium;
let nexus: ItNexus;
let lu: LogicalUnit;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turn-'));
  openAll();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await medium.close();
  rmSync(folder, { recursive: true });
  expect(STAGING.usedBytes).toBe(0);
});

function openAll(): void {
  const path = join(folder, 'disk.img');
  fs.writeFileSync(path, Buffer.alloc(BLOCKS * BLOCK));
  medium = new FdMedium({
    path,
    fd: fs.openSync(path, 'r+'),
    durableFd: fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_DSYNC),
    sizeBytes: BLOCKS * BLOCK,
    readOnly: false,
    writeCache: true,
    hold: null,
    lost: () => {},
    local: true,
    ring: null,
    slots: new IoSlots(16),
    nowMs: () => 0,
  });
  const attributes = { emulate_write_cache: true };
  ({ lu } = unit({ storage: medium, blocks: BLOCKS, attributes }));
  nexus = nexusOn({ 0: lu });
}

const block = (fill: number, count = 1): Buffer => Buffer.alloc(count * BLOCK, fill);
const rows = Array.from({ length: 8 }, (_, at) => at);

/** Data that came with the commands, and is gone when the turn is over. */
class Turn {
  readonly #lent: Buffer[] = [];
  constructor() {
    INPUT_TURN.begin();
  }
  write(lba: number, data: Buffer, options: Options = {}, flags = 0): TestTask {
    const bytes = Buffer.from(data);
    this.#lent.push(bytes);
    const cdb = cdb10(WRITE, lba, data.length / BLOCK, flags);
    return start(nexus, cdb, { out: bytes, immediate: true, ...options });
  }
  read(lba: number, count = 1, options: Options = {}): TestTask {
    return start(nexus, cdb10(READ, lba, count), { inLength: count * BLOCK, ...options });
  }
  end(): void {
    INPUT_TURN.end();
    for (const bytes of this.#lent) bytes.fill(0xee);
  }
}

const over = (tasks: readonly TestTask[]) =>
  Promise.all(
    tasks.map((task) =>
      task.done ? Promise.resolve() : new Promise<void>((resolve) => (task.whenComplete = resolve)),
    ),
  );

test('each command has its own status and is counted, though all were one call', () => {
  const gathered = vi.spyOn(fs, 'writevSync');
  const turn = new Turn();
  const writes = rows.map((at) => turn.write(at, block(at + 1)));
  turn.end();
  expect(writes.map(({ outcome, done }) => [outcome, done])).toEqual(
    rows.map(() => ['good', true]),
  );
  expect(gathered).toHaveBeenCalledTimes(1);
  const next = new Turn();
  const reads = rows.map((at) => next.read(at));
  expect(reads.some(({ done }) => done)).toBe(false);
  next.end();
  reads.forEach((task, at) => expect(task.dataIn.equals(block(at + 1))).toBe(true));
  const { commands, reads: read, writes: written, readBytes, writtenBytes } = lu.io.snapshot(0);
  expect([commands, read, written]).toEqual([16, 8, 8]);
  expect([readBytes, writtenBytes]).toEqual([8 * BLOCK, 8 * BLOCK]);
});

test('an ORDERED command waits for all before it, and those behind it for the command', () => {
  const turn = new Turn();
  const before = rows.map((at) => turn.write(at, block(1)));
  const ordered = turn.write(3, block(2), { attribute: TASK_ATTRIBUTE.ORDERED });
  const behind = turn.read(0, 8);
  expect([ordered.done, behind.done]).toEqual([false, false]);
  turn.end();
  expect(
    [...before, ordered, behind].every(({ outcome, done }) => done && outcome === 'good'),
  ).toBe(true);
  const wanted = Buffer.concat([block(1, 3), block(2), block(1, 4)]);
  expect(behind.dataIn.equals(wanted)).toBe(true);
});

test('a write that the page cache cannot take after all keeps its bytes', async () => {
  vi.spyOn(fs, 'writevSync').mockReturnValue(BLOCK + 100);
  vi.spyOn(fs, 'writeSync').mockReturnValueOnce(BLOCK).mockReturnValue(0);
  const turn = new Turn();
  const writes = rows.map((at) => turn.write(at, block(at + 1)));
  turn.end();
  await over(writes);
  expect(writes.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'good'));
  vi.restoreAllMocks();
  const found = fs.readFileSync(join(folder, 'disk.img')).subarray(2 * BLOCK, 8 * BLOCK);
  expect(found).toEqual(Buffer.concat(rows.slice(2).map((at) => block(at + 1))));
});

test('one that must wait for memory then, too', async () => {
  vi.spyOn(fs, 'writevSync').mockReturnValue(0);
  const turn = new Turn();
  const writes = rows.map((at) => turn.write(at, block(at + 1)));
  nexus.stagedBytes = MAX_STAGING_BYTES_PER_NEXUS;
  turn.end();
  expect(writes.map(({ done }) => done)).toEqual(rows.map((at) => at === 0));
  nexus.stagedBytes = 0;
  await over([start(nexus, cdb10(READ, 100, 1), { inLength: BLOCK }), ...writes]);
  expect(writes.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'good'));
  const found = (await contents()).subarray(0, 8 * BLOCK);
  expect(found).toEqual(Buffer.concat(rows.map((at) => block(at + 1))));
});

test('of commands aborted within the turn nothing is heard; all others are served', async () => {
  const shape = fc.record({
    fua: fc.boolean(),
    commands: fc.array(
      fc.record({
        writes: fc.boolean(),
        count: fc.integer({ min: 1, max: 4 }),
        aborted: fc.boolean(),
        fill: fc.integer({ min: 1, max: 250 }),
      }),
      { minLength: 1, maxLength: 24 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ fua, commands }) => {
      const before = await contents();
      const turn = new Turn();
      let lba = 0;
      let stopped = 0;
      const made = commands.map(({ writes, count, fill }) => {
        const at = lba;
        lba += count;
        const data = block(fill, count);
        const task = writes ? turn.write(at, data, {}, fua ? 0x08 : 0) : turn.read(at, count);
        return { task, at, data };
      });
      const aborts = made.filter(({ task }, at) => commands[at]!.aborted && !task.done);
      for (const { task } of aborts) abortTask(task, () => stopped++);
      turn.end();
      await over(made.map(({ task }) => task));
      expect(stopped).toBe(aborts.length);
      const found = await contents();
      commands.forEach(({ writes, count }, number) => {
        const { task, at, data } = made[number]!;
        const [from, end] = [at * BLOCK, (at + count) * BLOCK];
        const [old, now] = [before.subarray(from, end), found.subarray(from, end)];
        const aborted = aborts.some((each) => each.task === task);
        expect([task.completions, task.aborted]).toEqual([1, aborted]);
        if (!aborted) expect(task.outcome).toBe('good');
        if (!writes) {
          expect(now.equals(old)).toBe(true);
          expect(task.dataIn.equals(aborted ? Buffer.alloc(0) : old)).toBe(true);
        } else if (aborted) expect(now.equals(old) || now.equals(data)).toBe(true);
        else expect(now.equals(data)).toBe(true);
      });
    }),
    { numRuns: 80 },
  );
});

function contents(): Promise<Buffer> {
  const all = Buffer.alloc(BLOCKS * BLOCK);
  return new Promise((resolve) => medium.read(all, 0, () => resolve(all)));
}
