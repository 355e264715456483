/** Importing what cannot all work on this machine, with the real engine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { toLioJson } from '../../src/saveconfig/export/lio_json.ts';
import { Shell } from '../../src/shell/shell.ts';
import { createEngine } from '../../src/target/engine.ts';
import { EMPTY_TPG, fileio, ramdisk, withTargets } from '../fixtures/documents.ts';
import { MemoryOutput } from '../shell/memory_output.ts';
import { freePort } from '../support/free_port.ts';
import { storeClient, type StoreClient } from '../support/store_client.ts';

const TARGET = 'iqn.2026-01.com.example:from-lio';

let folder: string;
let engine: EnginePort;
let taken: Server;
let daemon: StoreClient;
let foreign: string;
let out: MemoryOutput;
let shell: Shell;
let free: string;
let busy: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-import-here-'));
  engine = createEngine({ logLevel: 'error' });
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  busy = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  free = `127.0.0.1:${await freePort()}`;
  daemon = await storeClient(join(folder, 'saveconfig.yaml'), engine);
  foreign = join(folder, 'saveconfig.json');
  const there = withTargets(
    { fileio: { away: fileio(1, join(folder, 'away.img')) }, ramdisk: { here: ramdisk(2, 4096) } },
    {
      [TARGET]: {
        tpgs: {
          1: {
            ...EMPTY_TPG,
            portals: { [free]: { iser: false }, [busy]: { iser: false } },
            luns: {
              0: { storage_object: 'fileio/away' },
              1: { storage_object: 'ramdisk/here' },
            },
          },
        },
      },
    },
  );
  writeFileSync(foreign, toLioJson(there));
  out = new MemoryOutput();
  shell = new Shell({ client: daemon.client, home: join(folder, 'home'), out });
});
afterEach(async () => {
  await engine.stop(0);
  taken.close();
  rmSync(folder, { recursive: true, force: true });
});

async function expectDegraded(text: string): Promise<void> {
  expect(text).toContain('2 recoverable errors:');
  expect(text).toMatch(/storage object fileio\/away: .*away\.img/);
  expect(text).toContain(`portal ${busy} cannot listen`);
  const { storageObjects, portals } = await engine.runtime();
  expect(storageObjects['fileio/away']?.ok).toBe(false);
  expect(storageObjects['ramdisk/here']?.ok).toBe(true);
  expect(portals[`${TARGET}/1/${free}`]?.ok).toBe(true);
  expect(portals[`${TARGET}/1/${busy}`]?.ok).toBe(false);
  const { tpgs } = daemon.store.current.document.iscsi.targets[TARGET] ?? { tpgs: {} };
  expect(Object.keys(tpgs['1']?.luns ?? {})).toEqual(['0', '1']);
}

describe('import', () => {
  test('brings what cannot work here yet, tells each, and ends with status 1', async () => {
    const { ok } = await shell.runWords(['import', foreign]);
    expect(ok).toBe(false);
    await expectDegraded(out.take());
  });

  test('does so at the commit of a transaction, too', async () => {
    await shell.runLine('begin');
    expect((await shell.runWords(['import', foreign])).ok).toBe(true);
    out.take();
    expect((await shell.runLine('commit')).ok).toBe(false);
    await expectDegraded(out.take());
  });

  test('missing=refuse imports nothing', async () => {
    const { ok } = await shell.runWords(['import', foreign, 'missing=refuse']);
    expect(ok).toBe(false);
    expect(daemon.store.current.document.iscsi.targets).toEqual({});
  });
});
