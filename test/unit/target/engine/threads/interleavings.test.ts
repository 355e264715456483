/**
 * Sessions in all threads that do everything to one logical unit at once, on storage of random
 * speed: every command is answered, what was not executed changed nothing, what was acknowledged
 * is read by everybody, and in the end nothing is held back.
 */
import fs from 'node:fs';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Initiator } from '../../../../loopback/initiator.ts';
import {
  BLOCK,
  fileio,
  login,
  manage,
  modeSelect,
  NOT_PROTECTED,
  readBlock,
  SOFTWARE_WRITE_PROTECT,
  startGroup,
  storage,
  targetOf,
  TEST_UNIT_READY,
  writeBlock,
  type Group,
} from './group.ts';

const MIB = 1024 * 1024;
const STEPS = 60;
/** A busy machine takes its time; what hangs, hangs longer. */
const WITHIN_MS = 90_000;
const SESSIONS_PER_THREAD = 2;
const CLEAR_TASK_SET = 4;
const LOGICAL_UNIT_RESET = 5;
const [GOOD, CHECK_CONDITION, TASK_ABORTED] = [0x00, 0x02, 0x40];
/** SIMPLE, ORDERED, HEAD OF QUEUE. */
const ATTRIBUTES = [1, 1, 1, 2, 3] as const;

let folder = '';
let path = '';
let group: Group;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'threads-'));
  path = join(folder, 'disk.img');
  writeFileSync(path, '');
  truncateSync(path, MIB);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await group.stop();
  rmSync(folder, { recursive: true });
});

/** The same numbers for the same seed: 0 to `below` - 1. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Writes and syncs of the pool take up to 3 ms longer. */
function slowStorage(random: (below: number) => number): void {
  for (const name of ['write', 'writev', 'fdatasync'] as const) {
    const call = fs[name].bind(fs) as (...args: unknown[]) => void;
    vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      setTimeout(() => call(...args), random(4));
    });
  }
}

/** What a block may hold: one value, or more where a write was aborted. */
class Disk {
  readonly #may = new Map<number, Set<number>>();
  readonly #writing = new Map<number, number>();
  /** Counts writes begun and ended of each block. */
  readonly changes = new Map<number, number>();

  begins(lba: number): void {
    this.#writing.set(lba, (this.#writing.get(lba) ?? 0) + 1);
    this.#note(lba);
  }

  ends(lba: number, value: number, status: number): void {
    this.#writing.set(lba, (this.#writing.get(lba) ?? 0) - 1);
    this.#note(lba);
    if (status === GOOD) this.#may.set(lba, new Set([value]));
    if (status === TASK_ABORTED) this.#may.set(lba, new Set([...this.may(lba), value]));
  }

  may(lba: number): Set<number> {
    return this.#may.get(lba) ?? new Set([0]);
  }

  isStill(lba: number): boolean {
    return (this.#writing.get(lba) ?? 0) === 0;
  }

  #note(lba: number): void {
    this.changes.set(lba, (this.changes.get(lba) ?? 0) + 1);
  }
}

const startStop = (start: boolean) => {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x1b;
  cdb[4] = start ? 1 : 0;
  return { cdb };
};

interface Actor {
  readonly session: Initiator;
  readonly lba: number;
  readonly random: (below: number) => number;
  readonly disk: Disk;
}

async function writes({ session, lba, random, disk }: Actor, value: number): Promise<void> {
  const attribute = ATTRIBUTES[random(ATTRIBUTES.length)] ?? 1;
  disk.begins(lba);
  const { status, sense } = await session.run({ ...writeBlock(lba, value), attribute });
  disk.ends(lba, value, status);
  // Unit attention, write protection, stopped: nothing else keeps a write away.
  if (status === CHECK_CONDITION) expect(sense).toMatch(/^06|^07\/27\/00|^02\/04\/02/);
  else expect([GOOD, TASK_ABORTED]).toContain(status);
}

async function reads({ session, random, disk }: Actor, blocks: number): Promise<void> {
  const lba = random(blocks);
  const still = disk.isStill(lba);
  const before = disk.changes.get(lba);
  const { status, data } = await session.run(readBlock(lba));
  if (status !== GOOD || !still || disk.changes.get(lba) !== before) return;
  expect(data).toEqual(Buffer.alloc(BLOCK, data[0]));
  expect(disk.may(lba)).toContain(data[0]);
}

async function lives(actor: Actor, blocks: number): Promise<void> {
  const { session, random } = actor;
  for (let step = 1; step <= STEPS; step++) {
    const choice = random(100);
    if (choice < 60) await writes(actor, step);
    else if (choice < 85) await reads(actor, blocks);
    else if (choice < 88) await manage(session, CLEAR_TASK_SET);
    else if (choice < 90) await manage(session, LOGICAL_UNIT_RESET);
    else if (choice < 95) await session.run(modeSelect(SOFTWARE_WRITE_PROTECT));
    else if (choice < 98) await session.run(startStop(false));
    else await session.run({ cdb: TEST_UNIT_READY });
    if (choice >= 90) {
      await session.run(modeSelect(NOT_PROTECTED));
      await session.run(startStop(true));
    }
  }
}

/** Whatever is told first. */
async function becomesReady(session: Initiator): Promise<void> {
  for (;;) {
    await session.run(modeSelect(NOT_PROTECTED));
    await session.run(startStop(true));
    if ((await session.run({ cdb: TEST_UNIT_READY })).status === GOOD) return;
  }
}

test.each([
  [2, 1],
  [2, 2],
  [3, 3],
  [4, 4],
])(
  '%i threads, everything at once, seed %i',
  async (count, seed) => {
    group = await startGroup(count);
    await group.engine.apply([
      storage('fileio/f', fileio(path, MIB, false)),
      ...targetOf(group.port, ['fileio/f']),
    ]);
    const random = randomOf(seed);
    slowStorage(random);
    const disk = new Disk();
    const blocks = count * SESSIONS_PER_THREAD;
    const actors: Actor[] = [];
    for (let lba = 0; lba < blocks; lba++) {
      const session = await login(group, { name: `iqn.1994-05.com.example:c${lba}` });
      actors.push({ session, lba, random: randomOf(100 * seed + lba), disk });
    }
    await Promise.all(actors.map((actor) => lives(actor, blocks)));
    for (const { session } of actors) await becomesReady(session);
    // Each has told the others of what it did last.
    for (const { session } of actors) await becomesReady(session);
    for (const { session, lba } of actors) {
      const { data } = await session.run(readBlock(lba));
      expect(disk.may(lba)).toContain(data[0]);
      expect(fs.readFileSync(path)[lba * BLOCK]).toBe(data[0]);
      expect((await session.run({ ...writeBlock(lba, 200 + lba), attribute: 2 })).status).toBe(
        GOOD,
      );
    }
    for (const { session } of actors) {
      for (const { lba } of actors) {
        expect((await session.run(readBlock(lba))).data[0]).toBe(200 + lba);
      }
    }
    const { io, sessions } = await group.engine.runtime();
    expect(io['fileio/f']?.queued).toBe(0);
    const counted = sessions.map(({ mappedLuns }) => mappedLuns[0]?.io.commands ?? 0);
    expect(io['fileio/f']?.commands).toBe(counted.reduce((sum, each) => sum + each, 0));
  },
  WITHIN_MS,
);
