/** Both ends of a connection: messages, writes, reads, limits, and what ends it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RemoteBuffer } from '../../../../../src/target/transport/rdma_connection.ts';
import { fpduLengthOf } from '../../../../../src/target/transport/iwarp/fpdu.ts';
import { MAX_RECORDED_BYTES } from '../../../../../src/target/transport/iwarp/input_record.ts';
import { IwarpConnection } from '../../../../../src/target/transport/iwarp/iwarp_connection.ts';
import { encodeMpaFrame } from '../../../../../src/target/transport/iwarp/mpa_frame.ts';
import { SYSTEM_CLOCK } from '../../../../../src/util/clock.ts';
import {
  eventsInto,
  greet,
  iwarpPair,
  newHeard,
  type IwarpPairOptions,
} from '../../../../support/iwarp_pair.ts';
import { settled, socketPair } from '../../../../support/memory_sockets.ts';

const bytes = (length: number, seed = 1): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 31 + seed * 17) & 0xff));

async function opened(options: IwarpPairOptions = {}) {
  const pair = await iwarpPair(options);
  await greet(pair);
  return pair;
}

describe('establishing', () => {
  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('both ends learn what the other said (enhanced %s, CRC %s)', async (enhanced, crc) => {
    const pair = await iwarpPair({ enhanced, crc, responder: { privateData: bytes(9) } });
    expect(pair.initiator.heard.privateData).toEqual(bytes(9));
    expect(pair.responder.heard.privateData).toEqual(Buffer.from('hello'));
  });

  test('the responder sends nothing before the first frame of the initiator', async () => {
    const pair = await iwarpPair();
    pair.initiator.connection.postReceive(Buffer.alloc(64));
    pair.responder.connection.send(Buffer.from('too early'), null);
    await settled();
    expect(pair.initiator.heard.messages).toEqual([]);
    await greet(pair);
    expect(pair.initiator.heard.messages).toEqual([Buffer.from('too early')]);
  });

  test('what waited for the first frame is told when the connection ends instead', async () => {
    const pair = await iwarpPair();
    let done = 0;
    const remote = { stag: 1, high: 0, low: 0 };
    pair.responder.connection.write(bytes(10), remote, 0, () => done++);
    pair.initiator.connection.disconnect(false);
    await settled();
    expect(done).toBe(1);
    expect(pair.responder.heard.ended).not.toBeNull();
  });

  test('reads are limited by what the initiator said that it serves', async () => {
    const pair = await iwarpPair({ initiator: { ird: 4 } });
    expect(pair.responder.connection.maxOutgoingReads).toBe(4);
  });

  test('an initiator that is rejected learns of it', async () => {
    const pair = await iwarpPair({ refuse: 'not today' });
    expect(pair.initiator.heard.privateData).toBeNull();
    expect(pair.initiator.heard.ended).toContain('rejected');
    expect(pair.responder.heard.ended).toBe('not today');
  });
});

describe('peer-to-peer startup', () => {
  const none = { rtrEmpty: false, rtrWrite: false, rtrRead: false };
  const cases = [
    ['rtrEmpty', Buffer.alloc(0)],
    ['rtrWrite', Buffer.from(`c140${'0'.repeat(24)}`, 'hex')],
    ['rtrRead', Buffer.from(`4141${'0'.repeat(8)}0000000100000001${'0'.repeat(64)}`, 'hex')],
  ] as const;

  const offer = { crc: false, ird: 1, ord: 1, privateData: Buffer.alloc(0) };

  function responding(options: { answered?: boolean; record?: boolean } = {}) {
    const sockets = socketPair();
    const heard = newHeard();
    const { answered = false, record = false } = options;
    const connection = new IwarpConnection({
      socket: sockets.near,
      clock: SYSTEM_CLOCK,
      emss: 1448,
      events: eventsInto(heard),
      startup: { role: 'responder', offerFor: () => offer, answered },
      record,
    });
    sockets.far.on('data', () => {});
    return { sockets, heard, connection };
  }

  function requestFor(rtr: string): Buffer {
    const depths = { ird: 1, ord: 0, peerToPeer: true, ...none, [rtr]: true };
    const flags = { markers: false, crc: false, reject: false, revision: 2 };
    return encodeMpaFrame('request', { ...flags, depths, privateData: Buffer.alloc(0) });
  }

  function frameOf(ulpdu: Buffer): Buffer {
    const frame = Buffer.alloc(fpduLengthOf(ulpdu.length));
    frame.writeUInt16BE(ulpdu.length);
    ulpdu.copy(frame, 2);
    return frame;
  }

  test.each(cases)(
    'an initiator that is ready by %s is answered from then on',
    async (rtr, ulpdu) => {
      const { sockets, heard, connection } = responding();
      sockets.far.write(requestFor(rtr));
      await settled();
      connection.send(Buffer.from('welcome'), null);
      await settled();
      expect(sockets.wire.near().includes('welcome')).toBe(false);
      sockets.far.write(frameOf(ulpdu));
      await settled();
      expect(sockets.wire.near().includes('welcome')).toBe(true);
      expect(heard.ended).toBeNull();
      connection.disconnect(false);
    },
  );

  test.each(cases)(
    'what was read of one ready by %s goes on elsewhere, answered once',
    async (rtr, ulpdu) => {
      const here = responding({ record: true });
      here.sockets.far.write(requestFor(rtr));
      await settled();
      here.sockets.far.write(frameOf(ulpdu));
      await settled();
      const input = here.connection.takeInput();
      expect(here.connection.takeInput()).toBeNull();
      here.connection.disconnect(false);
      const there = responding({ answered: true });
      there.sockets.far.write(input ?? '');
      await settled();
      expect(there.sockets.wire.near()).toHaveLength(0);
      there.connection.send(Buffer.from('welcome'), null);
      await settled();
      expect(there.sockets.wire.near().includes('welcome')).toBe(true);
      // It knows what came before: the same read once more is one too many.
      there.sockets.far.write(frameOf(ulpdu));
      await settled();
      const twice = 'terminated: message sequence number out of range';
      expect(there.heard.ended).toBe(rtr === 'rtrRead' ? twice : null);
      there.connection.disconnect(false);
    },
  );

  test('more input than a login has is not kept', async () => {
    const { sockets, heard, connection } = responding({ record: true });
    sockets.far.write(requestFor('rtrEmpty'));
    await settled();
    const frames = Array.from({ length: MAX_RECORDED_BYTES / 8 }, () => frameOf(Buffer.alloc(0)));
    sockets.far.write(Buffer.concat(frames));
    await settled();
    expect(heard.ended).toBeNull();
    expect(connection.takeInput()).toBeNull();
    connection.disconnect(false);
  });
});

describe('messages', () => {
  test('arrive whole, in order, at any cut of the stream and any segment size', async () => {
    const lists = fc.array(fc.uint8Array({ maxLength: 4000 }), { minLength: 1, maxLength: 6 });
    const cuts = fc.integer({ min: 1, max: 3000 });
    const sizes = fc.integer({ min: 128, max: 9000 });
    await fc.assert(
      fc.asyncProperty(lists, cuts, sizes, fc.boolean(), async (list, cut, emss, crc) => {
        const pair = await opened({ cut: () => cut, emss, crc });
        list.forEach(() => pair.responder.connection.postReceive(Buffer.alloc(4000)));
        for (const message of list) pair.initiator.connection.send(Buffer.from(message), null);
        await settled();
        expect(pair.responder.heard.ended).toBeNull();
        expect(pair.responder.heard.messages).toEqual(list.map((one) => Buffer.from(one)));
        pair.initiator.connection.disconnect(false);
      }),
      { numRuns: 30 },
    );
  });

  test('a long message arrives whole, wherever its header is cut', async () => {
    const message = bytes(8000);
    for (let cut = 10; cut < 40; cut++) {
      const pair = await opened({ emss: 65_483, cut: () => cut });
      pair.responder.connection.postReceive(Buffer.alloc(8000));
      pair.initiator.connection.send(message, null);
      await settled();
      expect(pair.responder.heard.ended).toBeNull();
      expect(pair.responder.heard.messages).toEqual([message]);
      pair.initiator.connection.disconnect(false);
    }
  });

  test('a message without a posted buffer ends the connection, and both ends say why', async () => {
    const { initiator, responder } = await opened();
    initiator.connection.send(bytes(4), null);
    await settled();
    expect(responder.heard.ended).toContain('without a buffer');
    expect(initiator.heard.ended).toContain('without a buffer');
  });

  test('a message longer than its buffer ends the connection; nothing is handed up', async () => {
    const { initiator, responder } = await opened();
    responder.connection.postReceive(Buffer.alloc(10));
    initiator.connection.send(bytes(11), null);
    await settled();
    expect(responder.heard.messages).toEqual([]);
    expect(initiator.heard.ended).toContain('longer than its buffer');
  });

  test('all four Sends arrive with what they carry', async () => {
    const { initiator, responder } = await opened();
    for (const solicited of [false, true]) {
      const region = responder.connection.register(bytes(8), { remoteWrite: true });
      for (const stag of [null, region?.stag ?? 0]) {
        responder.connection.postReceive(Buffer.alloc(10));
        initiator.connection.send(bytes(3), stag, solicited);
        await settled();
        expect(responder.heard.invalidated.at(-1)).toBe(stag);
        expect(responder.heard.solicited.at(-1)).toBe(solicited);
      }
    }
    expect(responder.heard.ended).toBeNull();
  });

  test('a message takes back a tag of the receiver, once', async () => {
    const { initiator, responder } = await opened();
    const region = responder.connection.register(bytes(8), { remoteWrite: true });
    responder.connection.postReceive(Buffer.alloc(10));
    responder.connection.postReceive(Buffer.alloc(10));
    initiator.connection.send(bytes(1), region?.stag ?? 0);
    await settled();
    expect(responder.heard.invalidated).toEqual([region?.stag]);
    expect(region?.valid).toBe(false);
    expect(responder.connection.counts.regions).toBe(0);
    initiator.connection.send(bytes(1), region?.stag ?? 0);
    await settled();
    expect(initiator.heard.ended).toContain('cannot be invalidated');
  });
});

describe('RDMA Write', () => {
  test('places any range of a region and nothing beside it', async () => {
    const cases = fc.record({
      size: fc.integer({ min: 1, max: 70_000 }),
      from: fc.nat(70_000),
      length: fc.nat(70_000),
      emss: fc.integer({ min: 128, max: 65_483 }),
      cut: fc.integer({ min: 500, max: 70_000 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, from, length, emss, cut }) => {
        const start = from % size;
        const data = bytes(Math.min(length, size - start), 3);
        const { initiator, responder } = await opened({ emss, cut: () => cut });
        const memory = Buffer.alloc(size + 2, 0xee);
        const inner = memory.subarray(1, size + 1);
        const region = responder.connection.register(inner, { remoteWrite: true });
        if (region === null) throw new Error('no region');
        let done = 0;
        initiator.connection.write(data, region, start, () => done++);
        for (let turn = 0; turn < 10; turn++) await settled();
        expect(responder.heard.ended).toBeNull();
        const wanted = Buffer.alloc(size + 2, 0xee);
        data.copy(wanted, 1 + start);
        expect(memory.equals(wanted)).toBe(true);
        expect(done).toBe(1);
        initiator.connection.disconnect(false);
      }),
      { numRuns: 40 },
    );
  });

  const OUTSIDE: [string, (region: RemoteBuffer) => RemoteBuffer, number, string][] = [
    ['one byte too far', (region) => region, 9, 'outside its region'],
    ['far behind', (region) => ({ ...region, low: 0xffff_ff00 }), 0, 'outside its region'],
    ['another 4 GiB', (region) => ({ ...region, high: 1 }), 0, 'outside its region'],
    [
      'the end of addresses',
      (region) => ({ ...region, high: 0xffff_ffff, low: 0xffff_fffc }),
      0,
      'over the end',
    ],
    [
      'another tag',
      (region) => ({ ...region, stag: (region.stag ^ 0x1000) >>> 0 }),
      0,
      'invalid STag',
    ],
    [
      'the tag of no region',
      (region) => ({ ...region, stag: (region.stag | 0xfff) >>> 0 }),
      0,
      'invalid STag',
    ],
  ];
  test.each(OUTSIDE)('%s is refused and nothing is written', async (_name, change, offset, why) => {
    const { initiator, responder } = await opened();
    const memory = Buffer.alloc(16, 0xee);
    const region = responder.connection.register(memory, { remoteWrite: true });
    if (region === null) throw new Error('no region');
    initiator.connection.write(bytes(8), change(region), offset, () => {});
    await settled();
    expect(memory.equals(Buffer.alloc(16, 0xee))).toBe(true);
    expect(responder.heard.ended).toContain(why);
    expect(initiator.heard.ended).toContain(why);
  });

  test('a region that allows reading only, or that was given back, is not written', async () => {
    for (const give of [false, true]) {
      const { initiator, responder } = await opened();
      const memory = Buffer.alloc(16, 0xee);
      const region = responder.connection.register(
        memory,
        give ? { remoteWrite: true } : { remoteRead: true },
      );
      if (region === null) throw new Error('no region');
      if (give) responder.connection.invalidate(region);
      initiator.connection.write(bytes(8), region, 0, () => {});
      await settled();
      expect(memory.equals(Buffer.alloc(16, 0xee))).toBe(true);
      expect(responder.heard.ended).not.toBeNull();
    }
  });
});

describe('RDMA Read', () => {
  test('fetches any range, many at a time, within the depth agreed on, in order', async () => {
    const { initiator, responder } = await opened({ responder: { ord: 3 } });
    const memory = bytes(200_000, 5);
    const region = initiator.connection.register(memory, { remoteRead: true });
    if (region === null) throw new Error('no region');
    const ended: number[] = [];
    const sinks = Array.from({ length: 20 }, (_, index) => {
      const into = Buffer.alloc(index * 997);
      const offset = index * 5000;
      responder.connection.read(into, region, offset, (outcome) => {
        expect(outcome).toBe('done');
        expect(into.equals(memory.subarray(offset, offset + into.length))).toBe(true);
        ended.push(index);
      });
      return into;
    });
    expect(responder.connection.maxOutgoingReads).toBe(3);
    for (let turn = 0; turn < 10; turn++) await settled();
    expect(ended).toEqual(sinks.map((_, index) => index));
    expect(responder.connection.counts.reads).toBe(0);
    expect(initiator.connection.counts.served).toBe(0);
  });

  test('outside a region, or of one that allows writing only, is refused', async () => {
    const cases = [
      { access: { remoteRead: true }, offset: 9, why: 'outside its region' },
      { access: { remoteWrite: true }, offset: 0, why: 'does not allow' },
    ] as const;
    for (const { access, offset, why } of cases) {
      const { initiator, responder } = await opened();
      const region = initiator.connection.register(bytes(16), access);
      if (region === null) throw new Error('no region');
      const outcomes: string[] = [];
      responder.connection.read(Buffer.alloc(8), region, offset, (one) => outcomes.push(one));
      await settled();
      expect(outcomes).toEqual(['flushed']);
      expect(responder.heard.ended).toContain(why);
    }
  });

  test('fetches any range at any cut of the stream and any segment size', async () => {
    const cases = fc.record({
      length: fc.nat(150_000),
      emss: fc.integer({ min: 128, max: 65_483 }),
      cut: fc.integer({ min: 300, max: 70_000 }),
      crc: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ length, emss, cut, crc }) => {
        const { initiator, responder } = await opened({ emss, crc, cut: () => cut });
        const memory = bytes(length, 7);
        const region = initiator.connection.register(memory, { remoteRead: true });
        if (region === null) throw new Error('no region');
        const whole = Buffer.alloc(length + 2, 0xee);
        const outcomes: string[] = [];
        const into = whole.subarray(1, length + 1);
        responder.connection.read(into, region, 0, (one) => outcomes.push(one));
        for (let turn = 0; turn < 200 && outcomes.length === 0; turn++) await settled();
        expect(outcomes).toEqual(['done']);
        expect(into.equals(memory)).toBe(true);
        expect([whole[0], whole[length + 1]]).toEqual([0xee, 0xee]);
        initiator.connection.disconnect(false);
      }),
      { numRuns: 40 },
    );
  });

  test('one given up in the midst of its answer gets no byte more', async () => {
    let eachChunk = () => {};
    const cut = () => {
      eachChunk();
      return 1000;
    };
    const { initiator, responder } = await opened({ emss: 65_483, cut });
    const region = initiator.connection.register(bytes(60_000), { remoteRead: true });
    if (region === null) throw new Error('no region');
    const into = Buffer.alloc(60_000, 0xee);
    const outcomes: string[] = [];
    const read = responder.connection.read(into, region, 0, (one) => outcomes.push(one));
    let chunks = 0;
    let then = into;
    eachChunk = () => {
      if (++chunks !== 30 || read === null) return;
      then = Buffer.from(into);
      responder.connection.abandonRead(read);
    };
    await settled();
    const placed = then.indexOf(Buffer.alloc(100, 0xee));
    expect(placed).toBeGreaterThan(10_000);
    expect(placed).toBeLessThan(40_000);
    expect(into.equals(then)).toBe(true);
    expect(outcomes).toEqual(['done']);
  });

  test('one given up leaves its buffer alone, and those behind it come', async () => {
    const { initiator, responder } = await opened();
    const region = initiator.connection.register(bytes(64), { remoteRead: true });
    if (region === null) throw new Error('no region');
    const dropped = Buffer.alloc(32, 0xee);
    const wanted = Buffer.alloc(32);
    const outcomes: string[] = [];
    const read = responder.connection.read(dropped, region, 0, (one) => outcomes.push(one));
    responder.connection.read(wanted, region, 32, (one) => outcomes.push(one));
    if (read !== null) responder.connection.abandonRead(read);
    await settled();
    expect(dropped.equals(Buffer.alloc(32, 0xee))).toBe(true);
    expect(wanted.equals(bytes(64).subarray(32))).toBe(true);
    expect(outcomes).toEqual(['done', 'done']);
  });

  test('no more are under way than the other side serves', async () => {
    const { initiator, responder } = await opened({
      initiator: { ord: 300 },
      responder: { ird: 1 },
    });
    expect(initiator.connection.maxOutgoingReads).toBe(1);
    const region = responder.connection.register(bytes(4), { remoteRead: true });
    if (region === null) throw new Error('no region');
    let done = 0;
    for (let count = 0; count < 5; count++) {
      initiator.connection.read(Buffer.alloc(4), region, 0, () => done++);
    }
    for (let turn = 0; turn < 4; turn++) await settled();
    expect(done).toBe(5);
    expect(responder.heard.ended).toBeNull();
  });
});

describe('the end', () => {
  test('everything registered, posted or under way is let go on both ends', async () => {
    const { initiator, responder } = await opened();
    const outcomes: string[] = [];
    for (const { connection } of [initiator, responder]) {
      connection.register(bytes(4), { remoteRead: true });
      connection.postReceive(Buffer.alloc(4));
    }
    const remote = { stag: 1, high: 0, low: 0 };
    initiator.connection.read(Buffer.alloc(4), remote, 0, (one) => outcomes.push(one));
    initiator.connection.disconnect(true);
    await settled();
    expect(outcomes).toEqual(['flushed']);
    for (const { connection, heard } of [initiator, responder]) {
      expect(heard.ended).not.toBeNull();
      expect(connection.counts).toEqual({ regions: 0, receives: 0, reads: 0, served: 0 });
    }
  });

  test('what was queued leaves before a graceful end', async () => {
    const { initiator, responder } = await opened();
    responder.connection.postReceive(Buffer.alloc(9000));
    initiator.connection.send(bytes(9000), null);
    initiator.connection.disconnect(true);
    await settled();
    expect(responder.heard.messages).toEqual([bytes(9000)]);
  });
});
