/** Terminate messages: the octets of every layer's error codes, and what is said of a peer's. */
import { describe, expect, test } from 'vitest';
import { IwarpConnection } from '../../../../../src/target/transport/iwarp/iwarp_connection.ts';
import {
  encodeMpaFrame,
  type MpaFrame,
} from '../../../../../src/target/transport/iwarp/mpa_frame.ts';
import { mpaRequestOf } from '../../../../../src/target/transport/iwarp/mpa_negotiation.ts';
import { describeTerminate, FAULT } from '../../../../../src/target/transport/iwarp/terminate.ts';
import { crc32c } from '../../../../../src/util/crc32c.ts';
import { SYSTEM_CLOCK } from '../../../../../src/util/clock.ts';
import { eventsInto, iwarpPair, newHeard } from '../../../../support/iwarp_pair.ts';
import { settled, socketPair } from '../../../../support/memory_sockets.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** ULPDU to FPDU, its CRC right or wrong. */
function fpdu(ulpdu: Buffer, crc?: 'right' | 'wrong'): Buffer {
  const padding = -(2 + ulpdu.length) & 3;
  const bytes = Buffer.alloc(2 + ulpdu.length + padding + 4);
  bytes.writeUInt16BE(ulpdu.length);
  ulpdu.copy(bytes, 2);
  if (crc === undefined) return bytes;
  const value = crc32c(bytes.subarray(0, -4));
  bytes.writeUInt32LE(crc === 'right' ? value : (value ^ 1) >>> 0, bytes.length - 4);
  return bytes;
}

interface Ended {
  /** Payload of the Terminate message that came back. */
  readonly terminate: Buffer;
  readonly why: string | null;
}

const UNUSED = { read: 'ffffffff', write: 'eeeeeeee' };

/** A responder with regions that may be read only and written only is sent one FPDU. */
async function afterFpdu(template: string, crc?: 'right' | 'wrong'): Promise<Ended> {
  const sockets = socketPair();
  const heard = newHeard();
  const offer = { crc: crc !== undefined, ird: 1, ord: 1, privateData: Buffer.alloc(0) };
  const connection = new IwarpConnection({
    socket: sockets.near,
    clock: SYSTEM_CLOCK,
    emss: 1448,
    events: eventsInto(heard),
    startup: { role: 'responder', offerFor: () => offer },
  });
  sockets.far.on('data', () => {});
  const stag = (access: object): string =>
    (connection.register(Buffer.alloc(16), access)?.stag ?? 0).toString(16).padStart(8, '0');
  const tags = { read: stag({ remoteRead: true }), write: stag({ remoteWrite: true }) };
  connection.postReceive(Buffer.alloc(4));
  sockets.far.write(mpaRequestOf(offer, true));
  await settled();
  const before = sockets.wire.near().length;
  const ulpdu = template.replaceAll('READTAG', tags.read).replaceAll('WRITETAG', tags.write);
  sockets.far.write(fpdu(hex(ulpdu), crc));
  await settled();
  const answer = sockets.wire.near().subarray(before);
  // Untagged, last, DDP 1, RDMAP 1, Terminate, queue 2, MSN 1, offset 0.
  expect(answer.subarray(2, 20).toString('hex')).toBe(
    hex('41 47 00000000 00000002 00000001 00000000').toString('hex'),
  );
  return { terminate: answer.subarray(20, 2 + answer.readUInt16BE(0)), why: heard.ended };
}

const send = (msn: string, offset = '00000000'): string => `00000000 ${msn} ${offset}`;
const TO = '00000000 00000000';
const ask = (source: string, size = '00000008', at = TO): string =>
  `4141 00000000 00000001 00000001 00000000 00000001 ${TO} ${size} ${source} ${at}`;

