/** FPDUs at any cut of the stream, and recorded streams taken apart and put together again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DdpSegment, TAGGED_LENGTH } from '../../../../../src/target/transport/iwarp/ddp.ts';
import {
  FpduFramer,
  fpduLengthOf,
  ulpduWithin,
} from '../../../../../src/target/transport/iwarp/fpdu.ts';
import { RDMAP_OPCODE } from '../../../../../src/target/transport/iwarp/rdmap.ts';
import { Sender } from '../../../../../src/target/transport/iwarp/sender.ts';
import { OutputQueue } from '../../../../../src/target/transport/output_queue.ts';
import { hexLines } from '../../../../support/hex_fixture.ts';
import { settled, socketPair } from '../../../../support/memory_sockets.ts';

const EMSS = 1448;

function framed(crc: boolean): { framer: FpduFramer; ulpdus: Buffer[]; bad: () => number } {
  const ulpdus: Buffer[] = [];
  let bad = 0;
  const sink = {
    ulpdu: (bytes: Buffer) => void ulpdus.push(Buffer.from(bytes)),
    badCrc: () => void bad++,
  };
  return { framer: new FpduFramer(sink, crc), ulpdus, bad: () => bad };
}

interface Rig {
  readonly sender: Sender;
  readonly wire: () => Promise<Buffer>;
}

function rig(crc: boolean, emss = EMSS): Rig {
  const pair = socketPair();
  const output = new OutputQueue(pair.near, () => {});
  const sender = new Sender({ output, crc, emss });
  const wire = async () => {
    output.flush();
    await settled();
    return pair.wire.near();
  };
  return { sender, wire };
}

describe('framing', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 5000 }), { minLength: 1, maxLength: 5 });

  test('what is sent comes out, however the stream is cut, with CRC and without', async () => {
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 700 }));
    await fc.assert(
      fc.asyncProperty(messages, cuts, fc.boolean(), async (list, sizes, crc) => {
        const { sender, wire } = rig(crc);
        list.forEach((message, index) => {
          const fields = { opcode: RDMAP_OPCODE.SEND, invalidate: 0, queue: 0, msn: index + 1 };
          sender.untagged(fields, Buffer.from(message));
        });
        const stream = await wire();
        const { framer, ulpdus, bad } = framed(crc);
        for (let at = 0; at < stream.length;) {
          const size = sizes.next().value as number;
          framer.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(bad()).toBe(0);
        const got: Buffer[] = [];
        const segment = new DdpSegment();
        for (const ulpdu of ulpdus) {
          expect(segment.read(ulpdu)).toBe(true);
          expect(fpduLengthOf(ulpdu.length)).toBeLessThanOrEqual(EMSS);
          const before = got[segment.msn - 1] ?? Buffer.alloc(0);
          expect(segment.messageOffset).toBe(before.length);
          got[segment.msn - 1] = Buffer.concat([before, ulpdu.subarray(segment.headerLength)]);
        }
        expect(got.map((bytes) => bytes.toString('hex'))).toEqual(
          list.map((bytes) => Buffer.from(bytes).toString('hex')),
        );
      }),
      { numRuns: 40 },
    );
  });

  test('one changed bit is found by the CRC, and nothing behind it is handed up', () => {
    const [, first = Buffer.alloc(0), second = Buffer.alloc(0)] = hexLines(
      'iser/session_crc_initiator.hex',
    );
    for (let bit = 16; bit < first.length * 8; bit += 37) {
      const { framer, ulpdus, bad } = framed(true);
      const damaged = Buffer.from(first);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      framer.push(damaged);
      framer.push(second);
      expect([ulpdus.length, bad()]).toEqual([0, 1]);
    }
  });

  test('FPDUs fill a TCP segment and no more, as siw cuts them', () => {
    expect(ulpduWithin(1448) - TAGGED_LENGTH).toBe(1428);
    fc.assert(
      fc.property(fc.integer({ min: 128, max: 65_483 }), (emss) => {
        const length = fpduLengthOf(ulpduWithin(emss));
        expect(length).toBeLessThanOrEqual(emss);
        expect(length).toBeGreaterThan(emss - 4);
      }),
    );
  });
});

describe('recorded streams', () => {
  const CASES = [
    ['iser/session_crc_initiator.hex', true],
    ['iser/session_crc_target.hex', true],
    ['iser/login_initiator.hex', false],
    ['iser/login_target.hex', false],
  ] as const;

  test.each(CASES)(
    '%s is taken apart at any cut and put together byte for byte',
    async (name, crc) => {
      const frames = hexLines(name).slice(1);
      const stream = Buffer.concat(frames);
      const { framer, ulpdus, bad } = framed(crc);
      for (let at = 0; at < stream.length; at += 331) framer.push(stream.subarray(at, at + 331));
      expect(bad()).toBe(0);
      expect(ulpdus.length).toBe(frames.length);
      const { sender, wire } = rig(crc);
      resend(ulpdus, sender);
      expect((await wire()).toString('hex')).toBe(stream.toString('hex'));
    },
  );
});

/** Messages out of segments, and sent again by our own sender. */
function resend(ulpdus: readonly Buffer[], sender: Sender): void {
  const segment = new DdpSegment();
  let parts: Buffer[] = [];
  let start = { stag: 0, high: 0, low: 0 };
  for (const ulpdu of ulpdus) {
    expect(segment.read(ulpdu)).toBe(true);
    const { opcode, stag, queue, msn, high, low } = segment;
    if (parts.length === 0) start = { stag, high, low };
    parts.push(ulpdu.subarray(segment.headerLength));
    if (!segment.last) continue;
    const message = Buffer.concat(parts);
    parts = [];
    if (segment.tagged) sender.tagged(opcode, start, 0, message);
    else sender.untagged({ opcode, invalidate: stag, queue, msn }, message);
  }
}
