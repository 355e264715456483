/**
 * The whole engine against a peer that has logged in and then sends whatever it likes. It may lose
 * its own connection; the engine, other sessions and the process must not notice.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT } from '../../src/objects/document.ts';
import { createEngine } from '../../src/target/engine.ts';
import { freePort } from '../support/free_port.ts';
import { demoDocument, TARGET } from './demo_document.ts';
import { Initiator } from './initiator.ts';
import { errorsOf, NEIGHBOUR_KEYS } from './neighbour.ts';

const ROUNDS = 150;
const PDUS_PER_ROUND = 40;

/** Numbers that repeat with their seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const OPCODES = [0x00, 0x01, 0x01, 0x01, 0x01, 0x02, 0x04, 0x05, 0x05, 0x06, 0x10, 0x03, 0x3f];
/** Transfer lengths in the CDB and EDTL stay small, so that rounds are quick; all else is wild. */
function wildPdu(initiator: Initiator, pick: (below: number) => number): Buffer {
  const bhs = Buffer.from(Array.from({ length: 48 }, () => pick(256)));
  bhs[0] = (OPCODES[pick(OPCODES.length)] ?? 0) | (pick(2) * 0x40);
  // TARGET COLD RESET is to end every session of the target, the healthy one too.
  if ((bhs[0] & 0x3f) === 0x02 && ((bhs[1] ?? 0) & 0x7f) === 7) bhs[1] = 0x82;
  if (pick(3) > 0) bhs.writeUInt16BE(0, 8);
  if (pick(3) > 0) bhs.writeUInt32BE(pick(20), 16);
  if (pick(3) > 0) bhs.writeUInt32BE(pick(100_000), 20);
  if (pick(4) > 0) {
    bhs.writeUInt32BE(initiator.cmdSN >>> 0, 24);
    if ((bhs[0] & 0x40) === 0) initiator.cmdSN++;
  }
  bhs.writeUInt32BE(initiator.expStatSN, 28);
  if (pick(2) === 0) bhs.fill(0, 34, 47).writeUInt8(pick(64), 40);
  const data = Buffer.alloc(pick(3) === 0 ? pick(2000) : 0, pick(256));
  const ahs = Buffer.alloc(pick(12) === 0 ? pick(5) * 4 : 0, pick(256));
  const wire = initiator.wire(bhs, data, ahs);
  // Now and then bytes that are no PDU any more.
  if (pick(25) === 0) wire.writeUInt8(pick(256), pick(wire.length));
  return wire;
}

async function attack(port: number, seed: number): Promise<void> {
  const pick = random(seed);
  const initiator = await Initiator.open(port);
  const digests = pick(2) === 0 ? 'CRC32C' : 'None';
  await initiator.login({
    isid: `00023d0000${(16 + pick(200)).toString(16)}`,
    keys: {
      InitiatorName: 'iqn.1993-08.org.debian:01:wild',
      TargetName: TARGET,
      SessionType: 'Normal',
      HeaderDigest: digests,
      DataDigest: digests,
      InitialR2T: pick(2) === 0 ? 'No' : 'Yes',
    },
  });
  for (let sent = 0; sent < PDUS_PER_ROUND; sent++) {
    const wire = wildPdu(initiator, pick);
    const cut = pick(wire.length);
    initiator.socket.write(wire.subarray(0, cut));
    initiator.socket.write(wire.subarray(cut));
  }
  // What follows a cut connection or a held-back gap is not waited for.
  await Promise.race([initiator.closed, new Promise((resolve) => setImmediate(resolve))]);
  initiator.destroy();
  await initiator.closed;
}

describe('a hostile peer', () => {
  let engine: EnginePort;
  let port: number;

  beforeEach(async () => {
    port = await freePort();
    engine = createEngine({ logLevel: 'error' });
    await engine.apply(diff(EMPTY_DOCUMENT, demoDocument(port)));
  });
  afterEach(async () => {
    await engine.stop(0);
  });

  test('cannot end the engine or disturb another session, whatever it sends', async () => {
    const failures = errorsOf(engine);
    const healthy = await Initiator.open(port);
    await healthy.login({
      keys: NEIGHBOUR_KEYS,
    });
    const inquiry = Buffer.alloc(16);
    inquiry.set([0x12, 0, 0, 0, 36, 0]);
    for (let seed = 1; seed <= ROUNDS; seed++) {
      await attack(port, seed);
      const { status, data } = await healthy.run({ read: true, edtl: 36, cdb: inquiry });
      expect({ seed, status, vendor: data.toString('latin1', 8, 16) }).toEqual({
        seed,
        status: 0,
        vendor: 'LUNSMITH',
      });
    }
    healthy.destroy();
    await healthy.closed;
    expect(failures).toEqual([]);
    await expect.poll(async () => (await engine.runtime()).sessions.length).toBe(0);
  });
});
