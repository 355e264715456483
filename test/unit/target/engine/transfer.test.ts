import { describe, expect, test } from 'vitest';
import type { Health, IoCounters, RuntimeState } from '../../../../src/objects/engine_port.ts';
import {
  RuntimeMirror,
  servedOperations,
  takeChanges,
  type RuntimePatch,
  type ServedEngine,
} from '../../../../src/target/engine/transfer.ts';
import { ChangingRecord } from '../../../../src/util/changing_record.ts';
import type { ListedSession } from '../../../../src/target/engine/session_views.ts';
import { NO_IO } from '../../../../src/objects/engine_port.ts';
import { IDLE_RUNTIME } from '../../../fixtures/documents.ts';
import { FakeEngine } from '../../../support/fake_engine.ts';

/** An engine whose records the test changes; busy disks have done more at each look. */
class ChangingEngine extends FakeEngine implements ServedEngine {
  readonly storageObjects = new ChangingRecord<Health>();
  readonly portals = new ChangingRecord<Health>();
  readonly io = new ChangingRecord<IoCounters>();
  readonly sessions = new ChangingRecord<ListedSession>();
  nowMs = 0;
  busy = 0;
  commands = 0;

  async changes(first: boolean): Promise<RuntimePatch> {
    this.commands += 1;
    for (let n = 0; first && n < this.busy; n += 1) {
      this.io.set(`ramdisk/r${n}`, { ...NO_IO, commands: this.commands });
    }
    const { refusedLogins, accelerators } = IDLE_RUNTIME;
    return { refusedLogins, accelerators, nowMs: this.nowMs, ...takeChanges(this) };
  }

  add(count: number): void {
    for (let n = 0; n < count; n += 1) this.storageObjects.set(`ramdisk/r${n}`, { ok: true });
  }
}

function twoEnds() {
  const engine = new ChangingEngine();
  return { engine, served: servedOperations(engine), mirror: new RuntimeMirror() };
}

/** Asks as the other thread does; the messages cross as clones. */
async function look({ served, mirror }: ReturnType<typeof twoEnds>) {
  const sizes: number[] = [];
  for (;;) {
    const patch = structuredClone(await served.runtime());
    sizes.push(Object.keys(patch.storageObjects.set).length);
    const merged: RuntimeState | undefined = mirror.merge(patch);
    if (merged !== undefined) return { merged, sizes };
  }
}

describe('the runtime state across threads', () => {
  test('of thousands of objects crosses in pieces, and is whole at the end', async () => {
    const ends = twoEnds();
    ends.engine.add(2600);
    const { merged, sizes } = await look(ends);
    expect(sizes).toEqual([1024, 1024, 552]);
    expect(merged.storageObjects).toEqual(ends.engine.storageObjects.whole());
  });

  test('sends only what changed since, and what went', async () => {
    const ends = twoEnds();
    ends.engine.add(600);
    const first = await look(ends);
    ends.engine.storageObjects.set('ramdisk/r8', { ok: false, reason: 'no such file' });
    ends.engine.storageObjects.delete('ramdisk/r7');
    const second = await look(ends);
    expect(second.sizes).toEqual([1]);
    expect(second.merged.storageObjects).toEqual(ends.engine.storageObjects.whole());
    expect(first.merged.storageObjects['ramdisk/r7']).toEqual({ ok: true });
    const third = await look(ends);
    expect(third.sizes).toEqual([0]);
    expect(third.merged.storageObjects).toBe(second.merged.storageObjects);
  });

  test('sends sessions that changed, and shows all in their order with their age', async () => {
    const ends = twoEnds();
    const { engine } = ends;
    const add = (sid: number, openedMs: number, state = 'LOGGED_IN'): void => {
      engine.sessions.set(String(sid), { sid, state, openedMs } as ListedSession);
    };
    for (const sid of [10, 9, 100]) add(sid, 1000 * sid);
    engine.nowMs = 200_500;
    const first = await look(ends);
    expect(first.merged.sessions).toEqual([
      { sid: 9, state: 'LOGGED_IN', ageSeconds: 191 },
      { sid: 10, state: 'LOGGED_IN', ageSeconds: 190 },
      { sid: 100, state: 'LOGGED_IN', ageSeconds: 100 },
    ]);
    add(10, 10_000, 'FREE');
    engine.sessions.delete('9');
    engine.nowMs += 1000;
    const patch = structuredClone(await ends.served.runtime());
    expect(Object.keys(patch.sessions.set)).toEqual(['10']);
    expect(ends.mirror.merge(patch)?.sessions).toEqual([
      { sid: 10, state: 'FREE', ageSeconds: 191 },
      { sid: 100, state: 'LOGGED_IN', ageSeconds: 101 },
    ]);
  });

  test('is told to an end though thousands of disks are busy all the time', async () => {
    const ends = twoEnds();
    ends.engine.busy = 2600;
    const { merged } = await look(ends);
    expect(Object.keys(merged.io)).toHaveLength(2600);
    const again = await look(ends);
    expect(again.merged.io['ramdisk/r2599']?.commands).toBe(4);
  });
});
