import { expect, test } from 'vitest';
import {
  RamdiskMemory,
  SEGMENT_BYTES,
  SharedRamdisk,
} from '../../../../src/target/storage/shared_ramdisk.ts';
import { backstoreSuite, deallocateOn, readFrom, writeTo } from '../../../compliance/backstore.ts';

async function bytesOf(medium: SharedRamdisk, at: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  expect(await readFrom(medium, into, at)).toBeNull();
  return into;
}

const SIZE = 4 * 1024 * 1024 + 3072;

function open(memory: RamdiskMemory, size: number, owner: boolean): SharedRamdisk {
  if (owner) memory.reserve(size);
  return new SharedRamdisk({ size, nullio: false, memory, owner });
}

backstoreSuite('shared ramdisk', {
  setup: () => Promise.resolve(open(new RamdiskMemory(), SIZE, true)),
  teardown: () => Promise.resolve(),
});

test('what one thread writes across segments, another reads and gives back', async () => {
  const size = 2 * SEGMENT_BYTES;
  const memory = new RamdiskMemory();
  const first = open(memory, size, true);
  const second = open(new RamdiskMemory(memory.share), size, false);
  const data = Buffer.alloc(8192, 7);
  await writeTo(first, data, SEGMENT_BYTES - 4096);
  expect(await bytesOf(second, SEGMENT_BYTES - 4096, 8192)).toEqual(data);
  await deallocateOn(second, SEGMENT_BYTES, 4096);
  expect(await bytesOf(first, SEGMENT_BYTES, 4096)).toEqual(Buffer.alloc(4096));
  expect(await bytesOf(first, SEGMENT_BYTES - 4096, 4096)).toEqual(data.subarray(4096));
});

test('the memory is given back when the last thread closes, not before', async () => {
  const memory = new RamdiskMemory();
  const first = open(memory, SIZE, true);
  const second = open(new RamdiskMemory(memory.share), SIZE, false);
  await writeTo(first, Buffer.alloc(512, 1), 0);
  await first.close();
  expect((await bytesOf(second, 0, 512))[0]).toBe(1);
  await second.close();
  expect(Buffer.from(memory.share.segments[0]!.data)[0]).toBe(0);
});

test('memory that another thread has not told of yet is not read past', async () => {
  const memory = new RamdiskMemory();
  open(memory, SIZE, true);
  const late = open(new RamdiskMemory(memory.share), SIZE, false);
  late.resize(2 * SEGMENT_BYTES);
  const faults: unknown[] = [];
  late.read(Buffer.alloc(512), SEGMENT_BYTES, (fault) => faults.push(fault?.kind));
  expect(faults).toEqual(['readError']);
});
