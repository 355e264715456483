/** Peers that stop reading, stop sending or hold places: what others of the same target notice. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT, type Document } from '../../src/objects/document.ts';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { createEngine } from '../../src/target/engine.ts';
import { OUTPUT_STUCK_SECONDS } from '../../src/target/transport/output_watch.ts';
import { freePort } from '../support/free_port.ts';
import { demoDocument, TARGET } from './demo_document.ts';
import { Initiator, OP, RESERVED } from './initiator.ts';
import { FakeClock } from './served.ts';

const BLOCK = 512;
const LOGICAL_UNIT_RESET = 5;
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};
const cdb10 = (opcode: number, lba: number, blocks: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes[0] = opcode;
  bytes.writeUInt32BE(lba, 2);
  bytes.writeUInt16BE(blocks, 7);
  return bytes;
};
const reads = { read: true, edtl: 8192 * BLOCK, cdb: cdb10(0x28, 0, 8192) };

let engine: EnginePort;
let clock: FakeClock;
let port: number;
const open: Initiator[] = [];

beforeEach(async () => {
  port = await freePort();
  clock = new FakeClock();
  engine = createEngine({ logLevel: 'error', clock });
  await engine.apply(diff(EMPTY_DOCUMENT, demoDocument(port)));
});
afterEach(async () => {
  for (const initiator of open.splice(0)) initiator.destroy();
  await engine.stop(0);
});

async function login(number: number): Promise<Initiator> {
  const initiator = await Initiator.open(port);
  open.push(initiator);
  await initiator.login({
    isid: `00023d00000${number}`,
    keys: {
      InitiatorName: `iqn.1993-08.org.debian:01:peer${number}`,
      TargetName: TARGET,
      SessionType: 'Normal',
    },
  });
  // The power-on unit attention.
  await initiator.run({ cdb: Buffer.alloc(16) });
  return initiator;
}

/** Sixteen reads of 4 MiB, of which the peer takes what its kernel holds, and no more. */
async function stopsReading(number: number): Promise<Initiator> {
  const peer = await login(number);
  peer.socket.pause();
  for (let i = 0; i < 16; i++) peer.scsi(reads);
  await turns(50);
  return peer;
}

describe('a peer that sends and never reads', () => {
  test('does not hold up the reset of another for longer than OUTPUT_STUCK_SECONDS', async () => {
    const stuck = await stopsReading(1);
    const healthy = await login(2);
    healthy.tmf({ function: LOGICAL_UNIT_RESET });
    let answered = false;
    void (async () => {
      for (let answer = await healthy.next(); answer !== null; answer = await healthy.next()) {
        if (answer.opcode === OP.NOP_IN) healthy.nopOut({ itt: RESERVED, ttt: answer.ttt });
        if (answer.opcode === OP.TMF_RESPONSE) answered = true;
      }
    })();
    for (let seconds = 0; seconds <= OUTPUT_STUCK_SECONDS; seconds += 6) {
      // It is never silent, so that no ping finds it.
      stuck.nopOut({ itt: RESERVED });
      await turns(20);
      clock.pass(6_000);
    }
    await expect.poll(() => answered).toBe(true);
    expect((await engine.runtime()).sessions.map(({ initiator }) => initiator)).toEqual([
      'iqn.1993-08.org.debian:01:peer2',
    ]);
  });

  test('holds neither reads nor writes of others up meanwhile', async () => {
    await stopsReading(1);
    const healthy = await login(2);
    expect((await healthy.run(reads)).status).toBe(0);
    const data = Buffer.alloc(64 * BLOCK, 0x77);
    const write = { write: true, edtl: data.length, cdb: cdb10(0x2a, 0, 64), payload: data };
    expect((await healthy.run(write)).status).toBe(0);
  });

  test('holds up neither the end of its storage object nor the stop of the engine', async () => {
    await stopsReading(1);
    const stopped = engine.stop(1_000);
    await turns(20);
    clock.pass(1_000);
    await turns(20);
    clock.pass(2_000);
    await stopped;
  });
});

