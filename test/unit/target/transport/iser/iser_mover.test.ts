/** The iSER data mover on an RDMA connection that is played by the test; messages as recorded. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { DdpSegment } from '../../../../../src/target/transport/iwarp/ddp.ts';
import { invalidates, isSend } from '../../../../../src/target/transport/iwarp/rdmap.ts';
import { IserMover } from '../../../../../src/target/transport/iser/iser_mover.ts';
import { Transfer, type MoverSettings } from '../../../../../src/target/transport/datamover.ts';
import type {
  RdmaConnection,
  RdmaEvents,
  ReadOutcome,
  RemoteBuffer,
} from '../../../../../src/target/transport/rdma_connection.ts';
import { hexLines } from '../../../../support/hex_fixture.ts';

const SETTINGS: MoverSettings = {
  headerDigest: false,
  dataDigest: false,
  maxSendDataSegmentLength: 128,
  maxRecvDataSegmentLength: 8192,
  maxBurstLength: 4096,
  firstBurstLength: 2048,
  maxOutstandingR2T: 1,
  iser: { helloRequired: false, solicitedOnly: true, maxOutstandingUnexpectedPDUs: 0 },
};
const SEND_INVALIDATE = Buffer.from('80000000', 'hex');

interface PlayedRead {
  readonly into: Buffer;
  readonly remote: RemoteBuffer;
  readonly offset: number;
  readonly length: number;
  abandoned: boolean;
  end(outcome?: ReadOutcome): void;
}

/** Records what is asked of it; the test plays the peer. */
class PlayedRdma implements RdmaConnection {
  readonly provider = 'played';
  readonly heardMs = 0;
  maxOutgoingReads = 8;
  readonly queuedBytes = 0;
  readonly sent: { message: Buffer; invalidate: number | null }[] = [];
  readonly writes: { data: Buffer; remote: RemoteBuffer; offset: number }[] = [];
  readonly reads: PlayedRead[] = [];
  readonly posted: Buffer[] = [];
  ended: boolean | null = null;

  limitOutgoingReads(count: number): void {
    this.maxOutgoingReads = Math.min(this.maxOutgoingReads, count);
  }
  register(): null {
    return null;
  }
  invalidate(): void {}
  postReceive(buffer: Buffer): void {
    this.posted.push(buffer);
  }
  send(message: Buffer, invalidate: number | null): void {
    this.sent.push({ message: Buffer.from(message), invalidate });
  }
  write(data: Buffer, remote: RemoteBuffer, offset: number, done: () => void): void {
    this.writes.push({ data, remote, offset });
    done();
  }
  read(into: Buffer, remote: RemoteBuffer, offset: number, done: (o: ReadOutcome) => void) {
    const { length } = into;
    const read = {
      ...{ into, remote, offset, length, abandoned: false },
      end: (outcome: ReadOutcome = 'done') => done(outcome),
    };
    this.reads.push(read);
    return read;
  }
  abandonRead(read: { readonly length: number }): void {
    for (const one of this.reads) if (one === read) one.abandoned = true;
  }
  disconnect(graceful: boolean): void {
    this.ended ??= graceful;
  }
}

let rdma: PlayedRdma;
let events: RdmaEvents;
let mover: IserMover;
let control: { bhs: Buffer; data: Buffer }[];
let ended: string[];

beforeEach(fresh);

function fresh(): void {
  rdma = new PlayedRdma();
  control = [];
  ended = [];
  mover = new IserMover({
    events: {
      stamp: () => {},
      controlNotify: (bhs, _ahs, data) =>
        void control.push({ bhs: Buffer.from(bhs), data: Buffer.from(data) }),
      dataDigestError: () => {},
      strayData: (bhs) => void control.push({ bhs: Buffer.from(bhs), data: Buffer.from('stray') }),
      internalError: (error) => {
        throw error;
      },
      connectionTerminateNotify: (why) => void ended.push(why),
    },
    connect: (given) => {
      events = given;
      return rdma;
    },
  });
  events.established(SEND_INVALIDATE);
  mover.enableDatamover(SETTINGS);
}