describe('what this side finds wrong goes out with its layer, type and code', () => {
  const cases: [keyof typeof FAULT, string, string][] = [
    ['readInvalidStag', ask(UNUSED.read), '01 00 e0'],
    ['readOutOfBounds', ask('READTAG', '00000011'), '01 01 e0'],
    ['accessViolation', ask('WRITETAG'), '01 02 e0'],
    ['readWraps', ask('READTAG', '00000008', 'ffffffff fffffffc'), '01 04 e0'],
    ['accessViolation', `c140 READTAG ${TO} 00`, '01 02 c0'],
    ['cannotInvalidate', `4144 ${UNUSED.read} ${send('00000001')} 00`, '01 09 c0'],
    ['rdmapVersion', `4183 00000000 ${send('00000001')} 00`, '02 05 c0'],
    ['unexpectedOpcode', `4148 00000000 ${send('00000001')} 00`, '02 06 c0'],
    ['unexpectedOpcode', `c143 WRITETAG ${TO} 00`, '02 06 c0'],
    ['streamCatastrophe', `4141 00000000 00000001 00000001 00000000 00`, '02 07 c0'],
    ['shortSegment', '4143 00', '10 00 00'],
    ['taggedInvalidStag', `c140 ${UNUSED.write} ${TO} 00`, '11 00 c0'],
    ['taggedInvalidStag', `c142 ${UNUSED.write} ${TO} 00`, '11 00 c0'],
    ['taggedOutOfBounds', `c140 WRITETAG 00000000 00000010 00`, '11 01 c0'],
    ['taggedWraps', `c140 WRITETAG ffffffff ffffffff 0000`, '11 03 c0'],
    ['taggedVersion', `c240 WRITETAG ${TO} 00`, '11 04 c0'],
    ['invalidQueue', `4143 00000000 00000003 00000001 00000000 00`, '12 01 c0'],
    ['msnRange', `4143 00000000 ${send('00000002')} 00`, '12 03 c0'],
    ['msnRange', `4143 00000000 ${send('00000000')} 00`, '12 03 c0'],
    ['invalidOffset', `4143 00000000 ${send('00000001', '00000001')} 00`, '12 04 c0'],
    ['messageTooLong', `4143 00000000 ${send('00000001')} 0000000000`, '12 05 c0'],
    ['untaggedVersion', `4043 00000000 ${send('00000001')} 00`, '12 06 c0'],
  ];

  test.each(cases)('%s', async (name, ulpdu, octets) => {
    const { terminate, why } = await afterFpdu(ulpdu);
    expect(terminate.subarray(0, 3).toString('hex')).toBe(hex(octets).toString('hex'));
    expect(why).toBe(`terminated: ${FAULT[name].text}`);
    const [, , flags = 0] = terminate;
    if (flags === 0) return;
    // The length of the segment, its DDP header, and the RDMA Read Request where that is wrong.
    const segment = hex(ulpdu.replaceAll(/READTAG|WRITETAG/g, '00000000'));
    expect(terminate.readUInt16BE(4)).toBe(segment.length);
    const header = (segment[0]! & 0x80) !== 0 ? 14 : 18;
    expect(terminate.length).toBe(4 + 2 + header + ((flags & 0x20) !== 0 ? 28 : 0));
    expect(terminate.subarray(6, 8)).toEqual(segment.subarray(0, 2));
  });

  test('a message without a buffer', async () => {
    const pair = await iwarpPair();
    pair.initiator.connection.send(Buffer.alloc(1), null);
    await settled();
    expect(pair.initiator.heard.ended).toContain(FAULT.noBuffer.text);
    expect(pair.responder.heard.ended).toBe(`terminated: ${FAULT.noBuffer.text}`);
  });

  test('a bad CRC: no header is to be trusted', async () => {
    const { terminate } = await afterFpdu(`4143 00000000 ${send('00000001')} 00`, 'wrong');
    expect(terminate.toString('hex')).toBe('20020000');
  });

  test.each([
    ['insufficientIrd', { ird: 1, ord: 9, peerToPeer: false }, '20 06'],
    ['noMatchingRtr', { ird: 1, ord: 1, peerToPeer: true }, '20 07'],
  ] as const)('%s, of the initiator to a reply', async (name, given, octets) => {
    const sockets = socketPair();
    const heard = newHeard();
    const offer = { crc: false, ird: 8, ord: 1, privateData: Buffer.alloc(0) };
    const connection = new IwarpConnection({
      socket: sockets.near,
      clock: SYSTEM_CLOCK,
      emss: 1448,
      events: eventsInto(heard),
      startup: { role: 'initiator', enhanced: true, offer },
    });
    sockets.far.on('data', () => {});
    const depths = { ...given, rtrEmpty: false, rtrWrite: given.peerToPeer, rtrRead: false };
    const flags = { markers: false, crc: false, reject: false, revision: 2 };
    const reply: MpaFrame = { ...flags, depths, privateData: Buffer.alloc(0) };
    const before = sockets.wire.near().length;
    sockets.far.write(encodeMpaFrame('reply', reply));
    await settled();
    const answer = sockets.wire.near().subarray(before);
    expect(answer.subarray(20, 22).toString('hex')).toBe(hex(octets).toString('hex'));
    expect(describeTerminate(answer.subarray(20))).toBe(FAULT[name].text);
    expect(heard.privateData).toBeNull();
    connection.disconnect(false);
  });
});

describe('what a peer finds wrong', () => {
  test('every code of RFC 5040, RFC 5041, RFC 5044 and RFC 6581 is put into words', () => {
    const codes: [string, number[]][] = [
      ['00', [0]],
      ['01', [0, 1, 2, 3, 4, 9, 0xff]],
      ['02', [5, 6, 7, 8, 9, 0xff]],
      ['10', [0]],
      ['11', [0, 1, 2, 3, 4]],
      ['12', [1, 2, 3, 4, 5, 6]],
      ['20', [1, 2, 3, 4, 5, 6, 7]],
    ];
    const texts = codes.flatMap(([kind, list]) =>
      list.map((code) => describeTerminate(Buffer.concat([hex(kind), Buffer.from([code, 0, 0])]))),
    );
    for (const text of texts) expect(text).not.toMatch(/^layer/);
    expect(describeTerminate(hex('33 07 00 00'))).toBe('layer 3, type 3, code 7');
  });

  test('ends the connection, and says so; nothing is answered', async () => {
    const pair = await iwarpPair();
    const before = pair.sockets.wire.far().length;
    pair.sockets.near.write(fpdu(hex('41 47 00000000 00000002 00000001 00000000 02 08 00 00')));
    await settled();
    expect(pair.responder.heard.ended).toBe(
      'terminated by the peer: catastrophic RDMAP error of the peer as a whole',
    );
    expect(pair.sockets.wire.far().length).toBe(before);
  });

  test('a Terminate that is no Terminate is an error of its own', async () => {
    const wrong = [
      ['4147 00000000 00000002 00000002 00000000 02080000', FAULT.msnRange],
      ['4147 00000000 00000002 00000001 00000004 02080000', FAULT.invalidOffset],
      ['4143 00000000 00000002 00000001 00000000 02080000', FAULT.unexpectedOpcode],
    ] as const;
    for (const [ulpdu, fault] of wrong) {
      expect((await afterFpdu(ulpdu)).why).toBe(`terminated: ${fault.text}`);
    }
  });
});
