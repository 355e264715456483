import { expect, test } from 'vitest';
import { BLOCK, cdb10, cdb6, nexusOn, run, start, unit } from './bench.ts';

const ioOf = (nexus: ReturnType<typeof nexusOn>) => {
  const itl = nexus.luns.get(0)!;
  return itl.io.snapshot(itl.queued);
};

test('reads and writes count with their bytes, per nexus and for the logical unit', async () => {
  const { lu } = unit();
  const [one, two] = [nexusOn({ 0: lu }), nexusOn({ 0: lu }, { initiator: 'iqn.2020-01.x:b' })];
  await run(one, cdb10(0x2a, 0, 3), { out: Buffer.alloc(3 * BLOCK) });
  await run(one, cdb10(0x28, 0, 2), { inLength: 2 * BLOCK });
  await run(two, cdb10(0x28, 0, 1), { inLength: BLOCK });
  expect(ioOf(one)).toMatchObject({
    commands: 2,
    reads: 1,
    writes: 1,
    readBytes: 2 * BLOCK,
    writtenBytes: 3 * BLOCK,
    errors: 0,
    queued: 0,
  });
  expect(ioOf(two)).toMatchObject({ commands: 1, reads: 1, writes: 0, readBytes: BLOCK });
  expect(lu.io.snapshot(0)).toMatchObject({ commands: 3, reads: 2, readBytes: 3 * BLOCK });
});

test('a refused command is a command and an error, no read', async () => {
  const { lu } = unit({ blocks: 8 });
  const nexus = nexusOn({ 0: lu });
  await run(nexus, cdb10(0x28, 9, 1), { inLength: BLOCK });
  expect(ioOf(nexus)).toMatchObject({ commands: 1, errors: 1, reads: 0, readBytes: 0 });
});

test('commands that are not over are queued', async () => {
  const { lu, medium } = unit();
  const nexus = nexusOn({ 0: lu });
  await run(nexus, cdb6(0, 0, 0));
  medium.holding = true;
  start(nexus, cdb10(0x28, 0, 1), { inLength: BLOCK });
  expect(ioOf(nexus)).toMatchObject({ commands: 1, queued: 1 });
  medium.release();
  expect(ioOf(nexus)).toMatchObject({ commands: 2, queued: 0 });
});
