import { describe, expect, test } from 'vitest';
import type { Health, RuntimeState } from '../../../../src/objects/engine_port.ts';
import { RuntimeMirror, servedOperations } from '../../../../src/target/engine/transfer.ts';
import { IDLE_RUNTIME } from '../../../fixtures/documents.ts';
import { FakeEngine } from '../../../support/fake_engine.ts';

const objects = (count: number): Record<string, Health> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`ramdisk/r${n}`, { ok: true }]));

/** Asks as the other thread does; the messages cross as clones. */
async function look(state: RuntimeState, ends: ReturnType<typeof twoEnds>) {
  ends.engine.runtime = async () => state;
  const sizes: number[] = [];
  for (;;) {
    const patch = structuredClone(await ends.served.runtime());
    sizes.push(Object.keys(patch.storageObjects.set).length);
    const merged = ends.mirror.merge(patch);
    if (!patch.more) return { merged, sizes };
  }
}
function twoEnds() {
  const engine = new FakeEngine();
  return { engine, served: servedOperations(engine), mirror: new RuntimeMirror() };
}

describe('the runtime state across threads', () => {
  test('of thousands of objects crosses in pieces, and is whole at the end', async () => {
    const ends = twoEnds();
    const state = { ...IDLE_RUNTIME, storageObjects: objects(2600) };
    const { merged, sizes } = await look(state, ends);
    expect(merged).toEqual(state);
    expect(sizes).toEqual([1024, 1024, 552]);
  });

  test('sends only what changed since, and what went', async () => {
    const ends = twoEnds();
    const storageObjects = objects(600);
    const first = await look({ ...IDLE_RUNTIME, storageObjects }, ends);
    const changed: Record<string, Health> = {
      ...storageObjects,
      'ramdisk/r8': { ok: false, reason: 'no such file' },
    };
    delete changed['ramdisk/r7'];
    const second = await look({ ...IDLE_RUNTIME, storageObjects: changed }, ends);
    expect(second.sizes).toEqual([1]);
    expect(second.merged.storageObjects).toEqual(changed);
    expect(first.merged.storageObjects).toEqual(storageObjects);
    const third = await look({ ...IDLE_RUNTIME, storageObjects: changed }, ends);
    expect(third.sizes).toEqual([0]);
    expect(third.merged.storageObjects).toBe(second.merged.storageObjects);
  });
});
