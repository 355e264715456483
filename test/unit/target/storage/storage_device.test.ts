import { describe, expect, test } from 'vitest';
import type { Backstore, StorageFault } from '../../../../src/target/storage/backstore.ts';
import { notOpened, type OpenMedium } from '../../../../src/target/storage/open_result.ts';
import { Ramdisk } from '../../../../src/target/storage/ramdisk.ts';
import {
  REOPEN_INTERVAL_MS,
  StorageDevice,
  type StorageHealth,
} from '../../../../src/target/storage/storage_device.ts';
import type { Clock } from '../../../../src/util/clock.ts';
import { SILENT_LOG } from '../../../../src/util/log.ts';
import { deallocateOn, flushOf, readFrom, writeTo } from '../../../compliance/backstore.ts';

/** Holds timers until `advance`. */
class StillClock implements Clock {
  readonly waiting: { delayMs: number; run: () => void }[] = [];
  nowMs(): number {
    return 0;
  }
  after(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { delayMs, run };
    this.waiting.push(timer);
    return { cancel: () => void this.waiting.splice(this.waiting.indexOf(timer), 1) };
  }
  async advance(): Promise<void> {
    for (const timer of this.waiting.splice(0)) timer.run();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

function bench() {
  const clock = new StillClock();
  const told: StorageHealth[] = [];
  /** At each time: whether the medium was there. */
  const cacheLost: boolean[] = [];
  const media: Ramdisk[] = [];
  let lose: (fault: StorageFault) => void = () => {};
  const state = { reason: 'no such file /a' as string | null, size: 8192 };
  const open: OpenMedium = (lost) => {
    if (state.reason !== null) return Promise.resolve(notOpened(state.reason));
    lose = lost;
    const backstore = new Ramdisk({ size: state.size, nullio: false });
    media.push(backstore);
    return Promise.resolve({ ok: true, backstore });
  };
  const device: StorageDevice = new StorageDevice({
    name: 'fileio/a',
    open,
    clock,
    log: SILENT_LOG,
    onHealth: (health) => told.push(health),
    onCacheLost: () => cacheLost.push(device.fault === null),
  });
  return {
    cacheLost,
    clock,
    told,
    media,
    state,
    device,
    lose: (fault: StorageFault) => lose(fault),
  };
}

const operations = (device: Backstore) => [
  readFrom(device, Buffer.alloc(512), 0),
  writeTo(device, Buffer.alloc(512), 0),
  flushOf(device),
  deallocateOn(device, 0, 512),
];

describe('a storage device', () => {
  test('answers why it is away to every operation, and heals on its own', async () => {
    const { device, state, clock, told } = bench();
    expect(await device.start()).toEqual({ kind: 'notReady', reason: 'no such file /a' });
    expect(device.sizeBytes).toBe(0);
    for (const fault of await Promise.all(operations(device))) {
      expect(fault).toEqual({ kind: 'notReady', reason: 'no such file /a' });
    }
    expect(clock.waiting.map(({ delayMs }) => delayMs)).toEqual([REOPEN_INTERVAL_MS]);
    await clock.advance();
    state.reason = 'permission denied';
    await clock.advance();
    state.reason = null;
    await clock.advance();
    expect(device.fault).toBeNull();
    expect(device.sizeBytes).toBe(8192);
    expect(clock.waiting).toEqual([]);
    expect(told).toEqual([{ ok: false, reason: 'permission denied' }, { ok: true }]);
    for (const fault of await Promise.all(operations(device))) expect(fault).toBeNull();
  });

  test('a lost medium is closed and opened anew, with its size and cache mode kept', async () => {
    const { device, state, clock, lose, media, told } = bench();
    state.reason = null;
    expect(await device.start()).toBeNull();
    device.setWriteCache(true);
    const gone: StorageFault = { kind: 'notReady', reason: 'no such device' };
    state.reason = 'no such device';
    lose(gone);
    lose(gone);
    expect(device.fault).toEqual(gone);
    expect(device.sizeBytes).toBe(8192);
    expect(device.writeCache).toBe(true);
    await clock.advance();
    state.reason = null;
    state.size = 16384;
    await clock.advance();
    expect(media).toHaveLength(2);
    expect(media[1]?.writeCache).toBe(true);
    expect(device.sizeBytes).toBe(16384);
    expect(told.map(({ ok }) => ok)).toEqual([false, true]);
  });

  test('a medium that was lost with a write cache is told of when it is back', async () => {
    const { device, state, clock, lose, cacheLost } = bench();
    state.reason = null;
    await device.start();
    const gone: StorageFault = { kind: 'notReady', reason: 'no such device' };
    lose(gone);
    await clock.advance();
    await clock.advance();
    expect([device.fault, cacheLost]).toEqual([null, []]);
    device.setWriteCache(true);
    lose(gone);
    expect(cacheLost).toEqual([]);
    await clock.advance();
    await clock.advance();
    expect(cacheLost).toEqual([true]);
  });

  test('a look tells what operations do not, once, and when it is over', async () => {
    const { device, state, told, media } = bench();
    state.reason = null;
    await device.start();
    const answers: ((notice: string | null) => void)[] = [];
    Object.assign(media[0]!, { notice: (done: (typeof answers)[0]) => answers.push(done) });
    device.look();
    device.look();
    expect(answers).toHaveLength(1);
    for (const notice of ['deleted', 'deleted', null]) {
      answers.shift()?.(notice);
      device.look();
    }
    expect(told).toEqual([{ ok: false, reason: 'deleted' }, { ok: true }]);
    expect(device.fault).toBeNull();
  });

  test('close ends the attempts and says nothing more', async () => {
    const { device, clock, told } = bench();
    await device.start();
    await device.close();
    expect(clock.waiting).toEqual([]);
    expect(told).toEqual([]);
    expect(device.fault).toEqual({ kind: 'notReady', reason: 'closed' });
  });
});
