/** COMPARE AND WRITE is one step for everybody else, whatever the storage takes its time for. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/target/scsi/command_table.ts';
import type { LogicalUnit } from '../../../../src/target/scsi/logical_unit.ts';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { TASK_ATTRIBUTE } from '../../../../src/target/scsi/scsi_task.ts';
import { abortTask, logicalUnitReset } from '../../../../src/target/scsi/task_management.ts';
import {
  BLOCK,
  caw,
  cdb10,
  cdb16,
  nexusOn,
  run,
  start,
  unit,
  type Options,
  type ScriptedMedium,
  type TestTask,
} from './bench.ts';

const THIN = { emulate_tpu: true, emulate_tpws: true };
const filled = (count: number, byte: number): Buffer => Buffer.alloc(count * BLOCK, byte);
const pair = (before: number, after: number): Buffer =>
  Buffer.concat([filled(1, before), filled(1, after)]);

let lu: LogicalUnit;
let medium: ScriptedMedium;
let nexus: ItNexus;
let other: ItNexus;
beforeEach(() => {
  ({ lu, medium } = unit({ attributes: THIN }));
  nexus = nexusOn({ 0: lu });
  other = nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.example:b' });
});

/** What was held goes on, what it brings is held. */
const step = (): void => medium.held.shift()?.();
function release(): void {
  medium.holding = false;
  medium.release();
}
const settled = (): Promise<void> => new Promise(setImmediate);
function byteAt(lba: number): number {
  const block = filled(1, 0);
  medium.ram.read(block, lba * BLOCK, () => {});
  return block[0] ?? -1;
}

const unmapList = (lba: number, count: number): Buffer => {
  const list = Buffer.alloc(24);
  list.writeUInt16BE(22, 0);
  list.writeUInt16BE(16, 2);
  list.writeBigUInt64BE(BigInt(lba), 8);
  list.writeUInt32BE(count, 16);
  return list;
};
const UNMAP = [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0];
const COMPARE = 0x02;

/** Everything that touches blocks 4 to 6, by name. */
const TOUCHING: Readonly<Record<string, readonly [readonly number[], Options]>> = {
  'READ(10)': [cdb10(0x28, 4, 3), { inLength: 3 * BLOCK }],
  'READ(16)': [cdb16(0x88, 4, 3), { inLength: 3 * BLOCK }],
  'WRITE(10)': [cdb10(0x2a, 4, 3), { out: filled(3, 9) }],
  'WRITE(10) here already': [cdb10(0x2a, 4, 3), { out: filled(3, 9), immediate: true }],
  'WRITE(16)': [cdb16(0x8a, 4, 3), { out: filled(3, 9) }],
  'WRITE AND VERIFY(10)': [cdb10(0x2e, 4, 3), { out: filled(3, 9) }],
  'WRITE AND VERIFY(16)': [cdb16(0x8e, 4, 3), { out: filled(3, 9) }],
  'VERIFY(10)': [cdb10(0x2f, 4, 3), {}],
  'VERIFY(16)': [cdb16(0x8f, 4, 3, COMPARE), { out: filled(3, 9) }],
  'WRITE SAME(10)': [cdb10(0x41, 4, 3), { out: filled(1, 9) }],
  'WRITE SAME(16)': [cdb16(0x93, 4, 3, 0x08), { out: filled(1, 0) }],
  UNMAP: [UNMAP, { out: unmapList(4, 3) }],
  'COMPARE AND WRITE': [caw(5, 1), { out: pair(1, 3) }],
};

