import { beforeEach, describe, expect, test } from 'vitest';
import type { ItNexus } from '../../../../src/target/scsi/nexus.ts';
import { BLOCK, cdb10, cdb16, nexusOn, run, unit, type ScriptedMedium } from './bench.ts';

const THIN = { emulate_tpu: true, emulate_tpws: true, max_unmap_block_desc_count: 4 };
let nexus: ItNexus;
let medium: ScriptedMedium;
beforeEach(() => {
  const made = unit({ blocks: 8192, attributes: THIN });
  medium = made.medium;
  nexus = nexusOn({ 0: made.lu });
  medium.ram.write(Buffer.alloc(8192 * BLOCK, 9), 0, false, () => {});
  medium.calls.length = 0;
});

function contents(): Buffer {
  const all = Buffer.alloc(8192 * BLOCK);
  medium.ram.read(all, 0, () => {});
  return all;
}
const expected = (zeros: readonly [number, number][]): Buffer => {
  const all = Buffer.alloc(8192 * BLOCK, 9);
  for (const [lba, count] of zeros) all.fill(0, lba * BLOCK, (lba + count) * BLOCK);
  return all;
};

function unmapList(extents: readonly (readonly [number, number])[]): Buffer {
  const list = Buffer.alloc(8 + 16 * extents.length);
  list.writeUInt16BE(list.length - 2, 0);
  list.writeUInt16BE(list.length - 8, 2);
  extents.forEach(([lba, count], index) => {
    list.writeBigUInt64BE(BigInt(lba), 8 + 16 * index);
    list.writeUInt32BE(count, 16 + 16 * index);
  });
  return list;
}
const unmap = (out: Buffer, listLength = out.length) =>
  run(nexus, [0x42, 0, 0, 0, 0, 0, 0, listLength >>> 8, listLength & 0xff, 0], { out });

describe('UNMAP', () => {
  test('makes the ranges read as zeros and leaves the rest', async () => {
    const extents: [number, number][] = [
      [0, 1],
      [100, 3000],
      [8191, 1],
    ];
    expect((await unmap(unmapList(extents))).outcome).toBe('good');
    expect(contents().equals(expected(extents))).toBe(true);
  });

  test('of nothing is no error, even right at the end', async () => {
    for (const list of [unmapList([]), unmapList([[8192, 0]]), Buffer.alloc(0)]) {
      expect((await unmap(list)).outcome).toBe('good');
    }
    expect(medium.calls).toEqual([]);
  });

  test('beyond a limit or the medium unmaps nothing', async () => {
    const five = unmapList([0, 1, 2, 3, 4].map((lba) => [lba, 1] as const));
    expect((await unmap(five)).outcome).toBe('05/26/00');
    const far = unmapList([
      [0, 1],
      [8192, 1],
    ]);
    expect((await unmap(far)).outcome).toBe('05/21/00');
    const large = unmapList([
      [0, 8192],
      [0, 1],
    ]);
    expect((await unmap(large)).outcome).toBe('05/26/00');
    expect(medium.calls).toEqual([]);
  });

  test('with a list that is too short is refused', async () => {
    const list = unmapList([[0, 1]]);
    expect((await unmap(list.subarray(0, 7))).outcome).toBe('05/1a/00');
    expect((await unmap(list, list.length + 16)).outcome).toBe('05/1a/00');
    list.writeUInt16BE(32, 2);
    expect((await unmap(list)).outcome).toBe('05/1a/00');
    expect(medium.calls).toEqual([]);
  });

  test('ignores a last descriptor that is not whole', async () => {
    const list = unmapList([
      [0, 1],
      [5, 1],
    ]).subarray(0, 30);
    list.writeUInt16BE(28, 0);
    list.writeUInt16BE(22, 2);
    expect((await unmap(list)).outcome).toBe('good');
    expect(contents().equals(expected([[0, 1]]))).toBe(true);
  });

  test('anchored, or where it is not served, is refused', async () => {
    const list = unmapList([[0, 1]]);
    const anchor = await run(nexus, [0x42, 1, 0, 0, 0, 0, 0, 0, 24, 0], { out: list });
    expect(anchor.outcome).toBe('05/24/00');
    const thick = nexusOn({ 0: unit().lu });
    const task = await run(thick, [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], { out: list });
    expect(task.outcome).toBe('05/20/00');
  });
});

const FORMS = [
  ['10', 0x41, cdb10],
  ['16', 0x93, cdb16],
] as const;
const UNMAP = 0x08;