/** A message of the initiator, as its provider hands it up. */
function arrives(message: Buffer): void {
  const buffer = rdma.posted.shift();
  if (buffer === undefined) throw new Error('no buffer is posted');
  message.copy(buffer);
  events.received(buffer, message.length, null, false);
}

function header(fields: { write?: RemoteBuffer; read?: RemoteBuffer; opcode?: number }): Buffer {
  const bytes = Buffer.alloc(28);
  const flags = (fields.write === undefined ? 0 : 8) | (fields.read === undefined ? 0 : 4);
  bytes[0] = ((fields.opcode ?? 1) << 4) | flags;
  [fields.write, fields.read].forEach((buffer, index) => {
    bytes.writeUInt32BE(buffer?.stag ?? 0, 4 + 12 * index);
    bytes.writeUInt32BE(buffer?.high ?? 0, 8 + 12 * index);
    bytes.writeUInt32BE(buffer?.low ?? 0, 12 + 12 * index);
  });
  return bytes;
}

function command(itt: number, edtl: number, final = true, immediate = 0): Buffer {
  const bhs = Buffer.alloc(48 + ((immediate + 3) & ~3));
  bhs[0] = 1;
  bhs[1] = (final ? 0x80 : 0) | 0x20;
  bhs.writeUIntBE(immediate, 5, 3);
  bhs.writeUInt32BE(itt, 16);
  bhs.writeUInt32BE(edtl, 20);
  return bhs;
}

function transferOf(itt: number): Transfer {
  const transfer = new Transfer();
  transfer.reset(itt);
  return transfer;
}

function response(opcode: number, itt: number, statSN = 0): Buffer {
  const bhs = Buffer.alloc(48);
  bhs[0] = opcode;
  bhs.writeUInt32BE(itt, 16);
  bhs.writeUInt32BE(statSN, 24);
  return bhs;
}
const [SCSI_RESPONSE, TMF_RESPONSE, NOP_IN, ASYNC] = [0x21, 0x22, 0x20, 0x32];
const WRITE_BUFFER = { stag: 0x44712923, high: 0xffff8880, low: 0x11399000 };

/** Whole messages out of recorded FPDUs. */
function messagesOf(name: string): { message: Buffer; invalidate: number | null }[] {
  const found: { message: Buffer; invalidate: number | null }[] = [];
  const segment = new DdpSegment();
  let parts: Buffer[] = [];
  for (const fpdu of hexLines(name).slice(1)) {
    segment.read(fpdu.subarray(2, 2 + fpdu.readUInt16BE(0)));
    if (segment.tagged || !isSend(segment.opcode)) continue;
    parts.push(Buffer.from(segment.bytes.subarray(segment.headerLength)));
    if (!segment.last) continue;
    const invalidate = invalidates(segment.opcode) ? segment.stag : null;
    found.push({ message: Buffer.concat(parts), invalidate });
    parts = [];
  }
  return found;
}

describe('recorded messages', () => {
  test('the kernel’s are handed up, and our answers are those of the kernel’s target', () => {
    const asked = messagesOf('iser/session_crc_initiator.hex');
    const answered = messagesOf('iser/session_crc_target.hex');
    expect(asked.length).toBe(39);
    expect(answered.length).toBe(39);
    asked.forEach(({ message }, index) => {
      arrives(message);
      const { bhs, data } = control.at(-1) ?? { bhs: Buffer.alloc(0), data: Buffer.alloc(0) };
      expect(bhs.equals(message.subarray(28, 76))).toBe(true);
      expect(data.length).toBe(bhs.readUIntBE(5, 3));
      const wanted = answered[index];
      if (wanted === undefined) throw new Error('not as many answers');
      const length = wanted.message.readUIntBE(28 + 5, 3);
      const text = length === 0 ? null : wanted.message.subarray(76, 76 + length);
      mover.sendControl(Buffer.from(wanted.message.subarray(28, 76)), text);
      expect(rdma.sent.at(-1)?.invalidate).toBe(wanted.invalidate);
      expect(rdma.sent.at(-1)?.message.toString('hex')).toBe(wanted.message.toString('hex'));
    });
    expect(ended).toEqual([]);
  });

  test('data goes to the memory that a command gave, and is read from it', () => {
    const reads = messagesOf('iser/session_crc_initiator.hex').filter(
      ({ message }) => message[0] === 0x14,
    );
    const [{ message } = { message: Buffer.alloc(0) }] = reads;
    arrives(message);
    const transfer = transferOf(message.readUInt32BE(28 + 16));
    mover.putData(transfer, Buffer.from('data'), 8, true, () => {});
    const remote = {
      stag: message.readUInt32BE(16),
      high: message.readUInt32BE(20),
      low: message.readUInt32BE(24),
    };
    expect(rdma.writes).toEqual([{ data: Buffer.from('data'), remote, offset: 8 }]);
  });
});

