import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../../../src/util/crc32c.ts';
import { Framer, type FramerFault } from '../../../../src/target/pdu/framer.ts';
import { fixtureWires } from '../fixtures.ts';

const LIMITS = { ahs: 1020, dataSegment: 262_144 };
const REQUESTS = fixtureWires('full_feature_requests');
const STREAM = Buffer.concat(REQUESTS);

interface Seen {
  readonly pdus: { bhs: string; ahs: string; data: string; ok: boolean }[];
  readonly faults: FramerFault[];
}

interface Setup extends Seen {
  readonly framer: Framer;
}

/** `place`: data of every second PDU goes to a buffer of our own, as solicited data does. */
function setup(digests = true, place = false, limits = LIMITS): Setup {
  const seen: Seen = { pdus: [], faults: [] };
  let count = 0;
  const framer = new Framer(
    {
      place: (_bhs, length) => (place && count++ % 2 === 0 ? Buffer.alloc(length) : null),
      take: () => 0,
      pdu: (bhs, ahs, data, ok) => {
        const hex = (bytes: Buffer) => bytes.toString('hex');
        seen.pdus.push({ bhs: hex(bhs), ahs: hex(ahs), data: hex(data), ok });
      },
      fault: (fault) => seen.faults.push(fault),
    },
    limits,
  );
  framer.setDigests(digests, digests);
  return { framer, ...seen };
}

const WHOLE = setup();
WHOLE.framer.push(STREAM);

describe('framer on what a Linux initiator sent, both digests on', () => {
  test('finds each PDU with right digests', () => {
    expect(WHOLE.faults).toEqual([]);
    expect(WHOLE.pdus.length).toBe(REQUESTS.length);
    expect(WHOLE.pdus.every(({ ok }) => ok)).toBe(true);
    expect(WHOLE.pdus.map(({ bhs }) => bhs.slice(0, 4))).toEqual([
      '01c1',
      '0181',
      '01a1',
      '01c1',
      '4080',
      '0181',
      '4680',
    ]);
    expect(WHOLE.pdus[2]!.data.length).toBe(2 * 512);
  });

  test.each([false, true])('byte by byte it is the same (data placed: %s)', (place) => {
    const one = setup(true, place);
    for (const byte of STREAM) one.framer.push(Buffer.from([byte]));
    expect(one.pdus).toEqual(WHOLE.pdus);
    expect(one.framer.midPdu).toBe(false);
  });

  test('cut at random it is the same', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, fc.boolean(), (at, place) => {
        const cut = setup(true, place);
        const edges = [0, ...at.sort((a, b) => a - b), STREAM.length];
        for (let i = 1; i < edges.length; i++) {
          cut.framer.push(STREAM.subarray(edges[i - 1], edges[i]));
        }
        expect(cut.pdus).toEqual(WHOLE.pdus);
      }),
    );
  });

  test('every prefix gives the PDUs that are whole in it, and nothing else', () => {
    let end = 0;
    const ends = REQUESTS.map((wire) => (end += wire.length));
    for (let length = 0; length <= STREAM.length; length += length % 48 === 0 ? 1 : 7) {
      const prefix = setup();
      prefix.framer.push(STREAM.subarray(0, length));
      const whole = ends.filter((at) => at <= length).length;
      expect(prefix.pdus).toEqual(WHOLE.pdus.slice(0, whole));
      expect(prefix.faults).toEqual([]);
      expect(prefix.framer.midPdu).toBe(length > 0 && !ends.includes(length));
    }
  });

  test('any flipped bit is found by a digest, or makes a length impossible', () => {
    const [, , write] = REQUESTS;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: write!.length * 8 - 1 }), (bit) => {
        const bad = Buffer.from(write!);
        bad[bit >> 3]! ^= 1 << (bit & 7);
        const one = setup();
        one.framer.push(bad);
        // A longer length leaves it waiting; the next PDUs then fail the header digest.
        one.framer.push(STREAM);
        one.framer.push(Buffer.alloc(300_000));
        const found = one.faults.length > 0 || one.pdus.some(({ ok }) => !ok);
        expect(found).toBe(true);
      }),
    );
  });
});

