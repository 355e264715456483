/**
 * Commands over TCP through the whole engine, for what no foreign tool of Debian 12 covers:
 * WRITE(6), REPORT LUNS, data digests, and a reset that finds a write in flight.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT } from '../../src/objects/document.ts';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { testEngine } from '../support/test_engine.ts';
import { freePort } from '../support/free_port.ts';
import { demoDocument, TARGET } from './demo_document.ts';
import { Initiator, OP } from './initiator.ts';

const LOGICAL_UNIT_RESET = 5;
const BLOCK = 512;

const cdb = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from(bytes), Buffer.alloc(16)], 16);
const read10 = (lba: number, blocks: number) =>
  cdb(0x28, 0, 0, 0, lba >> 8, lba, 0, blocks >> 8, blocks);
const write10 = (lba: number, blocks: number) =>
  cdb(0x2a, 0, 0, 0, lba >> 8, lba, 0, blocks >> 8, blocks);

describe('a LUN over TCP', () => {
  let engine: EnginePort;
  let port: number;
  const initiators: Initiator[] = [];

  beforeEach(async () => {
    port = await freePort();
    engine = testEngine({ logLevel: 'error' });
    await engine.apply(diff(EMPTY_DOCUMENT, demoDocument(port)));
  });
  afterEach(async () => {
    for (const initiator of initiators.splice(0)) initiator.destroy();
    await engine.stop(0);
  });

  /** Logged in, with the unit attention of a new nexus taken. */
  async function login(keys: Record<string, string> = {}, isid = '00023d000001') {
    const initiator = await Initiator.open(port);
    initiators.push(initiator);
    await initiator.login({
      isid,
      keys: {
        InitiatorName: 'iqn.1993-08.org.debian:01:loopback',
        TargetName: TARGET,
        SessionType: 'Normal',
        ...keys,
      },
    });
    expect((await initiator.run({ cdb: cdb(0x00) })).sense).toContain('29');
    return initiator;
  }
  const readBack = async (initiator: Initiator, lba: number, blocks: number) =>
    (await initiator.run({ read: true, edtl: blocks * BLOCK, cdb: read10(lba, blocks) })).data;

  test('WRITE(6) writes, and 0 as its length means 256 blocks', async () => {
    const initiator = await login();
    for (const [lba, blocks] of [
      [7, 1],
      [100, 256],
    ] as const) {
      const payload = randomBytes(blocks * BLOCK);
      const { status } = await initiator.run({
        write: true,
        edtl: payload.length,
        cdb: cdb(0x0a, 0, 0, lba, blocks & 0xff, 0),
        payload,
      });
      expect(status).toBe(0);
      expect((await readBack(initiator, lba, blocks)).equals(payload)).toBe(true);
    }
  });

  test('REPORT LUNS lists what this initiator sees, through any LUN', async () => {
    const initiator = await login();
    for (const lun of [0, 5]) {
      const { status, data } = await initiator.run({
        lun,
        read: true,
        edtl: 256,
        cdb: cdb(0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0),
      });
      expect({ status, data: data.toString('hex') }).toEqual({
        status: 0,
        data: `0000000800000000${'00'.repeat(8)}`,
      });
    }
  });

  test.each(['None', 'CRC32C'])('data of many sizes comes back, digests %s', async (digest) => {
    const initiator = await login({ HeaderDigest: digest, DataDigest: digest });
    expect(initiator.dataDigest).toBe(digest === 'CRC32C');
    for (const blocks of [1, 3, 16, 127, 128, 129, 2048, 4100]) {
      const payload = randomBytes(blocks * BLOCK);
      const { status } = await initiator.run({
        write: true,
        edtl: payload.length,
        cdb: write10(blocks, blocks),
        payload,
      });
      expect(status).toBe(0);
      expect((await readBack(initiator, blocks, blocks)).equals(payload)).toBe(true);
    }
  });

  test('LOGICAL UNIT RESET ends a write in flight; nothing of it is answered later', async () => {
    const initiator = await login();
    const other = await login({}, '00023d000002');
    const before = await readBack(initiator, 0, 16);
    const itt = initiator.scsi({ write: true, edtl: 16 * BLOCK, cdb: write10(0, 16) });
    const r2t = await initiator.expect(OP.R2T);
    expect(r2t.itt).toBe(itt);
    initiator.tmf({ function: LOGICAL_UNIT_RESET, immediate: true });
    const response = await initiator.expect(OP.TMF_RESPONSE);
    expect(response.bhs[2]).toBe(0);
    // The data that was asked for may still come: it is dropped.
    initiator.dataOut({ itt, ttt: r2t.ttt, data: Buffer.alloc(16 * BLOCK, 0xee) });
    for (const nexus of [initiator, other]) {
      expect((await nexus.run({ cdb: cdb(0x00) })).sense).toContain('29');
    }
    expect((await readBack(initiator, 0, 16)).equals(before)).toBe(true);
  });
});
