/**
 * Configurations through the real engine: going to any other and back, refusals at each step, and
 * a session whose disk is read and written while everything around it changes.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT, type Document, type Tpg } from '../../src/objects/document.ts';
import { editsBetween } from '../../src/objects/edits.ts';
import { ApplyError, type EnginePort } from '../../src/objects/engine_port.ts';
import type { Step } from '../../src/objects/plan.ts';
import { sparse } from '../../src/objects/sparse.ts';
import { fromYaml } from '../../src/saveconfig/from_yaml.ts';
import { toYaml } from '../../src/saveconfig/to_yaml.ts';
import { testEngine } from '../support/test_engine.ts';
import { ramdiskDocuments } from '../fixtures/ramdisk_documents.ts';
import { freePort } from '../support/free_port.ts';
import { storeClient, type StoreClient } from '../support/store_client.ts';
import { Initiator } from './initiator.ts';

const RUNS = 40;
const CHANGES = 100;

let folder: string;
let engine: EnginePort;
let ports: number[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lunsmith-changes-'));
  engine = testEngine({ logLevel: 'error' });
  ports = [];
  for (let i = 0; i < 3; i += 1) ports.push(await freePort());
});
afterEach(async () => {
  await engine.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

const store = (): Promise<StoreClient> => storeClient(join(folder, 'saveconfig.yaml'), engine);

async function goTo({ client }: StoreClient, wanted: Document): Promise<void> {
  const { revision, document } = await client.call('document', {});
  await client.call('change', { revision, edits: editsBetween(document, wanted) });
}

/** What the engine shows of its state without a session. */
async function shown() {
  const { storageObjects, portals } = await engine.runtime();
  return { objects: Object.keys(storageObjects).sort(), portals: Object.keys(portals).sort() };
}
function expected({ backstores, iscsi }: Document) {
  const objects = Object.keys(backstores.ramdisk).map((name) => `ramdisk/${name}`);
  const portals = Object.entries(iscsi.targets).flatMap(([name, { tpgs }]) =>
    Object.entries(tpgs).flatMap(([tag, tpg]) =>
      Object.keys(tpg.portals).map((key) => `${name}/${tag}/${key}`),
    ),
  );
  return { objects: objects.sort(), portals: portals.sort() };
}

describe('any configuration', () => {
  test('is reached from any other; undo leads back, redo forth again', async () => {
    const daemon = await store();
    const now = () => daemon.store.current.document;
    const arbitrary = ramdiskDocuments(ports);
    await fc.assert(
      fc.asyncProperty(arbitrary, arbitrary, async (a, b) => {
        await goTo(daemon, a);
        expect(now()).toEqual(a);
        expect(await shown()).toEqual(expected(a));
        const before = daemon.store.current.revision;
        await goTo(daemon, b);
        expect(now()).toEqual(b);
        expect(await shown()).toEqual(expected(b));
        // Equal documents need no commit, and there is none to undo then.
        if (daemon.store.history(1)[0]?.revision !== before + 1) return;
        await daemon.client.call('undo', { count: 1 });
        expect(now()).toEqual(a);
        expect(await shown()).toEqual(expected(a));
        await daemon.client.call('redo', { count: 1 });
        expect(now()).toEqual(b);
      }),
      { numRuns: RUNS },
    );
  });

  test('is the same after it was saved and loaded', () => {
    fc.assert(
      fc.property(ramdiskDocuments(ports), (document) => {
        const read = fromYaml(toYaml(document), 'f.yaml', { identity: 'another' });
        expect(read).toEqual(sparse(document));
      }),
      { numRuns: 200 },
    );
  });

  test('stays as it is when a step is refused, whichever it is', async () => {
    const poison: Step = {
      subject: 'lun',
      path: ['iscsi', 'targets', 'iqn.2024-01.com.example:none', 'tpgs', '1', 'luns', '0'],
      after: { storage_object: 'ramdisk/none' },
    };
    const arbitrary = ramdiskDocuments(ports);
    await fc.assert(
      fc.asyncProperty(arbitrary, arbitrary, async (a, b) => {
        await engine.apply(diff(EMPTY_DOCUMENT, a));
        const steps = diff(a, b);
        for (let at = 0; at <= steps.length; at += 1) {
          const poisoned = [...steps.slice(0, at), poison, ...steps.slice(at)];
          await expect(engine.apply(poisoned)).rejects.toBeInstanceOf(ApplyError);
          expect(await shown()).toEqual(expected(a));
        }
        // It is a in every respect: each step from there is possible.
        await engine.apply(steps);
        expect(await shown()).toEqual(expected(b));
        await engine.apply(diff(b, EMPTY_DOCUMENT));
      }),
      { numRuns: RUNS / 2 },
    );
  });
});