describe('writes whose data never comes', () => {
  test('hold no places of others: their reads and writes go on', async () => {
    const peers = [await login(1), await login(2), await login(3)];
    for (const peer of peers) {
      for (let i = 0; i < 60; i++) {
        peer.scsi({ write: true, edtl: 4096, cdb: cdb10(0x2a, 0, 8) });
      }
    }
    await turns(20);
    const healthy = await login(4);
    const { status } = await healthy.run({ read: true, edtl: 4096, cdb: cdb10(0x28, 0, 8) });
    expect(status).toBe(0);
  });
});

describe('storage that hangs', () => {
  const hung: (() => void)[] = [];
  let folder = '';
  let before: Document;
  let served: Document;

  beforeEach(async () => {
    folder = fs.mkdtempSync(join(tmpdir(), 'hung-'));
    const path = join(folder, 'disk.img');
    const size = 1024 * 1024;
    fs.writeFileSync(path, Buffer.alloc(size));
    before = demoDocument(port);
    served = structuredClone(before);
    const wwn = 'c6c12b2e-6a0e-4b53-8e3c-1c5f0f7d9a02';
    const disk = { path, size, write_back: false, wwn, attributes: {} };
    const luns = served.iscsi.targets[TARGET]!.tpgs[1]!.luns as Record<string, unknown>;
    (served.backstores.fileio as Record<string, unknown>)['disk'] = disk;
    luns['1'] = { storage_object: 'fileio/disk' };
    await engine.apply(diff(before, served));
    const { write } = fs;
    vi.spyOn(fs, 'write').mockImplementation((...args: Parameters<typeof write>) => {
      hung.push(() => write(...args));
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    for (const go of hung.splice(0)) go();
    fs.rmSync(folder, { recursive: true });
  });

  const writeOf = (byte: number) => ({
    lun: 1,
    write: true,
    edtl: 8 * BLOCK,
    cdb: cdb10(0x2a, 0, 8),
    payload: Buffer.alloc(8 * BLOCK, byte),
  });
  async function hangs(peer: Initiator): Promise<void> {
    await peer.run({ lun: 1, cdb: Buffer.alloc(16) });
    void peer.run(writeOf(0x11)).catch(() => {});
    await expect.poll(() => hung.length).toBe(1);
  }

  test('lets its initiator log in again, and no old write overtakes a new one', async () => {
    await hangs(await login(1));
    const again = await Initiator.open(port);
    open.push(again);
    const keys = {
      InitiatorName: 'iqn.1993-08.org.debian:01:peer1',
      TargetName: TARGET,
      SessionType: 'Normal',
    };
    const answer = again.login({ isid: '00023d000001', keys });
    await turns(50);
    clock.pass(4_000);
    expect((await answer).bhs.readUInt16BE(36)).toBe(0);
    for (const lun of [0, 1]) await again.run({ lun, cdb: Buffer.alloc(16) });
    expect((await again.run(reads)).status).toBe(0);
    expect((await again.run(writeOf(0x22))).status).toBe(8);
    vi.restoreAllMocks();
    for (const go of hung.splice(0)) go();
    await expect.poll(async () => (await again.run(writeOf(0x22))).status).toBe(0);
    const back = await again.run({ lun: 1, read: true, edtl: 512, cdb: cdb10(0x28, 0, 1) });
    expect(back.data.equals(Buffer.alloc(BLOCK, 0x22))).toBe(true);
  });

  test('holds no change of the configuration up for longer than five seconds', async () => {
    await hangs(await login(1));
    const removed = engine.apply(diff(served, before));
    await turns(50);
    clock.pass(5_000);
    await removed;
    const healthy = await login(2);
    expect((await healthy.run(reads)).status).toBe(0);
  });
});
