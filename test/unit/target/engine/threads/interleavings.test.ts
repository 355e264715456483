/**
 * Sessions in all threads that do everything to one logical unit at once, on storage of random
 * speed: every command is answered, what was not executed changed nothing, what was acknowledged
 * is read by everybody, an ORDERED write is at the storage alone, and in the end nothing is held
 * back. Meanwhile size, rate and write protection change.
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
  protectWrites,
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
const [SIMPLE, ORDERED, HEAD_OF_QUEUE] = [1, 2, 3];
const ATTRIBUTES = [SIMPLE, SIMPLE, SIMPLE, ORDERED, HEAD_OF_QUEUE];

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

/** Syncs of the pool, and writes as `order` sees them, take up to 3 ms longer. */
function slowStorage(random: (below: number) => number, order: Order): void {
  type Call = (...args: unknown[]) => void;
  const sync = fs.fdatasync.bind(fs) as Call;
  vi.spyOn(fs, 'fdatasync').mockImplementation((...args: unknown[]) => {
    setTimeout(() => sync(...args), random(4));
  });
  for (const name of ['write', 'writev'] as const) {
    const call = fs[name].bind(fs) as Call;
    vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      const [position, done] = args.slice(-2) as [number, Call];
      const lba = position / BLOCK;
      order.begins(lba);
      const over: Call = (...answer) => {
        order.ends(lba);
        done(...answer);
      };
      setTimeout(() => call(...args.slice(0, -1), over), random(4));
    });
  }
}

/** The writes that the storage has, of all threads: an ORDERED one is there alone. */
class Order {
  /** By block, each of which one session writes: the attribute of the command under way. */
  readonly asked = new Map<number, number>();
  readonly #there = new Map<number, number>();
  readonly mistakes: string[] = [];
  /** ORDERED writes that the storage had. */
  ordered = 0;

  begins(lba: number): void {
    const attribute = this.asked.get(lba) ?? 0;
    // HEAD OF QUEUE may begin whatever runs (SAM-5 §8.5): who is first of the two, nobody can tell.
    const others = [...this.#there.values()].filter((each) => each !== HEAD_OF_QUEUE);
    this.#there.set(lba, attribute);
    if (attribute === ORDERED) this.ordered++;
    const wrong =
      attribute === ORDERED ? others.length > 0 : attribute === SIMPLE && others.includes(ORDERED);
    if (wrong) this.mistakes.push(`${attribute} at block ${lba} beside ${others.join(' ')}`);
  }

  ends(lba: number): void {
    this.#there.delete(lba);
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
  readonly order: Order;
}

async function writes({ session, lba, random, disk, order }: Actor, value: number): Promise<void> {
  const attribute = ATTRIBUTES[random(ATTRIBUTES.length)] ?? SIMPLE;
  order.asked.set(lba, attribute);
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

/** Size, rate and protection change while commands run; in the end there is no limit. */
async function reconfigures(random: (below: number) => number, goesOn: () => boolean) {
  let [size, protect] = [MIB, false];
  let now = fileio(path, size, false);
  const becomes = async (attributes: object): Promise<void> => {
    const next = fileio(path, size, false, attributes);
    await group.engine.apply([storage('fileio/f', next, now)]);
    now = next;
  };
  const protectAll = async (): Promise<void> => {
    protect = !protect;
    await group.engine.apply([protectWrites(protect)]);
  };
  while (goesOn()) {
    const choice = random(4);
    if (choice === 0) size += MIB;
    if (choice === 3) await protectAll();
    else await becomes(choice === 1 ? { max_iops: 500 + random(2000) } : {});
    // What is protected is so for a few commands only: otherwise little is written.
    if (protect) await protectAll();
    await new Promise((resolve) => setTimeout(resolve, 20 + random(20)));
  }
  await becomes({});
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
    const order = new Order();
    slowStorage(random, order);
    const disk = new Disk();
    const blocks = count * SESSIONS_PER_THREAD;
    const actors: Actor[] = [];
    for (let lba = 0; lba < blocks; lba++) {
      const session = await login(group, { name: `iqn.1994-05.com.example:c${lba}` });
      actors.push({ session, lba, random: randomOf(100 * seed + lba), disk, order });
    }
    let lively = true;
    const changes = reconfigures(randomOf(1000 + seed), () => lively);
    await Promise.all(actors.map((actor) => lives(actor, blocks))).finally(() => (lively = false));
    await changes;
    expect(order.mistakes).toEqual([]);
    expect(order.ordered).toBeGreaterThan(0);
    for (const { session } of actors) await becomesReady(session);
    // Each has told the others of what it did last.
    for (const { session } of actors) await becomesReady(session);
    for (const { session, lba } of actors) {
      const { data } = await session.run(readBlock(lba));
      expect(disk.may(lba)).toContain(data[0]);
      expect(fs.readFileSync(path)[lba * BLOCK]).toBe(data[0]);
      expect(
        (await session.run({ ...writeBlock(lba, 200 + lba), attribute: ORDERED })).status,
      ).toBe(GOOD);
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
