/**
 * The whole engine against iSER initiators that have logged in and then send whatever they like, at
 * every layer. They may lose their own connections; a session beside them must not notice.
 */
import { queryObjects } from 'node:v8';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { diff } from '../../src/objects/diff.ts';
import { EMPTY_DOCUMENT, setIn, type Document } from '../../src/objects/document.ts';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { createEngine } from '../../src/target/engine.ts';
import { IwarpConnection } from '../../src/target/transport/iwarp/iwarp_connection.ts';
import { freePort } from '../support/free_port.ts';
import { demoDocument, TARGET } from './demo_document.ts';
import { IserInitiator } from './iser_initiator.ts';
import { errorsOf, NEIGHBOUR_KEYS } from './neighbour.ts';

const ROUNDS = Number(process.env['LUNSMITH_ISER_HOSTILE_ROUNDS'] ?? 120);
const FRAMES_PER_ROUND = 30;
const ROUND_MS = 400;
const SIZE = 65_536;

type Pick = (below: number) => number;

/** Numbers that repeat with their seed (mulberry32). */
function random(seed: number): Pick {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const bytesOf = (pick: Pick, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => pick(256)));

function framed(ulpdu: Buffer): Buffer {
  const bytes = Buffer.alloc(2 + ulpdu.length + (-(2 + ulpdu.length) & 3) + 4);
  bytes.writeUInt16BE(ulpdu.length);
  ulpdu.copy(bytes, 2);
  return bytes;
}

interface Untagged {
  readonly opcode: number;
  readonly queue: number;
  readonly msn: number;
  readonly stag?: number;
  readonly offset?: number;
  readonly last?: boolean;
}

function untagged(fields: Untagged, payload: Buffer): Buffer {
  const header = Buffer.alloc(18);
  header[0] = (fields.last === false ? 0 : 0x40) | 1;
  header[1] = 0x40 | fields.opcode;
  header.writeUInt32BE((fields.stag ?? 0) >>> 0, 2);
  header.writeUInt32BE(fields.queue, 6);
  header.writeUInt32BE(fields.msn >>> 0, 10);
  header.writeUInt32BE((fields.offset ?? 0) >>> 0, 14);
  return framed(Buffer.concat([header, payload]));
}

function tagged(opcode: number, stag: number, at: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(14);
  header[0] = 0xc1;
  header[1] = 0x40 | opcode;
  header.writeUInt32BE(stag >>> 0, 2);
  header.writeUInt32BE(at >>> 0, 10);
  return framed(Buffer.concat([header, payload]));
}

/** A command whose memory is nobody's, or only half wrong. */
function wildCommand(pick: Pick, initiator: IserInitiator): Buffer {
  const bytes = Buffer.alloc(28 + 48);
  bytes[0] = 0x10 | (pick(4) << 2);
  for (const at of [4, 16]) bytes.writeUInt32BE(pick(2) === 0 ? pick(2 ** 32) : pick(4096), at);
  for (const at of [8, 20]) bytes.writeUInt32BE(pick(3) === 0 ? 0xffff_ffff : 0, at);
  const bhs = bytes.subarray(28);
  bhs[0] = [0x01, 0x01, 0x01, 0x02, 0x05, 0x00, 0x06, 0x04][pick(8)] ?? 1;
  // TARGET COLD RESET is to end every session of the target, the healthy one too.
  bhs[1] = bhs[0] === 0x02 ? 0x80 | (1 + pick(5)) : pick(256);
  if (pick(8) === 0) bhs.writeUIntBE(pick(2 ** 24), 5, 3);
  bhs.writeUInt32BE(pick(12), 16);
  bhs.writeUInt32BE([0, 512, SIZE, 2 ** 20, 0xffff_ffff][pick(5)] ?? 0, 20);
  bhs.writeUInt32BE(initiator.cmdSN++ >>> 0, 24);
  bhs.writeUInt32BE(initiator.expStatSN, 28);
  bhs[32] = [0x28, 0x2a, 0x88, 0x8a, 0x35, 0x12][pick(6)] ?? 0;
  bhs.writeUInt16BE(pick(3) === 0 ? pick(65_536) : pick(128), 39);
  return bytes;
}