describe('framer limits', () => {
  const header = (ahs: number, data: number): Buffer => {
    const bhs = Buffer.alloc(48);
    bhs[4] = ahs;
    bhs.writeUIntBE(data, 5, 3);
    return bhs;
  };

  test.each([
    ['a data segment beyond the limit', header(0, 8193), 'dataSegmentTooLong'],
    ['the longest data segment', header(0, 0xff_ffff), 'dataSegmentTooLong'],
    ['additional headers beyond the limit', header(3, 0), 'ahsTooLong'],
  ])('%s ends the stream at its header, before anything is kept', (_name, bhs, fault) => {
    const before = process.memoryUsage().arrayBuffers;
    const one = setup(false, false, { ahs: 8, dataSegment: 8192 });
    one.framer.push(bhs);
    expect(one.faults).toEqual([fault]);
    one.framer.push(STREAM);
    expect(one.pdus).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  test('exactly at the limits both are taken, padding cut off', () => {
    const one = setup(false, false, { ahs: 8, dataSegment: 8191 });
    one.framer.push(header(2, 8191));
    one.framer.push(Buffer.alloc(8, 1));
    one.framer.push(Buffer.alloc(8192, 2));
    expect(one.pdus.length).toBe(1);
    expect(one.pdus[0]!.ahs).toBe('01'.repeat(8));
    expect(one.pdus[0]!.data).toBe('02'.repeat(8191));
  });

  test('a withdrawn buffer is not written to any more', () => {
    const target = Buffer.alloc(100);
    let delivered = -1;
    const framer = new Framer(
      {
        place: () => target,
        take: () => 0,
        pdu: (_bhs, _ahs, data) => (delivered = data.length),
        fault: () => {},
      },
      LIMITS,
    );
    framer.push(header(0, 100));
    framer.push(Buffer.alloc(40, 0xaa));
    framer.withdraw(target);
    framer.push(Buffer.alloc(60, 0xbb));
    expect(target.includes(0xbb)).toBe(false);
    expect(delivered).toBe(0);
    expect(framer.midPdu).toBe(false);
  });

  test.each([false, true])('tells how far the next data segment is (digests: %s)', (digests) => {
    const digest = digests ? 4 : 0;
    const { framer } = setup(digests);
    expect(framer.toNextData).toBe(0);
    const header = Buffer.alloc(48 + digest);
    // 998 bytes of data, which two of padding follow.
    header.writeUIntBE(998, 5, 3);
    if (digests) header.writeUInt32LE(crc32c(header.subarray(0, 48)), 48);
    framer.push(header.subarray(0, 40));
    expect(framer.toNextData).toBe(0);
    framer.push(header.subarray(40));
    expect(framer.toNextData).toBe(1000 + digest + 48 + digest);
    framer.push(Buffer.alloc(600));
    expect(framer.toNextData).toBe(400 + digest + 48 + digest);
    framer.push(Buffer.alloc(400 + digest));
    expect(framer.toNextData).toBe(0);
  });

  test('a handler may stop it: the rest of the chunk is not parsed', () => {
    let count = 0;
    const framer: Framer = new Framer(
      {
        place: () => null,
        take: () => 0,
        pdu: () => {
          count++;
          framer.stop();
        },
        fault: () => {},
      },
      LIMITS,
    );
    framer.push(Buffer.alloc(48 * 3));
    expect(count).toBe(1);
  });
});

describe('data that the end of a chunk cuts', () => {
  const pdu = (fill: number, length = 10_000): Buffer => {
    const wire = Buffer.alloc(48 + length, fill);
    wire.fill(0, 0, 48);
    wire.writeUIntBE(length, 5, 3);
    return wire;
  };
  const lent = (): { framer: Framer; seen: Buffer[] } => {
    const seen: Buffer[] = [];
    const sink = {
      place: () => null,
      take: () => 0,
      pdu: (_bhs: Buffer, _ahs: Buffer, data: Buffer) => void seen.push(data),
      fault: () => {},
    };
    return { framer: new Framer(sink, LIMITS), seen };
  };
  const pushCut = ({ framer }: { framer: Framer }, wire: Buffer): void => {
    framer.push(wire.subarray(0, 5_000));
    framer.push(wire.subarray(5_000));
  };

  test('lies in memory that the next turn uses again', () => {
    const one = lent();
    for (const fill of [1, 2, 3]) {
      pushCut(one, pdu(fill));
      expect(one.seen.at(-1)!.equals(Buffer.alloc(10_000, fill))).toBe(true);
      one.framer.turnOver();
    }
    expect(new Set(one.seen.map((data) => data.buffer)).size).toBe(1);
  });

  test('stays as it is until the turn is over, whatever else is cut in it', () => {
    const one = lent();
    const two = lent();
    const first = pdu(1);
    one.framer.push(first.subarray(0, 5_000));
    one.framer.push(Buffer.concat([first.subarray(5_000), pdu(2).subarray(0, 5_000)]));
    pushCut(two, pdu(3));
    expect(one.seen[0]!.equals(Buffer.alloc(10_000, 1))).toBe(true);
    expect(two.seen[0]!.buffer).not.toBe(one.seen[0]!.buffer);
  });

  test('is not given to another while incomplete, nor after its connection has stopped', () => {
    const one = lent();
    const two = lent();
    const first = pdu(1);
    one.framer.push(first.subarray(0, 5_000));
    one.framer.turnOver();
    pushCut(two, pdu(2));
    two.framer.turnOver();
    one.framer.push(first.subarray(5_000));
    expect(one.seen[0]!.equals(Buffer.alloc(10_000, 1))).toBe(true);
    one.framer.stop();
    one.framer.turnOver();
    one.framer.turnOver();
    const three = [lent(), lent()];
    for (const each of three) pushCut(each, pdu(4));
    expect(three[0]!.seen[0]!.buffer).not.toBe(three[1]!.seen[0]!.buffer);
  });
});
