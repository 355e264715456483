/** What several data threads promise together: sessions in different threads, one logical unit. */
import fs from 'node:fs';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  Coordinator,
  type DataThread,
} from '../../../../../src/target/engine/threads/coordinator.ts';
import { WORD } from '../../../../../src/target/engine/threads/membership_words.ts';
import { MAX_SESSIONS } from '../../../../../src/target/iscsi/session_table.ts';
import { FakeClock } from '../../../../loopback/served.ts';
import { OP, type Initiator } from '../../../../loopback/initiator.ts';
import {
  eventually,
  fileio,
  holdWrites,
  login,
  manage,
  modeSelect,
  NOT_PROTECTED,
  ramdisk,
  readBlock,
  releaseWrites,
  sessionInEach,
  SOFTWARE_WRITE_PROTECT,
  startGroup,
  storage,
  targetOf,
  TEST_UNIT_READY,
  threadOf,
  writeBlock,
  type Group,
} from './group.ts';

const MIB = 1024 * 1024;
const TMF = { ABORT_TASK: 1, CLEAR_TASK_SET: 4, LOGICAL_UNIT_RESET: 5, COLD_RESET: 7 } as const;
const ORDERED = 2;
const HEAD_OF_QUEUE = 3;
const TASK_ABORTED = 0x40;
const BUSY = 8;

let folder = '';
let path = '';
let group: Group;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'threads-'));
  path = join(folder, 'disk.img');
  writeFileSync(path, '');
  truncateSync(path, 2 * MIB);
});
afterEach(async () => {
  vi.restoreAllMocks();
  releaseWrites();
  await group.stop();
  rmSync(folder, { recursive: true });
});

interface Served {
  readonly writeBack?: boolean;
  readonly clock?: FakeClock;
  readonly attributes?: object;
}

/** LUN 0: a ramdisk; LUN 1: a file with `writeBack`. */
async function serve(count: number, { writeBack = false, clock, attributes }: Served = {}) {
  group = await startGroup(count, clock);
  await group.engine.apply([
    storage('ramdisk/r', ramdisk(MIB, attributes)),
    storage('fileio/f', fileio(path, MIB, writeBack)),
    ...targetOf(group.port, ['ramdisk/r', 'fileio/f']),
  ]);
}

/** Answered, although the commands before it are not. */
async function ping(session: Initiator): Promise<void> {
  session.nopOut();
  await session.expect(OP.NOP_IN);
}

/** The same thread, but it refuses every plan. */
const refusingPrepare = (thread: DataThread): DataThread =>
  new Proxy(thread, {
    get(of, name) {
      if (name === 'prepare') return () => Promise.reject(new Error('no descriptor'));
      return (of[name as keyof DataThread] as (...args: unknown[]) => unknown).bind(of);
    },
  });

/** What a unit attention, if there is one, says; then the command is run. */
const senseOf = async (session: Initiator, lun = 0): Promise<string> =>
  (await session.run({ lun, cdb: TEST_UNIT_READY })).sense;

