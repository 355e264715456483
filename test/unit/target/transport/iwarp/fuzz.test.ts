/** Whatever a peer sends: no exception, and no byte outside what was given to it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SYSTEM_CLOCK } from '../../../../../src/util/clock.ts';
import {
  FpduFramer,
  fpduPadding,
  type FpduSink,
} from '../../../../../src/target/transport/iwarp/fpdu.ts';
import { IwarpConnection } from '../../../../../src/target/transport/iwarp/iwarp_connection.ts';
import { mpaRequestOf } from '../../../../../src/target/transport/iwarp/mpa_negotiation.ts';
import { describeTerminate } from '../../../../../src/target/transport/iwarp/terminate.ts';
import { eventsInto, newHeard } from '../../../../support/iwarp_pair.ts';
import { settled, socketPair } from '../../../../support/memory_sockets.ts';
import { hexLines } from '../../../../support/hex_fixture.ts';

const GUARD = 0xa5;
const MEMORY = 64;

interface Victim {
  readonly send: (bytes: Buffer) => void;
  readonly stag: number;
  readonly whole: Buffer;
  readonly heard: ReturnType<typeof newHeard>;
  readonly answers: () => Buffer;
  readonly stop: () => void;
}

/** A responder with one region and two posted buffers in the midst of memory that is nobody's. */
async function victim(startup = true): Promise<Victim> {
  const sockets = socketPair();
  const heard = newHeard();
  const offer = { crc: false, ird: 2, ord: 2, privateData: Buffer.alloc(0) };
  const connection = new IwarpConnection({
    socket: sockets.near,
    clock: SYSTEM_CLOCK,
    emss: 1448,
    events: eventsInto(heard),
    startup: { role: 'responder', offerFor: () => offer },
  });
  sockets.far.on('data', () => {});
  const whole = Buffer.alloc(5 * MEMORY, GUARD);
  const part = (index: number) => whole.subarray(index * MEMORY, (index + 1) * MEMORY);
  const region = connection.register(part(1), { remoteRead: true, remoteWrite: true });
  connection.postReceive(part(2));
  connection.postReceive(part(3));
  if (startup) {
    sockets.far.write(mpaRequestOf({ ...offer, ird: 8, ord: 8 }, true));
    await settled();
  }
  return {
    send: (bytes) => void sockets.far.write(bytes),
    stag: region?.stag ?? 0,
    whole,
    heard,
    answers: () => sockets.wire.near(),
    stop: () => connection.disconnect(false),
  };
}

const guarded = ({ whole }: Victim): boolean =>
  [...whole.subarray(0, MEMORY), ...whole.subarray(4 * MEMORY)].every((byte) => byte === GUARD);

function framedUlpdu(ulpdu: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(ulpdu.length);
  return Buffer.concat([length, ulpdu, Buffer.alloc(fpduPadding(ulpdu.length) + 4)]);
}

const small = fc.constantFrom(0, 1, 2, 3, 7, 8, 63, 64, 65, 0xffff_ffff);
const segments = fc.record({
  tagged: fc.boolean(),
  last: fc.boolean(),
  version: fc.constantFrom(1, 1, 1, 1, 0, 2),
  rdmap: fc.constantFrom(1, 1, 1, 1, 0, 3),
  opcode: fc.nat(15),
  useStag: fc.boolean(),
  stag: fc.nat(0xffff_ffff),
  words: fc.tuple(small, small, small),
  payload: fc.uint8Array({ maxLength: 80 }),
});

test('segments that are nearly right reach nothing that is not theirs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(segments, { minLength: 1, maxLength: 12 }), async (list) => {
      const target = await victim();
      for (const one of list) {
        const header = Buffer.alloc(one.tagged ? 14 : 18);
        header[0] = (one.tagged ? 0x80 : 0) | (one.last ? 0x40 : 0) | one.version;
        header[1] = (one.rdmap << 6) | one.opcode;
        header.writeUInt32BE(one.useStag ? target.stag : one.stag, 2);
        one.words.slice(0, one.tagged ? 2 : 3).forEach((word, at) => {
          header.writeUInt32BE(word, 6 + 4 * at);
        });
        target.send(framedUlpdu(Buffer.concat([header, one.payload])));
      }
      await settled();
      expect(guarded(target)).toBe(true);
      for (const message of target.heard.messages)
        expect(message.length).toBeLessThanOrEqual(MEMORY);
      target.stop();
    }),
    { numRuns: 300 },
  );
});

test('any bytes, before and after the startup, end without an exception', async () => {
  const streams = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(streams, fc.boolean(), async (chunks, startup) => {
      const target = await victim(startup);
      for (const chunk of chunks) target.send(Buffer.from(chunk));
      await settled();
      expect(guarded(target)).toBe(true);
      target.stop();
    }),
    { numRuns: 200 },
  );
});

test('a recorded session with any byte changed reaches nothing that is not its own', async () => {
  const stream = Buffer.concat(hexLines('iser/session_crc_initiator.hex').slice(1, 6));
  await fc.assert(
    fc.asyncProperty(fc.nat(stream.length - 1), fc.nat(255), async (at, value) => {
      const target = await victim();
      const changed = Buffer.from(stream);
      changed[at] = value;
      target.send(changed);
      await settled();
      expect(guarded(target)).toBe(true);
      target.stop();
    }),
    { numRuns: 100 },
  );
});

test('what is gathered of an FPDU never exceeds one FPDU, whatever length is announced', () => {
  const got: number[] = [];
  const sink: FpduSink = {
    ulpdu: (_bytes, _at, length) => void got.push(length),
    begins: () => false,
    part: () => {},
    ends: () => {},
    badCrc: () => {},
  };
  const framer = new FpduFramer(sink, false);
  const chunk = Buffer.alloc(1000, 0xff);
  for (let count = 0; count < 660; count++) framer.push(chunk);
  expect(got.every((length) => length === 0xffff)).toBe(true);
  expect(got.length).toBe(10);
});

test('a Terminate of any content is described', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(describeTerminate(Buffer.from(bytes)).length).toBeGreaterThan(5);
    }),
  );
});

test('reads of a peer that does not read the answers are bounded', async () => {
  const target = await victim();
  const request = Buffer.alloc(18 + 28);
  request[0] = 0x41;
  request[1] = 0x41;
  request.writeUInt32BE(1, 6);
  request.writeUInt32BE(64, 18 + 12);
  request.writeUInt32BE(target.stag, 18 + 16);
  const burst = Array.from({ length: 50 }, (_, index) => {
    const one = Buffer.from(request);
    one.writeUInt32BE(index + 1, 10);
    return framedUlpdu(one);
  });
  target.send(Buffer.concat(burst));
  await settled();
  expect(target.answers().length).toBeLessThan(20 * 200);
  expect(guarded(target)).toBe(true);
  target.stop();
});