describe('messages that are no PDU', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no whole header', Buffer.alloc(27, 0x10)],
    ['no whole PDU', Buffer.concat([header({}), Buffer.alloc(47)])],
    ['an unknown opcode', Buffer.concat([header({ opcode: 7 }), Buffer.alloc(48)])],
    ['a HelloReply', header({ opcode: 3 })],
    ['a Hello that was not agreed on', header({ opcode: 2 })],
    [
      'less data than announced',
      Buffer.concat([header({}), command(1, 0, true, 8), Buffer.alloc(0)]).subarray(0, 80),
    ],
    ['more than announced', Buffer.concat([header({}), command(1, 0, true, 8), Buffer.alloc(4)])],
  ])('%s ends the connection', (_what, message) => {
    arrives(message);
    expect(rdma.ended).toBe(false);
    expect(control).toEqual([]);
  });

  test('any bytes behind any header are a PDU, or end the connection', () => {
    const opcodes = fc.constantFrom(1, 1, 1, 2, 3, 0, 15);
    const bodies = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(opcodes, bodies, fc.boolean(), (opcode, body, buffers) => {
        const given = buffers ? { write: WRITE_BUFFER, read: WRITE_BUFFER } : {};
        fresh();
        arrives(Buffer.concat([header({ opcode, ...given }), body]));
        expect(control.length + (rdma.ended === null ? 0 : 1)).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  test('solicited data as a PDU is stray', () => {
    const bhs = Buffer.alloc(48);
    bhs[0] = 5;
    arrives(Buffer.concat([header({}), bhs]));
    expect(control[0]?.data).toEqual(Buffer.from('stray'));
  });
});

describe('reading from the initiator', () => {
  test('in pieces of MaxBurstLength, a few at a time, from behind the immediate data', () => {
    arrives(Buffer.concat([header({ write: WRITE_BUFFER }), command(5, 30_000, true, 100)]));
    const into = Buffer.alloc(29_900);
    let faults: unknown[] = [];
    mover.getData(transferOf(5), into, 100, (fault) => (faults = [...faults, fault]));
    expect(rdma.reads.map(({ offset, length }) => [offset, length])).toEqual(
      [0, 4096, 8192, 12_288].map((offset) => [offset, 4096]),
    );
    for (let next = 0; next < rdma.reads.length; next++) rdma.reads[next]?.end();
    expect(rdma.reads.length).toBe(8);
    expect(rdma.reads.at(-1)?.length).toBe(29_900 - 7 * 4096);
    expect(rdma.reads[0]?.remote).toEqual(WRITE_BUFFER);
    expect(faults).toEqual([null]);
  });

  test.each([
    [true, 2048, 0],
    [false, 2048, 2048],
  ])('solicited only %s: from %i of the data means offset %i', (solicitedOnly, from, offset) => {
    const iser = { helloRequired: false, solicitedOnly, maxOutstandingUnexpectedPDUs: 0 };
    mover.enableDatamover({ ...SETTINGS, iser });
    arrives(Buffer.concat([header({ write: WRITE_BUFFER }), command(5, 9000, false, 512)]));
    mover.getData(transferOf(5), Buffer.alloc(10), from, () => {});
    expect(rdma.reads[0]?.offset).toBe(offset);
  });
});

describe('aborts', () => {
  const aborted = (): Transfer => {
    arrives(Buffer.concat([header({ write: WRITE_BUFFER }), command(5, 4096)]));
    const transfer = transferOf(5);
    mover.getData(transfer, Buffer.alloc(4096), 0, () => {
      throw new Error('an aborted transfer must not end');
    });
    mover.deallocateTaskResources(transfer);
    return transfer;
  };

  test('the answer to a TMF, and all behind it, wait for reads that were given up', () => {
    const transfer = aborted();
    expect(rdma.reads[0]?.abandoned).toBe(true);
    expect(transfer.slot).toBe(-1);
    mover.sendControl(response(NOP_IN, 1), null);
    mover.sendControl(response(TMF_RESPONSE, 2), null);
    mover.sendControl(response(NOP_IN, 3), null);
    expect(rdma.sent.length).toBe(1);
    rdma.reads[0]?.end();
    expect(rdma.sent.map(({ message }) => message.readUInt32BE(28 + 16))).toEqual([1, 2, 3]);
  });

  test('a response for a command whose reads are under way waits for them', () => {
    arrives(Buffer.concat([header({ write: WRITE_BUFFER }), command(5, 4096)]));
    mover.getData(transferOf(5), Buffer.alloc(4096), 0, () => {});
    mover.sendControl(response(SCSI_RESPONSE, 5), null);
    expect(rdma.sent).toEqual([]);
    rdma.reads[0]?.end();
    expect(rdma.sent[0]?.invalidate).toBe(WRITE_BUFFER.stag);
  });

  test('who never answers reads cannot make us keep answers without end', () => {
    aborted();
    mover.sendControl(response(TMF_RESPONSE, 2), null);
    for (let count = 0; count < 3000; count++) mover.sendControl(response(NOP_IN, count), null);
    expect(rdma.ended).toBe(false);
    events.disconnected('over');
    expect(ended).toEqual(['too many PDUs wait for the initiator']);
  });
});

describe('flow control of unexpected PDUs', () => {
  test('no more than the initiator declared, until it acknowledges', () => {
    const iser = { helloRequired: false, solicitedOnly: true, maxOutstandingUnexpectedPDUs: 3 };
    mover.enableDatamover({ ...SETTINGS, iser });
    for (let statSN = 10; statSN < 14; statSN++)
      mover.sendControl(response(ASYNC, 0, statSN), null);
    expect(rdma.sent.length).toBe(2);
    const nop = Buffer.alloc(48);
    nop.writeUInt32BE(11, 28);
    arrives(Buffer.concat([header({}), nop]));
    expect(rdma.sent.length).toBe(3);
    nop.writeUInt32BE(13, 28);
    arrives(Buffer.concat([header({}), nop]));
    expect(rdma.sent.length).toBe(4);
  });
});

describe('Hello', () => {
  const iser = { helloRequired: true, solicitedOnly: true, maxOutstandingUnexpectedPDUs: 0 };
  const hello = (versions: number, ird: number): Buffer => {
    const bytes = header({ opcode: 2 });
    bytes[1] = versions;
    bytes.writeUInt16BE(ird, 2);
    return bytes;
  };

  test.each([
    [0x11, 0x11 & 0x0f],
    [0xaa, 10],
    [0xf1, 10],
  ])('versions 0x%s are answered with %i, and reads are limited', (versions, version) => {
    mover.enableDatamover({ ...SETTINGS, iser });
    arrives(hello(versions, 3));
    const reply = rdma.sent[0]?.message ?? Buffer.alloc(28);
    expect([reply.length, reply[0], reply[1]! & 0x0f]).toEqual([28, 0x30, version]);
    expect(reply.readUInt16BE(2)).toBe(3);
    arrives(Buffer.concat([header({}), Buffer.alloc(48)]));
    expect(control.length).toBe(1);
  });

  test('versions that are not served are rejected', () => {
    mover.enableDatamover({ ...SETTINGS, iser });
    arrives(hello(0xff, 3));
    expect(rdma.sent[0]?.message[0]).toBe(0x31);
    expect(rdma.ended).toBe(true);
  });

  test('nothing comes before a Hello that was agreed on', () => {
    mover.enableDatamover({ ...SETTINGS, iser });
    arrives(Buffer.concat([header({}), Buffer.alloc(48)]));
    expect(rdma.ended).toBe(false);
  });
});
