/** COMPARE AND WRITE is one step for the sessions of all data threads. */
import fs from 'node:fs';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Initiator } from '../../../../loopback/initiator.ts';
import { OP } from '../../../../loopback/initiator.ts';
import {
  BLOCK,
  eventually,
  fileio,
  holdWrites,
  login,
  manage,
  ramdisk,
  readBlock,
  sessionInEach,
  startGroup,
  storage,
  targetOf,
  TEST_UNIT_READY,
  writeBlock,
  type Group,
} from './group.ts';

const MIB = 1024 * 1024;
/** A busy machine takes its time; what hangs, hangs longer. */
const WITHIN_MS = 90_000;
const [GOOD, TASK_ABORTED] = [0x00, 0x40];
const MISCOMPARE = '0e/1d/00';
const ABORT_TASK = 1;
const LOGICAL_UNIT_RESET = 5;
/** LUNs of the group. */
const [MEMORY, CACHED, DURABLE] = [0, 1, 2];

let folder = '';
let group: Group;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'threads-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await group.stop();
  rmSync(folder, { recursive: true });
});

async function serve(count: number): Promise<void> {
  group = await startGroup(count);
  const files = [true, false].map((writeBack) => {
    const name = writeBack ? 'cached' : 'durable';
    const path = join(folder, name);
    writeFileSync(path, '');
    truncateSync(path, MIB);
    return storage(`fileio/${name}`, { ...fileio(path, MIB, writeBack), wwn: name });
  });
  const thin = ramdisk(MIB, { emulate_tpu: true });
  await group.engine.apply([
    storage('ramdisk/r', thin),
    ...files,
    ...targetOf(group.port, ['ramdisk/r', 'fileio/cached', 'fileio/durable']),
  ]);
}

function compareAndWrite(lba: number, before: Buffer, after: Buffer, lun: number) {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x89;
  cdb.writeUInt32BE(lba, 6);
  cdb[13] = before.length / BLOCK;
  const payload = Buffer.concat([before, after]);
  return { lun, cdb, write: true, edtl: payload.length, data: payload, payload };
}
const filled = (byte: number): Buffer => Buffer.alloc(BLOCK, byte);
const swap = (lba: number, before: number, after: number, lun: number) =>
  compareAndWrite(lba, filled(before), filled(after), lun);

/** A session of one more initiator, its unit attention told. */
async function guest(name: string, lun: number): Promise<Initiator> {
  const session = await login(group, { name: `iqn.1994-05.com.example:${name}` });
  await session.run({ lun, cdb: TEST_UNIT_READY });
  return session;
}

/** The same numbers for the same seed: 0 to `below` - 1. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Calls of the pool take up to 3 ms longer. */
function slowStorage(random: (below: number) => number): void {
  for (const name of ['read', 'write', 'writev', 'fdatasync'] as const) {
    const call = fs[name].bind(fs) as (...args: unknown[]) => void;
    vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      setTimeout(() => call(...args), random(4));
    });
  }
}

/** Adds one to the number in that block, so many times; others do the same. */
async function counts(session: Initiator, lba: number, lun: number, steps: number) {
  for (let left = steps; left > 0;) {
    const { data } = await session.run(readBlock(lba, lun));
    const next = Buffer.from(data);
    next.writeUInt32BE(data.readUInt32BE(0) + 1, 0);
    const { status, sense } = await session.run(compareAndWrite(lba, data, next, lun));
    if (status === GOOD) left--;
    else expect(sense).toMatch(MISCOMPARE);
  }
}

const numberAt = async (session: Initiator, lba: number, lun: number): Promise<number> =>
  (await session.run(readBlock(lba, lun))).data.readUInt32BE(0);