/** One wrong thing, at a layer of its choosing. `msn`: what a right message would carry. */
function wildFrame(pick: Pick, msn: () => number, initiator: IserInitiator): Buffer {
  const payload = bytesOf(pick, pick(60));
  const send = { opcode: 3 + pick(4), queue: 0 };
  switch (pick(14)) {
    case 0: // a read of memory that nobody registered
      return untagged({ opcode: 1, queue: 1, msn: 1 + pick(3) }, bytesOf(pick, 28));
    case 1: // of far too much
      return untagged({ opcode: 1, queue: 1, msn: 1 }, Buffer.alloc(28, 0xff));
    case 2: // of nothing, which is right, many times
      return Buffer.concat(
        Array.from({ length: 40 }, (_, at) =>
          untagged({ opcode: 1, queue: 1, msn: 1 + at }, Buffer.alloc(28)),
        ),
      );
    case 3: // data for a tag that nobody gave
      return tagged(0, pick(2 ** 32), pick(2 ** 32), payload);
    case 4: // an answer to no read
      return tagged(2, pick(2 ** 32), 0, bytesOf(pick, pick(3000)));
    case 5: // a gap
      return untagged({ ...send, msn: msn() + 1 + pick(1000) }, payload);
    case 6: // a message that is not of one piece
      return untagged({ ...send, msn: msn(), last: false, offset: pick(3) * 7 }, payload);
    case 7: // a storm
      return Buffer.concat(
        Array.from({ length: 200 }, () =>
          untagged({ opcode: 7, queue: 2, msn: 1 }, bytesOf(pick, pick(40))),
        ),
      );
    case 8: // a length without what it announces
      return Buffer.concat([Buffer.from([0xff, 0xff]), bytesOf(pick, 100)]);
    case 9:
      return bytesOf(pick, pick(200));
    case 10: // longer than any buffer
      return untagged({ ...send, msn: msn() }, Buffer.alloc(30_000, 0x10));
    default:
      return untagged({ opcode: 3, queue: 0, msn: msn() }, wildCommand(pick, initiator));
  }
}

async function attack(port: number, seed: number): Promise<void> {
  const pick = random(seed);
  const initiator = await IserInitiator.connect(port, { ird: 1 + pick(3) });
  const { tcp: socket } = initiator;
  socket.on('error', () => {});
  await initiator.login({
    isid: `00023d0000${(16 + pick(200)).toString(16)}`,
    keys: {
      InitiatorName: 'iqn.1993-08.org.debian:01:wild',
      TargetName: TARGET,
      SessionType: 'Normal',
    },
  });
  let next = initiator.sends + 1;
  for (let sent = 0; sent < FRAMES_PER_ROUND && !socket.destroyed; sent++) {
    const right = pick(3) > 0;
    const frame = right
      ? untagged({ opcode: 3, queue: 0, msn: next++ }, wildCommand(pick, initiator))
      : wildFrame(pick, () => next++, initiator);
    const cut = pick(frame.length);
    socket.write(frame.subarray(0, cut));
    if (pick(4) === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.write(frame.subarray(cut));
  }
  await Promise.race([initiator.closed, new Promise((resolve) => setTimeout(resolve, 5))]);
  if (pick(2) === 0) socket.resetAndDestroy();
  else initiator.destroy();
  await initiator.closed;
}

function withIser(port: number): Document {
  const at = ['iscsi', 'targets', TARGET, 'tpgs', '1', 'portals', `127.0.0.1:${port}`, 'iser'];
  return setIn(demoDocument(port), at, true);
}

let engine: EnginePort;
let port: number;

beforeEach(async () => {
  port = await freePort();
  engine = createEngine({ logLevel: 'error' });
  await engine.apply(diff(EMPTY_DOCUMENT, withIser(port)));
});
afterEach(async () => {
  await engine.stop(0);
});

/** Writes and reads of a session that does nothing wrong. */
async function healthyRound(healthy: IserInitiator, seed: number): Promise<void> {
  const cdb = Buffer.alloc(16);
  // Behind what the wild ones reach: they write to all of the first LBAs.
  cdb.writeUInt32BE(16_384 - SIZE / 512, 2);
  cdb.writeUInt16BE(SIZE / 512, 7);
  const payload = Buffer.alloc(SIZE, seed);
  cdb[0] = 0x2a;
  const write = { write: true, edtl: SIZE, cdb: Buffer.from(cdb), payload };
  let wrote = await healthy.run(write);
  // What another session's reset of the LUN leaves: a unit attention, once.
  if (wrote.status === 2 && wrote.sense.startsWith('06')) wrote = await healthy.run(write);
  cdb[0] = 0x28;
  const read = await healthy.run({ read: true, edtl: SIZE, cdb: Buffer.from(cdb) });
  expect([seed, wrote.status, read.status, read.data.equals(payload)]).toEqual([seed, 0, 0, true]);
}

test(
  'hostile iSER peers cannot end the engine or disturb another session',
  { timeout: 60_000 + ROUNDS * ROUND_MS },
  async () => {
    const failures = errorsOf(engine);
    const healthy = await IserInitiator.connect(port);
    await healthy.login({
      keys: NEIGHBOUR_KEYS,
    });
    const ready = Buffer.alloc(16);
    // Unit attentions come first.
    for (let count = 0; count < 4; count++) await healthy.run({ cdb: ready });
    for (let seed = 1; seed <= ROUNDS; seed++) {
      await attack(port, seed);
      await healthyRound(healthy, seed);
      if (process.env['LUNSMITH_ISER_HOSTILE_ROUNDS'] !== undefined && seed % 500 === 1) {
        const left = queryObjects(IwarpConnection);
        console.log({ seed, left, ...process.memoryUsage() });
      }
    }
    healthy.destroy();
    await healthy.closed;
    expect(failures).toEqual([]);
    await expect.poll(async () => (await engine.runtime()).sessions.length).toBe(0);
    await expect.poll(() => queryObjects(IwarpConnection), { timeout: 10_000 }).toBe(1);
  },
);
