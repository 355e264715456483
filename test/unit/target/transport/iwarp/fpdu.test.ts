/** FPDUs at any cut of the stream, and recorded streams taken apart and put together again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DdpSegment, TAGGED_LENGTH } from '../../../../../src/target/transport/iwarp/ddp.ts';
import {
  FpduFramer,
  fpduLengthOf,
  ulpduWithin,
  type FpduSink,
} from '../../../../../src/target/transport/iwarp/fpdu.ts';
import { RDMAP_OPCODE } from '../../../../../src/target/transport/iwarp/rdmap.ts';
import { Sender } from '../../../../../src/target/transport/iwarp/sender.ts';
import { OutputQueue } from '../../../../../src/target/transport/output_queue.ts';
import { hexLines } from '../../../../support/hex_fixture.ts';
import { settled, socketPair } from '../../../../support/memory_sockets.ts';

const EMSS = 1448;

interface Framed {
  readonly framer: FpduFramer;
  readonly ulpdus: Buffer[];
  readonly bad: () => number;
  /** ULPDUs that came in parts. */
  readonly inParts: () => number;
}

/** `parts`: long tagged ULPDUs are taken as they come. */
function framed(crc: boolean, parts = false): Framed {
  const ulpdus: Buffer[] = [];
  let [bad, inParts] = [0, 0];
  let pieces: Buffer[] = [];
  const copy = (bytes: Buffer, from: number, to: number) => Buffer.from(bytes.subarray(from, to));
  const sink: FpduSink = {
    ulpdu: (bytes, at, length) => void ulpdus.push(copy(bytes, at, at + length)),
    begins: (bytes, at) => {
      if (!parts) return false;
      pieces = [copy(bytes, at, at + TAGGED_LENGTH)];
      return true;
    },
    part: (bytes, from, to) => void pieces.push(copy(bytes, from, to)),
    ends: () => {
      inParts++;
      ulpdus.push(Buffer.concat(pieces));
    },
    badCrc: () => void bad++,
  };
  return { framer: new FpduFramer(sink, crc), ulpdus, bad: () => bad, inParts: () => inParts };
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

  test('long ULPDUs come whole or in parts, the same bytes, at any cut', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 3 });
    const cuts = fc.infiniteStream(
      fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 30_000 })),
    );
    const target = { stag: 7, high: 1, low: 0xffff_f000 };
    let inParts = 0;
    await fc.assert(
      fc.asyncProperty(sizes, cuts, async (lengths, cut) => {
        const { sender, wire } = rig(false, 65_483);
        for (const length of lengths) {
          const data = Buffer.from(Array.from({ length }, (_, at) => at * 7));
          sender.tagged(RDMAP_OPCODE.WRITE, target, 0, data);
        }
        const stream = await wire();
        const [whole, parts] = [framed(false), framed(false, true)];
        whole.framer.push(stream);
        for (let at = 0; at < stream.length;) {
          const size = cut.next().value as number;
          parts.framer.push(stream.subarray(at, at + size));
          at += size;
        }
        inParts += parts.inParts();
        const hex = (list: readonly Buffer[]) => list.map((bytes) => bytes.toString('hex'));
        expect(hex(parts.ulpdus)).toEqual(hex(whole.ulpdus));
        const total = whole.ulpdus.reduce((sum, bytes) => sum + bytes.length - TAGGED_LENGTH, 0);
        expect(total).toBe(lengths.reduce((sum, length) => sum + length, 0));
      }),
      { numRuns: 30 },
    );
    expect(inParts).toBeGreaterThan(0);
  });

  test('with CRC nothing goes up before it is checked', async () => {
    const { sender, wire } = rig(true, 65_483);
    const data = Buffer.alloc(20_000, 1);
    sender.tagged(RDMAP_OPCODE.WRITE, { stag: 7, high: 0, low: 0 }, 0, data);
    const stream = await wire();
    const { framer, ulpdus, inParts, bad } = framed(true, true);
    framer.push(stream.subarray(0, 19_000));
    const damaged = Buffer.from(stream.subarray(19_000));
    damaged[5]! ^= 1;
    framer.push(damaged);
    expect([ulpdus.length, inParts(), bad()]).toEqual([0, 0, 1]);
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