describe.each([2, 3, 4])('%i data threads', (count) => {
  test.each([
    ['memory', MEMORY],
    ['a cached file', CACHED],
    ['a file written through', DURABLE],
  ])(
    'count in one block of %s, and no step is lost',
    async (_name, lun) => {
      await serve(count);
      slowStorage(randomOf(count));
      const sessions = await sessionInEach(group, 3);
      const [more, neighbour] = [await guest('more', lun), await guest('neighbour', lun)];
      // What touches other blocks goes on meanwhile; what touches this one reads whole numbers.
      let over = false;
      const beside = (async () => {
        while (!over) {
          expect((await neighbour.run(writeBlock(8, 7, lun))).status).toBe(GOOD);
          expect((await neighbour.run(readBlock(7, lun))).status).toBe(GOOD);
        }
      })();
      const all = [...sessions, more];
      await Promise.all(all.map((session) => counts(session, 7, lun, 8)));
      over = true;
      await beside;
      for (const session of all) expect(await numberAt(session, 7, lun)).toBe(8 * all.length);
    },
    WITHIN_MS,
  );

  test('of one try in each thread, one gets the lock', async () => {
    await serve(count);
    const sessions = await sessionInEach(group, 3);
    for (const lun of [MEMORY, CACHED, DURABLE]) {
      for (let lba = 0; lba < 10; lba++) {
        const tries = sessions.map((session, at) => session.run(swap(lba, 0, at + 1, lun)));
        const answers = await Promise.all(tries);
        const got = answers.findIndex(({ status }) => status === GOOD);
        expect(answers.filter(({ sense }) => sense.startsWith(MISCOMPARE))).toHaveLength(count - 1);
        for (const session of sessions) {
          const { data } = await session.run(readBlock(lba, lun));
          expect(data).toEqual(filled(got + 1));
        }
      }
    }
  });

  test('a write that one thread has with its storage comes before it in all', async () => {
    await serve(count);
    const [first, ...others] = await sessionInEach(group, 3);
    const neighbour = await guest('neighbour', DURABLE);
    const storageOf = holdWrites();
    const write = first!.run(writeBlock(3, 1, DURABLE));
    await eventually(() => storageOf.held() === 1);
    const swaps = others.map((session) => session.run(swap(3, 1, 2, DURABLE)));
    // Who is beside it does not wait.
    expect((await neighbour.run(readBlock(4, DURABLE))).status).toBe(GOOD);
    storageOf.release();
    expect((await write).status).toBe(GOOD);
    const answers = await Promise.all(swaps);
    expect(answers.filter(({ status }) => status === GOOD)).toHaveLength(1);
    for (const session of others) {
      expect((await session.run(readBlock(3, DURABLE))).data).toEqual(filled(2));
    }
  });

  test('while one thread writes it, the others neither read nor write there', async () => {
    await serve(count);
    const [first, ...others] = await sessionInEach(group, 3);
    const neighbours: Initiator[] = [];
    for (const at of others.keys()) neighbours.push(await guest(`neighbour${at}`, DURABLE));
    const storageOf = holdWrites();
    const exchange = first!.run(swap(3, 0, 1, DURABLE));
    await eventually(() => storageOf.held() === 1);
    let early = false;
    const reads = others.map(async (session) => {
      const { data } = await session.run(readBlock(3, DURABLE));
      if (storageOf.held() > 0) early = true;
      expect(data).toEqual(filled(1));
    });
    for (const session of neighbours) {
      expect((await session.run(readBlock(5, DURABLE))).status).toBe(GOOD);
    }
    expect([early, storageOf.held()]).toEqual([false, 1]);
    storageOf.release();
    expect((await exchange).status).toBe(GOOD);
    await Promise.all(reads);
    expect(early).toBe(false);
  });

  test('one that waits is aborted, and holds up nobody after that', async () => {
    await serve(count);
    const [first, second] = await sessionInEach(group, 3);
    const storageOf = holdWrites();
    const write = first!.run(writeBlock(3, 1, DURABLE));
    await eventually(() => storageOf.held() === 1);
    const refItt = second!.scsi(swap(3, 1, 2, DURABLE));
    second!.tmf({ function: ABORT_TASK, lun: DURABLE, refItt });
    expect((await second!.expect(OP.TMF_RESPONSE)).response).toBe(0);
    storageOf.release();
    expect((await write).status).toBe(GOOD);
    expect((await second!.run(readBlock(3, DURABLE))).data).toEqual(filled(1));
    expect((await first!.run(swap(3, 1, 4, DURABLE))).status).toBe(GOOD);
  });

  test('those that wait end with LOGICAL UNIT RESET, and with their session', async () => {
    await serve(count);
    const sessions = await sessionInEach(group, 3);
    const [first, second] = sessions;
    const [gone, manager] = [await guest('gone', DURABLE), await guest('manager', DURABLE)];
    const storageOf = holdWrites();
    const write = first!.run(writeBlock(3, 1, DURABLE));
    await eventually(() => storageOf.held() === 1);
    gone.scsi(swap(3, 1, 5, DURABLE));
    const exchange = second!.run(swap(3, 1, 6, DURABLE));
    gone.nopOut();
    await gone.expect(OP.NOP_IN);
    gone.destroy();
    const reset = manage(manager, LOGICAL_UNIT_RESET, DURABLE);
    // It waits for a write that waits for the storage, and does not wait for that any more.
    expect((await exchange).status).toBe(TASK_ABORTED);
    storageOf.release();
    await reset;
    expect([GOOD, TASK_ABORTED]).toContain((await write).status);
    for (const session of sessions) {
      while ((await session.run({ lun: DURABLE, cdb: TEST_UNIT_READY })).status !== GOOD);
    }
    const { data } = await second!.run(readBlock(3, DURABLE));
    expect((await second!.run(compareAndWrite(3, data, filled(9), DURABLE))).status).toBe(GOOD);
    for (const session of sessions) {
      expect((await session.run(readBlock(3, DURABLE))).data).toEqual(filled(9));
    }
  });
});