const BLOCK = 512;
const BLOCKS = 16;
const INITIATOR = 'iqn.1993-08.org.debian:01:steady';
const TARGET = 'iqn.2024-01.com.example:steady';

const cdb = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from(bytes), Buffer.alloc(16)], 16);

/** The document with disk A as LUN 0 of its own target, beside what the other one holds there. */
function withDiskA(other: Document, port: number): Document {
  const names = Object.keys(other.backstores.ramdisk);
  const beside: Partial<Tpg>[] = Object.values(other.iscsi.targets).flatMap(({ tpgs }) =>
    Object.values(tpgs),
  );
  const luns = Object.fromEntries(
    names.map((name, i) => [String(i + 1), { storage_object: `ramdisk/${name}` }]),
  );
  const acls = Object.assign({}, ...beside.map((tpg) => tpg.acls)) as Tpg['acls'];
  const strangers = Object.entries(acls).map(([name, acl]) => [name, { ...acl, mapped_luns: {} }]);
  return {
    backstores: {
      ...other.backstores,
      ramdisk: {
        ...other.backstores.ramdisk,
        A: { size: 1024 * 1024, nullio: false, wwn: 'the-disk-a', attributes: {} },
      },
    },
    iscsi: {
      ...other.iscsi,
      targets: {
        ...other.iscsi.targets,
        [TARGET]: {
          tpgs: {
            1: {
              enabled: true,
              attributes: beside[0]?.attributes ?? {},
              parameters: beside[0]?.parameters ?? {},
              auth: {},
              portals: { [`127.0.0.1:${port}`]: { iser: false } },
              luns: { 0: { storage_object: 'ramdisk/A' }, ...luns },
              acls: {
                ...(Object.fromEntries(strangers) as Tpg['acls']),
                [INITIATOR]: {
                  attributes: {},
                  auth: {},
                  mapped_luns: { 0: { lun: 0, write_protect: false } },
                },
              },
            },
          },
        },
      },
    },
  };
}

describe('a session', () => {
  test(`reads and writes its disk through ${CHANGES} changes, undisturbed`, async () => {
    const daemon = await store();
    const port = await freePort();
    await goTo(daemon, withDiskA(EMPTY_DOCUMENT, port));
    const initiator = await Initiator.open(port);
    let closed = false;
    void initiator.closed.then(() => (closed = true));
    await initiator.login({
      keys: { InitiatorName: INITIATOR, TargetName: TARGET, SessionType: 'Normal' },
    });
    expect((await initiator.run({ cdb: cdb(0x00) })).sense).toContain('29');

    let commands = 0;
    let running = true;
    const edtl = BLOCKS * BLOCK;
    const exchange = async (): Promise<void> => {
      while (running) {
        const payload = randomBytes(edtl);
        const lba = (commands * BLOCKS) % 1024;
        const at = [0, 0, 0, lba >> 8, lba & 0xff, 0, 0, BLOCKS] as const;
        const write = await initiator.run({ write: true, edtl, cdb: cdb(0x2a, ...at), payload });
        expect({ status: write.status, sense: write.sense }).toEqual({ status: 0, sense: '' });
        const read = await initiator.run({ read: true, edtl, cdb: cdb(0x28, ...at) });
        expect({ status: read.status, sense: read.sense }).toEqual({ status: 0, sense: '' });
        expect(read.data.equals(payload)).toBe(true);
        commands += 2;
      }
    };
    const traffic = exchange();
    const others = fc.sample(ramdiskDocuments(ports), CHANGES);
    try {
      for (const other of others) {
        const done = commands;
        await goTo(daemon, withDiskA(other, port));
        // At least one command between two changes.
        while (commands <= done) await new Promise(setImmediate);
      }
    } finally {
      running = false;
      await traffic;
    }
    expect(closed).toBe(false);
    expect(commands).toBeGreaterThan(CHANGES);
    const { sessions } = await engine.runtime();
    expect(sessions.map(({ initiator: name }) => name)).toEqual([INITIATOR]);
    initiator.destroy();
  });
});