describe('while COMPARE AND WRITE has its blocks', () => {
  beforeEach(() => {
    medium.ram.write(filled(8, 1), 0, false, () => {});
    medium.atOnce = true;
    medium.holding = true;
  });

  test.each(Object.entries(TOUCHING))('%s of them waits', async (_name, [cdb, options]) => {
    const exchange = start(nexus, caw(5, 1), { out: pair(1, 2) });
    expect([exchange.done, medium.calls]).toEqual([false, ['read']]);
    const late = start(other, cdb, options);
    expect([late.done, medium.calls]).toEqual([false, ['read']]);
    step();
    expect([late.done, medium.calls]).toEqual([false, ['read', 'write']]);
    step();
    expect(exchange.outcome).toBe('good');
    release();
    await settled();
    expect(late.done).toBe(true);
    expect(lu.storage).toBe(medium);
    if (cdb[0] === 0x28 || cdb[0] === 0x88) expect(late.dataIn[BLOCK]).toBe(2);
    // The block held 2 by then.
    if (cdb[0] === 0x89) expect(late.outcome).toBe('0e/1d/00');
  });

  test('every command that writes to blocks is among these', () => {
    const covered = new Set(Object.values(TOUCHING).map(([cdb]) => cdb[0]));
    const same = [0x0a, 0xaa, 0xae];
    const missing = COMMANDS.filter(({ checks, opcode }) => {
      return checks.writes === true && !covered.has(opcode) && !same.includes(opcode);
    });
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  test('neighbours of them go on', () => {
    const exchange = start(nexus, caw(5, 1), { out: pair(1, 2) });
    medium.holding = false;
    for (const lba of [4, 6]) {
      expect(start(other, cdb10(0x28, lba, 1), { inLength: BLOCK }).outcome).toBe('good');
      const options = { out: filled(1, 7), immediate: true };
      expect(start(other, cdb10(0x2a, lba, 1), options).outcome).toBe('good');
      expect(start(other, caw(lba, 1), { out: pair(7, 8) }).outcome).toBe('good');
    }
    expect(medium.calls.filter((call) => call === 'write at once')).toHaveLength(2);
    expect(exchange.done).toBe(false);
    step();
    expect(exchange.outcome).toBe('good');
  });

  test('who only asks for data keeps nobody waiting', () => {
    medium.holding = false;
    const exchange = start(nexus, caw(5, 1), { out: pair(9, 2), holdsTransfers: true });
    expect(start(other, cdb10(0x2a, 5, 1), { out: filled(1, 9) }).outcome).toBe('good');
    exchange.continue();
    expect(exchange.outcome).toBe('good');
  });
});

/** Of more than one step, the last of which meets blocks of a COMPARE AND WRITE that came later. */
const LAST = 4000;
const ALL = LAST + 1;
const unmapTwo = Buffer.concat([unmapList(0, LAST), unmapList(LAST, 1).subarray(8)]);
unmapTwo.writeUInt16BE(38, 0);
unmapTwo.writeUInt16BE(32, 2);
const LONG: Readonly<Record<string, readonly [readonly number[], Options]>> = {
  READ: [cdb10(0x28, 0, ALL), { inLength: ALL * BLOCK }],
  WRITE: [cdb10(0x2a, 0, ALL), { out: filled(ALL, 9) }],
  'WRITE AND VERIFY': [cdb10(0x2e, 0, ALL), { out: filled(ALL, 9) }],
  VERIFY: [cdb10(0x2f, 0, ALL), {}],
  'VERIFY with data': [cdb10(0x2f, 0, ALL, COMPARE), { out: filled(ALL, 0) }],
  'VERIFY with one block': [cdb10(0x2f, 0, ALL, 0x06), { out: filled(1, 0) }],
  'WRITE SAME': [cdb10(0x41, 0, ALL), { out: filled(1, 9) }],
  UNMAP: [[0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0], { out: unmapTwo }],
};

test.each(Object.entries(LONG))('%s begun before waits at its last step', async (_, what) => {
  const attributes = { ...THIN, max_unmap_block_desc_count: 2, max_write_same_len: 8192 };
  const made = unit({ blocks: 8192, attributes });
  const { held, calls } = made.medium;
  const initiator = nexusOn({ 0: made.lu });
  made.medium.holding = true;
  const long = start(initiator, ...what);
  const exchange = start(initiator, caw(LAST, 1), { out: pair(0, 2) });
  expect([held.length, calls[1]]).toEqual([2, 'read']);
  const [read] = held.splice(1, 1);
  for (; held.length > 0; await settled()) held.shift()?.();
  expect([long.done, exchange.done]).toEqual([false, false]);
  read?.();
  expect([long.done, held.length, calls.at(-1)]).toEqual([false, 1, 'write']);
  held.shift()?.();
  expect(exchange.outcome).toBe('good');
  made.medium.holding = false;
  made.medium.release();
  await settled();
  expect(long.done).toBe(true);
  const block = filled(1, 0);
  made.medium.ram.read(block, LAST * BLOCK, () => {});
  if (what[1].inLength !== undefined) expect(long.dataIn[LAST * BLOCK]).toBe(2);
  if (long.dataOut[0] === 9) expect([long.outcome, block[0]]).toEqual(['good', 9]);
});

describe('COMPARE AND WRITE waits', () => {
  test('for writes of its blocks that the storage works on, and for no others', () => {
    medium.holding = true;
    const write = start(other, cdb10(0x2a, 3, 3), { out: filled(3, 1) });
    const elsewhere = start(other, cdb10(0x2a, 6, 1), { out: filled(1, 1) });
    const exchange = start(nexus, caw(5, 1), { out: pair(1, 2) });
    expect(medium.calls).toEqual(['write', 'write']);
    step();
    expect([write.done, elsewhere.done]).toEqual([true, false]);
    return settled().then(() => {
      expect(medium.calls).toEqual(['write', 'write', 'read']);
      release();
      expect([exchange.outcome, byteAt(5)]).toEqual(['good', 2]);
    });
  });

  test('but not for a write whose data does not come', () => {
    const write = start(other, cdb10(0x2a, 5, 1), { out: filled(1, 1), holdsTransfers: true });
    expect(start(nexus, caw(5, 1), { out: pair(0, 2) }).outcome).toBe('good');
    write.continue();
    expect([write.outcome, byteAt(5)]).toEqual(['good', 1]);
  });

  test('as ORDERED commands do for it', () => {
    medium.holding = true;
    const exchange = start(nexus, caw(5, 1), { out: pair(0, 2) });
    const attribute = TASK_ATTRIBUTE.ORDERED;
    const read = start(other, cdb10(0x28, 9, 1), { inLength: BLOCK, attribute });
    expect(medium.calls).toEqual(['read']);
    release();
    expect([exchange.outcome, read.outcome]).toEqual(['good', 'good']);
  });

  test('and HEAD OF QUEUE does not come in between', () => {
    medium.holding = true;
    const exchange = start(nexus, caw(5, 1), { out: pair(0, 2) });
    const attribute = TASK_ATTRIBUTE.HEAD_OF_QUEUE;
    const write = start(other, cdb10(0x2a, 5, 1), { out: filled(1, 7), attribute });
    step();
    expect([write.done, medium.calls]).toEqual([false, ['read', 'write']]);
    release();
    expect([exchange.outcome, write.outcome, byteAt(5)]).toEqual(['good', 'good', 7]);
  });

  test('and is refused when the medium has become smaller meanwhile', async () => {
    medium.holding = true;
    start(other, cdb10(0x2a, 4095, 1), { out: filled(1, 1) });
    const exchange = start(nexus, caw(4095, 1), { out: pair(1, 2) });
    medium.resize(4095 * BLOCK);
    release();
    await settled();
    expect(exchange.outcome).toBe('05/21/00');
    expect([medium.calls, lu.storage]).toEqual([['write'], medium]);
  });
});

describe('an abort of COMPARE AND WRITE', () => {
  const ended = (task: TestTask): Promise<string> =>
    new Promise((resolve) => abortTask(task, resolve));

  test('that waits ends it at once, and those behind it go on', async () => {
    medium.holding = true;
    start(other, cdb10(0x2a, 5, 1), { out: filled(1, 1) });
    const exchange = start(nexus, caw(5, 1), { out: pair(1, 2) });
    const read = start(other, cdb10(0x28, 5, 1), { inLength: BLOCK });
    expect(await ended(exchange)).toBe('complete');
    expect([exchange.done, exchange.aborted]).toEqual([true, true]);
    release();
    await settled();
    expect([read.outcome, read.dataIn[0], medium.calls]).toEqual(['good', 1, ['write', 'read']]);
    expect(lu.storage).toBe(medium);
  });

  test('between reading and writing writes nothing', async () => {
    medium.holding = true;
    const exchange = start(nexus, caw(5, 1), { out: pair(0, 2) });
    const read = start(other, cdb10(0x28, 5, 1), { inLength: BLOCK });
    const aborted = ended(exchange);
    expect(exchange.done).toBe(false);
    release();
    expect(await aborted).toBe('complete');
    await settled();
    expect([read.outcome, read.dataIn[0], medium.calls]).toEqual(['good', 0, ['read', 'read']]);
    expect(lu.storage).toBe(medium);
  });

  test('while it is written waits for that', async () => {
    medium.holding = true;
    const exchange = start(nexus, caw(5, 1), { out: pair(0, 2) });
    step();
    const aborted = ended(exchange);
    const read = start(other, cdb10(0x28, 5, 1), { inLength: BLOCK });
    expect([exchange.done, read.done]).toEqual([false, false]);
    release();
    expect(await aborted).toBe('complete');
    await settled();
    expect([exchange.done, read.dataIn[0]]).toEqual([true, 2]);
  });

  test('by LOGICAL UNIT RESET ends all that wait for each other', async () => {
    medium.holding = true;
    const first = start(nexus, caw(5, 1), { out: pair(0, 2) });
    const waiting = [
      start(other, caw(5, 1), { out: pair(2, 3) }),
      start(other, cdb10(0x2a, 5, 1), { out: filled(1, 7) }),
      start(nexus, caw(5, 1), { out: pair(0, 4) }),
    ];
    const reset = new Promise((resolve) => logicalUnitReset(nexus, 0, resolve));
    release();
    expect(await reset).toBe('complete');
    expect([first, ...waiting].every(({ done }) => done)).toBe(true);
    expect(lu.storage).toBe(medium);
    expect((await run(nexus, cdb10(0x28, 5, 1), { inLength: BLOCK })).outcome).toBe('06/29/03');
    expect((await run(nexus, caw(6, 1), { out: pair(0, 4) })).outcome).toBe('good');
  });
});

describe('COMPARE AND WRITE as a lock', () => {
  test('of many at once, one gets it', async () => {
    medium.holding = true;
    const tries = Array.from({ length: 12 }, (_, at) =>
      start(at % 2 === 0 ? nexus : other, caw(5, 1), { out: pair(0, at + 1) }),
    );
    expect(medium.calls).toEqual(['read']);
    release();
    await settled();
    const got = tries.filter(({ outcome }) => outcome === 'good');
    expect([got.length, byteAt(5)]).toEqual([1, tries.indexOf(got[0]!) + 1]);
    expect(tries.filter(({ outcome }) => outcome === '0e/1d/00')).toHaveLength(11);
  });

  test('as a counter loses no step, in whatever order the storage answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat()), async (random) => {
        const made = unit();
        made.medium.holding = true;
        const below = (limit: number): number => Number(random.next().value) % limit;
        const initiators = [0, 1, 2, 3].map((number) =>
          nexusOn({ 0: made.lu }, { initiator: `iqn.2020-01.example:${number}` }),
        );
        const value = Buffer.alloc(BLOCK);
        const counted = initiators.map(async (each) => {
          for (let steps = 0; steps < 5;) {
            const { dataIn } = await run(each, cdb10(0x28, 5, 1), { inLength: BLOCK });
            const next = filled(1, (dataIn[0] ?? 0) + 1);
            const out = Buffer.concat([dataIn, next]);
            if ((await run(each, caw(5, 1), { out })).outcome === 'good') steps++;
          }
        });
        let over = false;
        const all = Promise.all(counted).then(() => (over = true));
        while (!over) {
          const { held } = made.medium;
          if (held.length > 0) held.splice(below(held.length), 1)[0]?.();
          await settled();
        }
        await all;
        made.medium.ram.read(value, 5 * BLOCK, () => {});
        expect(value.equals(filled(1, 20))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});