describe.each([2, 4])('%i data threads', (count) => {
  test('connections are spread evenly, and all are shown', async () => {
    await serve(count);
    const sessions = await sessionInEach(group);
    expect(sessions.map((session) => threadOf(group, session))).toEqual([...Array(count).keys()]);
    const { sessions: shown, io } = await group.engine.runtime();
    const order = shown.map(({ sid }) => sid);
    expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
    expect(new Set(shown.map(({ tsih }) => tsih)).size).toBe(count);
    for (const session of sessions) await session.run(readBlock(0));
    const now = await group.engine.runtime();
    expect(now.io['ramdisk/r']?.reads).toBe((io['ramdisk/r']?.reads ?? 0) + count);
  });

  test('what one thread writes, all others read: memory and file', async () => {
    await serve(count);
    const sessions = await sessionInEach(group, 2);
    for (const [thread, session] of sessions.entries()) {
      for (const lun of [0, 1]) {
        expect((await session.run(writeBlock(3, thread + 1, lun))).status).toBe(0);
        for (const other of sessions) {
          const { data } = await other.run(readBlock(3, lun));
          expect(data).toEqual(Buffer.alloc(512, thread + 1));
        }
      }
    }
  });

  test('UNMAP in one thread gives zeros in the others', async () => {
    group = await startGroup(count);
    const thin = ramdisk(4 * MIB, { emulate_tpu: true });
    await group.engine.apply([storage('ramdisk/r', thin), ...targetOf(group.port, ['ramdisk/r'])]);
    const sessions = await sessionInEach(group);
    const first = sessions[0]!;
    const last = sessions.at(-1)!;
    await last.run(writeBlock(2100, 7));
    const list = Buffer.alloc(24);
    list.writeUInt16BE(22, 0);
    list.writeUInt16BE(16, 2);
    list.writeUInt32BE(2048, 12);
    list.writeUInt32BE(2048, 16);
    const cdb = Buffer.alloc(16);
    cdb[0] = 0x42;
    cdb[8] = 24;
    const unmap = { cdb, write: true, edtl: 24, data: list, payload: list };
    expect(await first.run(unmap)).toMatchObject({ status: 0 });
    expect((await last.run(readBlock(2100))).data).toEqual(Buffer.alloc(512));
  });

  test('LOGICAL UNIT RESET ends writes of every thread before it is answered', async () => {
    await serve(count);
    const sessions = await sessionInEach(group, 2);
    const [resetting, ...others] = sessions as [Initiator, ...Initiator[]];
    const storageHolds = holdWrites();
    const writes = others.map((other) => other.scsi(writeBlock(1, 9, 1)));
    await eventually(() => storageHolds.held() >= others.length);
    resetting.tmf({ function: TMF.LOGICAL_UNIT_RESET, lun: 1 });
    // Still with the storage: a ping is answered, the reset is not.
    await ping(resetting);
    storageHolds.release();
    expect((await resetting.expect(OP.TMF_RESPONSE)).response).toBe(0);
    for (const [at, other] of others.entries()) {
      expect((await other.finish(writes[at]!)).status).toBe(TASK_ABORTED);
    }
    for (const session of sessions) expect(await senseOf(session, 1)).toBe('06/29/03');
  });

  test.each([true, false])('CLEAR TASK SET ends commands of other threads, TAS %s', async (tas) => {
    await serve(count, { attributes: { emulate_tas: tas } });
    const sessions = await sessionInEach(group);
    const first = sessions[0]!;
    const last = sessions.at(-1)!;
    const write = last.scsi({ ...writeBlock(1, 1), data: Buffer.alloc(0) });
    await last.expect(OP.R2T);
    await manage(first, TMF.CLEAR_TASK_SET);
    if (tas) expect((await last.finish(write)).status).toBe(TASK_ABORTED);
    expect(await senseOf(last)).toBe(tas ? '' : '06/2f/00');
    expect(await senseOf(first)).toBe('');
  });

  test('MODE SELECT holds at once in every thread, which is told by unit attention', async () => {
    await serve(count);
    const [first, ...others] = (await sessionInEach(group)) as [Initiator, ...Initiator[]];
    for (const [page, sense] of [
      [SOFTWARE_WRITE_PROTECT, '07/27/00'],
      [NOT_PROTECTED, ''],
    ] as const) {
      expect((await first.run(modeSelect(page))).status).toBe(0);
      for (const other of others) {
        expect(await senseOf(other)).toBe('06/2a/01');
        expect((await other.run(writeBlock(0, 1))).sense).toBe(sense);
      }
      expect(await senseOf(first)).toBe('');
    }
  });

  test('an ORDERED command waits for older ones of all threads, holds back younger', async () => {
    await serve(count);
    const sessions = await sessionInEach(group, 2);
    const first = sessions[0]!;
    const last = sessions.at(-1)!;
    const storageHolds = holdWrites();
    const older = last.scsi(writeBlock(5, 1, 1));
    await eventually(() => storageHolds.held() >= 1);
    const ordered = first.scsi({ ...readBlock(5, 1), attribute: ORDERED });
    await ping(first);
    const younger = last.scsi(readBlock(5, 1));
    await ping(last);
    await ping(first);
    storageHolds.release();
    expect((await last.finish(older)).status).toBe(0);
    expect((await first.finish(ordered)).data[0]).toBe(1);
    expect((await last.finish(younger)).data[0]).toBe(1);
  });

  test('ORDERED commands of all threads at once all run', async () => {
    await serve(count);
    const sessions = await sessionInEach(group);
    const rounds = [...Array(20).keys()];
    await Promise.all(
      sessions.map(async (session, thread) => {
        for (const round of rounds) {
          const attribute = round % 3 === 0 ? HEAD_OF_QUEUE : ORDERED;
          const written = await session.run({ ...writeBlock(thread, round), attribute });
          expect(written.status).toBe(0);
        }
      }),
    );
  });

  test('an ORDERED command that is aborted while it waits holds nobody back', async () => {
    await serve(count);
    const sessions = await sessionInEach(group, 2);
    const first = sessions[0]!;
    const last = sessions.at(-1)!;
    const storageHolds = holdWrites();
    const older = last.scsi(writeBlock(5, 1, 1));
    await eventually(() => storageHolds.held() >= 1);
    const refItt = first.scsi({ ...readBlock(5, 1), attribute: ORDERED });
    await ping(first);
    first.tmf({ function: TMF.ABORT_TASK, lun: 1, refItt });
    expect((await first.expect(OP.TMF_RESPONSE)).response).toBe(0);
    expect((await first.run(readBlock(5, 1))).status).toBe(0);
    expect((await last.run(readBlock(5, 1))).status).toBe(0);
    storageHolds.release();
    expect((await last.finish(older)).status).toBe(0);
  });

  test('a session that comes back in another thread waits for its writes of before', async () => {
    await serve(count);
    const old = await login(group);
    await old.run({ lun: 1, cdb: TEST_UNIT_READY });
    const storageHolds = holdWrites();
    old.scsi(writeBlock(4, 1, 1));
    await eventually(() => storageHolds.held() >= 1);
    let back = false;
    const again = login(group).then((session) => {
      back = true;
      return session;
    });
    await old.closed;
    // A login of another initiator overtakes it.
    await login(group, { name: 'iqn.1994-05.com.example:other' });
    expect(back).toBe(false);
    storageHolds.release();
    const session = await again;
    expect(threadOf(group, session)).not.toBe(threadOf(group, old));
    await session.run({ lun: 1, cdb: TEST_UNIT_READY });
    expect((await session.run(writeBlock(4, 2, 1))).status).toBe(0);
    expect((await session.run(readBlock(4, 1))).data[0]).toBe(2);
    expect(fs.readFileSync(path)[4 * 512]).toBe(2);
    const { sessions } = await group.engine.runtime();
    expect(sessions).toHaveLength(2);
  });

  test('where the write of before hangs, only its logical unit answers BUSY', async () => {
    const clock = new FakeClock();
    await serve(count, { clock });
    const old = await login(group);
    await old.run({ lun: 1, cdb: TEST_UNIT_READY });
    const storageHolds = holdWrites();
    old.scsi(writeBlock(4, 1, 1));
    await eventually(() => storageHolds.held() >= 1);
    const again = login(group);
    await old.closed;
    await eventually(() => clock.pending > 0);
    const waited = setInterval(() => clock.pass(1000), 5);
    const session = await again;
    clearInterval(waited);
    expect(threadOf(group, session)).not.toBe(threadOf(group, old));
    for (const lun of [0, 1]) await session.run({ lun, cdb: Buffer.from([0x03, 0, 0, 0, 18]) });
    expect((await session.run(writeBlock(4, 2, 0))).status).toBe(0);
    expect((await session.run(writeBlock(4, 2, 1))).status).toBe(BUSY);
    storageHolds.release();
    await vi.waitFor(async () => {
      expect((await session.run(writeBlock(4, 2, 1))).status).toBe(0);
    }, 10_000);
    expect(fs.readFileSync(path)[4 * 512]).toBe(2);
  });

  test('a login with a TSIH goes to the thread that knows it', async () => {
    await serve(count);
    const old = await login(group);
    const others = [...Array(count).keys()];
    for (const at of others) await login(group, { name: `iqn.1994-05.com.example:n${at}` });
    const again = await login(group, { tsih: old.tsih });
    expect(again.tsih).toBe(old.tsih);
    await old.closed;
    expect((await again.run({ cdb: TEST_UNIT_READY })).status).toBeLessThan(8);
    await expect(login(group, { tsih: 60_000 + count })).rejects.toThrow('020a');
  });

  test('an iSER login with a TSIH goes to the thread that knows it, and is served', async () => {
    await serve(count);
    const old = await login(group, { iser: true });
    for (const at of Array(count).keys()) {
      await login(group, { name: `iqn.1994-05.com.example:n${at}`, iser: at % 2 === 0 });
    }
    const again = await login(group, { tsih: old.tsih, iser: true });
    expect(again.tsih).toBe(old.tsih);
    await old.closed;
    await again.run({ cdb: TEST_UNIT_READY });
    expect((await again.run(writeBlock(3, 5))).status).toBe(0);
    expect((await again.run(readBlock(3))).data).toEqual(Buffer.alloc(512, 5));
    const { sessions } = await group.engine.runtime();
    const transport = sessions.find(({ tsih }) => tsih === old.tsih)?.connections[0]?.transport;
    expect(transport).toBe('iSER');
    const unknown = login(group, { tsih: 60_000 + count, iser: true });
    await expect(unknown).rejects.toThrow('020a');
  });

  test('at the limit of sessions one may come back in another thread, none is new', async () => {
    await serve(count);
    const old = await login(group);
    const room = MAX_SESSIONS - group.words[WORD.SESSIONS]!;
    Atomics.add(group.words, WORD.SESSIONS, room);
    const again = await login(group);
    expect(threadOf(group, again)).not.toBe(threadOf(group, old));
    await old.closed;
    expect((await again.run({ cdb: TEST_UNIT_READY })).sense).toBe('06/29/00');
    const another = login(group, { name: 'iqn.1994-05.com.example:other' });
    await expect(another).rejects.toThrow('0302');
    expect(Atomics.load(group.words, WORD.SESSIONS)).toBe(MAX_SESSIONS);
    const { sessions, refusedLogins } = await group.engine.runtime();
    expect(sessions.map(({ tsih }) => tsih)).toEqual([again.tsih]);
    expect(refusedLogins).toMatchObject([{ rule: 'there are 4096 sessions already', count: 1 }]);
    Atomics.sub(group.words, WORD.SESSIONS, room);
  });

  test('TARGET COLD RESET ends the sessions of all threads', async () => {
    await serve(count);
    const sessions = await sessionInEach(group);
    sessions[0]!.tmf({ function: TMF.COLD_RESET });
    await Promise.all(sessions.map((session) => session.closed));
    await vi.waitFor(async () => {
      expect((await group.engine.runtime()).sessions).toEqual([]);
    }, 10_000);
  });

  test('a session of any thread is kicked by its number', async () => {
    await serve(count);
    const sessions = await sessionInEach(group);
    const { sessions: shown } = await group.engine.runtime();
    const last = sessions.at(-1)!;
    const info = shown.find(({ tsih }) => tsih === last.tsih)!;
    expect(await group.engine.kick(info.sid)).toBe(true);
    await last.closed;
    expect(await group.engine.kick(info.sid)).toBe(false);
    expect(await senseOf(sessions[0]!)).toBe('');
  });

  test('a new size is told in every thread, and what was written stays', async () => {
    await serve(count);
    const sessions = await sessionInEach(group);
    await sessions[0]!.run(writeBlock(9, 5));
    const large = 600 * MIB;
    await group.engine.apply([storage('ramdisk/r', ramdisk(large), ramdisk(MIB))]);
    for (const session of sessions) expect(await senseOf(session)).toBe('06/2a/09');
    const end = large / 512 - 1;
    expect((await sessions.at(-1)!.run(writeBlock(end, 6))).status).toBe(0);
    for (const session of sessions) {
      expect((await session.run(readBlock(end))).data[0]).toBe(6);
      expect((await session.run(readBlock(9))).data[0]).toBe(5);
    }
  });

  test('a plan that one thread refuses changes nothing in any', async () => {
    await serve(count);
    const sessions = await sessionInEach(group);
    await sessions[0]!.run(writeBlock(9, 5));
    const [first, ...others] = group.threads as [DataThread, ...DataThread[]];
    const refusing = refusingPrepare(others.pop()!);
    const engine = new Coordinator(first, [...others, refusing]);
    const replaced = { ...ramdisk(MIB), nullio: true };
    const plan = [storage('ramdisk/r', replaced, ramdisk(MIB))];
    await expect(engine.apply(plan)).rejects.toThrow('no descriptor');
    for (const session of sessions) {
      const read = await session.run(readBlock(9));
      expect(read).toMatchObject({ status: 0 });
      expect(read.data[0]).toBe(5);
    }
  });

  test('a limit of rate holds for all threads together', async () => {
    await serve(count, { attributes: { max_iops: 200, burst_time: 10 } });
    const sessions = await sessionInEach(group);
    const until = performance.now() + 1000;
    let commands = 0;
    await Promise.all(
      sessions.map(async (session) => {
        while (performance.now() < until) {
          await session.run(readBlock(0));
          commands++;
        }
      }),
    );
    // What begins in a second, the burst, and what several threads began at the same moment.
    expect(commands).toBeLessThanOrEqual(200 + 3 + 2 * count);
  });

  test('a flush in one thread covers what another has written', async () => {
    await serve(count, { writeBack: true });
    const sessions = await sessionInEach(group, 2);
    await sessions.at(-1)!.run(writeBlock(2, 3, 1));
    const flushed = vi.spyOn(fs, 'fdatasync');
    const cdb = Buffer.alloc(16);
    cdb[0] = 0x35;
    expect((await sessions[0]!.run({ lun: 1, cdb })).status).toBe(0);
    expect(flushed).toHaveBeenCalledTimes(1);
  });
});
