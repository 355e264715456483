import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApplyError, type EngineEvent, type EnginePort } from '../../../src/objects/engine_port.ts';
import { inverse, type Step } from '../../../src/objects/plan.ts';
import { createEngine } from '../../../src/target/engine.ts';
import { parseMpaFrame } from '../../../src/target/transport/iwarp/mpa_frame.ts';
import { mpaRequestOf } from '../../../src/target/transport/iwarp/mpa_negotiation.ts';

const TARGET = 'iqn.2003-01.org.example:t1';
const ramdisk = (name: string, size = 1024 * 1024): Step => ({
  subject: 'storage_object',
  path: ['backstores', 'ramdisk', name],
  after: { size, nullio: false, wwn: `wwn-${name}`, attributes: {} },
});
const fileio = (name: string, path: string): Step => ({
  subject: 'storage_object',
  path: ['backstores', 'fileio', name],
  after: { path, size: 4096, write_back: true, wwn: `wwn-${name}`, attributes: {} },
});
const TPG_PATH = ['iscsi', 'targets', TARGET, 'tpgs', '1'];
const target: Step = {
  subject: 'target',
  path: ['iscsi', 'targets', TARGET],
  after: { tpgs: {} },
};
const tpg: Step = {
  subject: 'tpg',
  path: TPG_PATH,
  after: {
    enabled: true,
    attributes: {},
    parameters: {},
    auth: {},
    portals: {},
    luns: {},
    acls: {},
  },
};
const portal = (key: string): Step => ({
  subject: 'portal',
  path: [...TPG_PATH, 'portals', key],
  after: { iser: false },
});

/** A port of 127.0.0.1 that is held until `free` is called. */
async function heldPort(): Promise<{ key: string; free: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    key: `127.0.0.1:${port}`,
    free: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What the portal answers to an MPA request: a reject frame or not. */
async function mpaRejected(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(mpaRequestOf({ crc: false, ird: 1, ord: 1, privateData: Buffer.alloc(4) }, true));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  const parsed = parseMpaFrame(answer, 'reply');
  if (parsed.state !== 'complete') throw new Error('no MPA reply');
  return parsed.frame.reject;
}

describe('engine', () => {
  let engine: EnginePort;
  beforeEach(() => {
    engine = createEngine({ logLevel: 'error' });
  });
  afterEach(async () => {
    await engine.stop(0);
  });

  test('a portal serves iSER as soon as it says so, and no longer', async () => {
    const { key, free } = await heldPort();
    await free();
    const port = Number(key.split(':')[1]);
    await engine.apply([target, tpg, portal(key)]);
    expect(await mpaRejected(port)).toBe(true);
    const change = { ...portal(key), before: { iser: false }, after: { iser: true } };
    await engine.apply([change]);
    expect(await mpaRejected(port)).toBe(false);
    await engine.apply([inverse(change)]);
    expect(await mpaRejected(port)).toBe(true);
  });

  test('a plan makes storage objects, targets and listening portals', async () => {
    const { key, free } = await heldPort();
    await free();
    await engine.apply([ramdisk('r1'), target, tpg, portal(key)]);
    const runtime = await engine.runtime();
    expect(runtime.storageObjects).toMatchObject({ 'ramdisk/r1': { ok: true } });
    expect(runtime.portals).toEqual({ [`${TARGET}/1/${key}`]: { ok: true } });
  });

  test('a refused step undoes those before it and names itself', async () => {
    const { key, free } = await heldPort();
    const steps = [ramdisk('r1'), target, tpg, portal(key)];
    const refusal = engine.apply(steps);
    await expect(refusal).rejects.toBeInstanceOf(ApplyError);
    await expect(refusal).rejects.toThrow(`portal ${key} cannot listen: the address and port`);
    expect((await engine.runtime()).storageObjects).toEqual({});
    await free();
    await engine.apply(steps);
    expect(Object.keys((await engine.runtime()).portals)).toHaveLength(1);
  });

  test('undoing a refused plan brings back what it had removed', async () => {
    const { key, free } = await heldPort();
    await engine.apply([ramdisk('r1'), target, tpg]);
    const before = ramdisk('r1').after;
    const remove: Step = {
      subject: 'storage_object',
      path: ['backstores', 'ramdisk', 'r1'],
      before,
    };
    await expect(engine.apply([remove, portal(key)])).rejects.toThrow('cannot listen');
    expect((await engine.runtime()).storageObjects).toMatchObject({ 'ramdisk/r1': { ok: true } });
    await engine.apply([remove]);
    expect((await engine.runtime()).storageObjects).toEqual({});
    await free();
  });

  test('one address serves several targets until the last lets go', async () => {
    const { key, free } = await heldPort();
    await free();
    const other = (step: Step): Step => ({
      ...step,
      path: step.path.map((part) => (part === TARGET ? `${TARGET}-2` : part)),
    });
    await engine.apply([target, tpg, portal(key), other(target), other(tpg), other(portal(key))]);
    const { subject, path, after } = portal(key);
    await engine.apply([{ subject, path, before: after }]);
    expect((await engine.runtime()).portals).toEqual({ [`${TARGET}-2/1/${key}`]: { ok: true } });
  });

  test('a missing file is refused, but at boot it comes up degraded with its reason', async () => {
    const missing = fileio('gone', '/nonexistent/gone.img');
    await expect(engine.apply([missing])).rejects.toThrow('/nonexistent/gone.img');
    const events: EngineEvent[] = [];
    engine.onEvent((event) => events.push(event));
    const report = await engine.apply([missing], { tolerant: true });
    expect(report.degraded).toHaveLength(1);
    expect(report.degraded[0]).toContain('fileio/gone');
    expect((await engine.runtime()).storageObjects['fileio/gone']?.ok).toBe(false);
  });

  test('a portal that is taken at boot listens as soon as it can', async () => {
    const { key, free } = await heldPort();
    const report = await engine.apply([target, tpg, portal(key)], { tolerant: true });
    expect(report.degraded[0]).toContain(key);
    await free();
    await expect
      .poll(async () => (await engine.runtime()).portals[`${TARGET}/1/${key}`]?.ok, {
        timeout: 10_000,
        interval: 200,
      })
      .toBe(true);
  });

  test('changes run one after the other, in the order of their calls', async () => {
    const results = await Promise.allSettled([
      engine.apply([ramdisk('a')]),
      engine.apply([{ ...ramdisk('a'), before: ramdisk('a').after }]),
      engine.apply([ramdisk('b')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(Object.keys((await engine.runtime()).storageObjects)).toEqual([
      'ramdisk/a',
      'ramdisk/b',
    ]);
  });
});