describe.each(FORMS)('WRITE SAME(%s)', (_name, opcode, cdb) => {
  const block = Buffer.alloc(BLOCK, 0x77);

  test('repeats the block over the range, in more than one chunk', async () => {
    const task = await run(nexus, cdb(opcode, 10, 4000), { out: block });
    expect([task.outcome, task.dataOutLength]).toEqual(['good', BLOCK]);
    const all = expected([]);
    all.fill(0x77, 10 * BLOCK, 4010 * BLOCK);
    expect(contents().equals(all)).toBe(true);
  });

  test('with UNMAP deallocates for zeros and writes for anything else', async () => {
    await run(nexus, cdb(opcode, 10, 20, UNMAP), { out: Buffer.alloc(BLOCK) });
    expect(medium.calls.splice(0)).toEqual(['deallocate']);
    expect(contents().equals(expected([[10, 20]]))).toBe(true);
    await run(nexus, cdb(opcode, 10, 20, UNMAP), { out: block });
    expect(medium.calls).toEqual(['write']);
  });

  test('of no blocks is refused, as VPD B0 says', async () => {
    expect((await run(nexus, cdb(opcode, 8000, 0), { out: block })).outcome).toBe('05/24/00');
    expect((await run(nexus, cdb(opcode, 8193, 0), { out: block })).outcome).toBe('05/21/00');
    expect((await run(nexus, cdb(opcode, 8191, 2), { out: block })).outcome).toBe('05/21/00');
    expect(medium.calls).toEqual([]);
  });

  test('refuses more than MAXIMUM WRITE SAME LENGTH, ANCHOR, and any but one block', async () => {
    expect((await run(nexus, cdb(opcode, 0, 4097), { out: block })).outcome).toBe('05/24/00');
    expect((await run(nexus, cdb(opcode, 0, 1, 0x18), { out: block })).outcome).toBe('05/24/00');
    for (const length of [BLOCK / 2, 2 * BLOCK]) {
      const task = await run(nexus, cdb(opcode, 0, 1), { out: Buffer.alloc(length) });
      expect(task.outcome).toBe('05/0e/03');
    }
    expect(medium.calls).toEqual([]);
  });

  test('with UNMAP is refused where it is not served, without it never', async () => {
    const thick = nexusOn({ 0: unit().lu });
    expect((await run(thick, cdb(opcode, 0, 1, UNMAP), { out: block })).outcome).toBe('05/24/00');
    expect((await run(thick, cdb(opcode, 0, 1), { out: block })).outcome).toBe('good');
  });
});

test('WRITE SAME(16) with NDOB needs no data and writes zeros', async () => {
  const task = await run(nexus, cdb16(0x93, 5, 2, 0x01));
  expect([task.outcome, task.dataOutLength, medium.calls]).toEqual(['good', 0, ['write']]);
  expect(contents().equals(expected([[5, 2]]))).toBe(true);
  expect((await run(nexus, cdb10(0x41, 5, 2, 0x01))).outcome).toBe('05/24/00');
});

describe('GET LBA STATUS', () => {
  const MEBIBYTE_BLOCKS = (1024 * 1024) / BLOCK;
  const status = (lba: number, allocationLength: number) =>
    run(
      nexus,
      [0x9e, 0x12, ...lbaBytes(lba), 0, 0, allocationLength >>> 8, allocationLength & 0xff, 0, 0],
      {
        inLength: allocationLength,
      },
    );
  const lbaBytes = (lba: number): number[] => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(lba));
    return [...bytes];
  };
  const descriptors = (data: Buffer) =>
    Array.from({ length: (data.length - 8) / 16 }, (_, index) => {
      const at = 8 + 16 * index;
      return [data.readUInt32BE(at + 4), data.readUInt32BE(at + 8), data[at + 12]];
    });

  test('tells what was given back from what is stored', async () => {
    const middle: [number, number] = [MEBIBYTE_BLOCKS, MEBIBYTE_BLOCKS];
    expect((await unmap(unmapList([middle]))).outcome).toBe('good');
    const { outcome, dataIn: data } = await status(0, 8 + 16 * 8);
    expect(outcome).toBe('good');
    expect(data.readUInt32BE(0)).toBe(data.length - 4);
    expect(descriptors(data)).toEqual([
      [0, MEBIBYTE_BLOCKS, 0],
      [MEBIBYTE_BLOCKS, MEBIBYTE_BLOCKS, 1],
      [2 * MEBIBYTE_BLOCKS, 2 * MEBIBYTE_BLOCKS, 0],
    ]);
  });

  test('begins at the block asked for and gives no more than was asked', async () => {
    const { dataIn: data } = await status(5, 24);
    expect(descriptors(data)).toEqual([[5, 8192 - 5, 0]]);
    expect((await status(8192, 24)).outcome).toBe('05/21/00');
  });

  test('is not served by a medium that is fully provisioned', async () => {
    const thick = unit({ blocks: 8 });
    nexus = nexusOn({ 0: thick.lu });
    expect((await status(0, 24)).outcome).toBe('05/20/00');
  });
});
