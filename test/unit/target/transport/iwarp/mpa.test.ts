/** MPA frames and what two sides agree on, against recordings and by property. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEPTH_OPEN,
  encodeMpaFrame,
  opensWithMpa,
  parseMpaFrame,
  type MpaFrame,
} from '../../../../../src/target/transport/iwarp/mpa_frame.ts';
import {
  answerMpaRequest,
  mpaRequestOf,
  takeMpaReply,
  type MpaOffer,
} from '../../../../../src/target/transport/iwarp/mpa_negotiation.ts';
import { Startup } from '../../../../../src/target/transport/iwarp/startup.ts';
import { hexLines } from '../../../../support/hex_fixture.ts';

const NONE = Buffer.alloc(0);
const ISER = Buffer.from('80000000', 'hex');
const OFFER: MpaOffer = { crc: false, ird: 1, ord: 128, privateData: ISER };

function complete(bytes: Buffer, kind: 'request' | 'reply'): MpaFrame {
  const parsed = parseMpaFrame(bytes, kind);
  if (parsed.state !== 'complete') throw new Error(`frame is ${parsed.state}`);
  expect(parsed.length).toBe(bytes.length);
  return parsed.frame;
}

const depths = fc.record({
  ird: fc.nat(DEPTH_OPEN),
  ord: fc.nat(DEPTH_OPEN),
  peerToPeer: fc.boolean(),
  rtrEmpty: fc.boolean(),
  rtrWrite: fc.boolean(),
  rtrRead: fc.boolean(),
});
const frames = fc.record({
  markers: fc.boolean(),
  crc: fc.boolean(),
  reject: fc.boolean(),
  revision: fc.constant(2),
  depths: fc.option(depths, { nil: null }),
  privateData: fc.uint8Array({ maxLength: 508 }).map((bytes) => Buffer.from(bytes)),
});

describe('frames', () => {
  test('the kernel’s request and reply are read and written byte for byte', () => {
    const [request = NONE] = hexLines('iser/session_crc_initiator.hex');
    const [reply = NONE] = hexLines('iser/session_crc_target.hex');
    const asked = complete(request, 'request');
    expect(asked).toMatchObject({ crc: true, markers: false, reject: false, revision: 2 });
    expect(asked.depths).toMatchObject({ ird: 128, ord: 1, peerToPeer: false });
    expect(asked.privateData).toEqual(ISER);
    expect(encodeMpaFrame('request', asked)).toEqual(request);
    expect(encodeMpaFrame('reply', complete(reply, 'reply'))).toEqual(reply);
  });

  test('our answer to the kernel’s request is the kernel target’s', () => {
    const [request = NONE] = hexLines('iser/session_crc_initiator.hex');
    const [reply = NONE] = hexLines('iser/session_crc_target.hex');
    const answer = answerMpaRequest(complete(request, 'request'), OFFER);
    expect(answer.ok && answer.reply).toEqual(reply);
  });

  test('every frame survives encoding and parsing', () => {
    fc.assert(
      fc.property(frames, fc.constantFrom('request' as const, 'reply' as const), (frame, kind) => {
        expect(complete(encodeMpaFrame(kind, frame), kind)).toEqual(frame);
      }),
    );
  });

  test('every beginning of a frame is incomplete, and known for MPA by its key', () => {
    const bytes = mpaRequestOf(OFFER, true);
    for (let length = 0; length < bytes.length; length++) {
      const part = bytes.subarray(0, length);
      expect(parseMpaFrame(part, 'request').state).toBe('incomplete');
      expect(opensWithMpa(part)).toBe(length < 16 ? 'maybe' : 'yes');
    }
    expect(opensWithMpa(Buffer.from([0x43, 0x87]))).toBe('no');
    expect(opensWithMpa(Buffer.from('MPA ID Rep Frame'))).toBe('no');
  });

  test('any bytes parse to something, and too much private data to an error', () => {
    const key = Buffer.from('MPA ID Req Frame');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.boolean(), (tail, keyed) => {
        const bytes = keyed ? Buffer.concat([key, tail]) : Buffer.from(tail);
        expect(['incomplete', 'invalid', 'complete']).toContain(
          parseMpaFrame(bytes, 'request').state,
        );
      }),
    );
    const long = Buffer.concat([key, Buffer.from([0, 1, 2, 1])]);
    expect(parseMpaFrame(long, 'request').state).toBe('invalid');
    const wordless = Buffer.concat([key, Buffer.from([0x10, 2, 0, 3, 0, 0, 0])]);
    expect(parseMpaFrame(wordless, 'request').state).toBe('invalid');
  });
});

describe('agreement', () => {
  const offers = fc.record({
    crc: fc.boolean(),
    ird: fc.nat(300),
    ord: fc.nat(300),
    privateData: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  });

  test('both sides agree: CRC if one wants it, reads within what the other serves', () => {
    fc.assert(
      fc.property(offers, offers, fc.boolean(), (ours, theirs, enhanced) => {
        const answer = answerMpaRequest(complete(mpaRequestOf(ours, enhanced), 'request'), theirs);
        if (!answer.ok) throw new Error(answer.why);
        const outcome = takeMpaReply(complete(answer.reply, 'reply'), ours, enhanced);
        if (!outcome.ok) throw new Error(outcome.why);
        const [responder, initiator] = [answer.agreement, outcome.agreement];
        expect(responder.crc).toBe(ours.crc || theirs.crc);
        expect(initiator.crc).toBe(responder.crc);
        if (enhanced) {
          expect(initiator.ord).toBeLessThanOrEqual(responder.ird);
          expect(responder.ord).toBeLessThanOrEqual(initiator.ird);
        }
        expect(responder.ord).toBeLessThanOrEqual(theirs.ord);
        expect(initiator.ord).toBeLessThanOrEqual(ours.ord);
        expect(responder.privateData).toEqual(ours.privateData);
        expect(initiator.privateData).toEqual(theirs.privateData);
      }),
    );
  });

  const request = (changes: Partial<MpaFrame>): MpaFrame => ({
    ...complete(mpaRequestOf(OFFER, true), 'request'),
    ...changes,
  });

  test('markers are refused with a reject frame, an unknown revision by closing', () => {
    const markers = answerMpaRequest(request({ markers: true }), OFFER);
    expect(markers.ok).toBe(false);
    const reply = markers.ok ? null : markers.reply;
    expect(complete(reply ?? NONE, 'reply')).toMatchObject({ reject: true, markers: false });
    const revision = answerMpaRequest(request({ revision: 3 }), OFFER);
    expect(revision).toMatchObject({ ok: false, reply: null });
  });

  test('a peer-to-peer request gets one of the frames it can send, or is refused', () => {
    const base = { ird: 8, ord: 8, peerToPeer: true };
    const none = { rtrEmpty: false, rtrWrite: false, rtrRead: false };
    for (const rtr of ['rtrWrite', 'rtrRead', 'rtrEmpty'] as const) {
      const answer = answerMpaRequest(
        request({ depths: { ...base, ...none, [rtr]: true } }),
        OFFER,
      );
      if (!answer.ok) throw new Error(answer.why);
      expect(complete(answer.reply, 'reply').depths).toMatchObject({
        ...none,
        peerToPeer: true,
        [rtr]: true,
      });
    }
    expect(answerMpaRequest(request({ depths: { ...base, ...none } }), OFFER).ok).toBe(false);
  });

  test('a reply that rejects, changes the revision, drops CRC or reads too much ends it', () => {
    const good = complete(hexLines('iser/session_crc_target.hex')[0] ?? NONE, 'reply');
    const ours: MpaOffer = { crc: true, ird: 128, ord: 1, privateData: ISER };
    expect(takeMpaReply(good, ours, true).ok).toBe(true);
    const plain = { peerToPeer: false, rtrEmpty: false, rtrWrite: false, rtrRead: false };
    const bad: Partial<MpaFrame>[] = [
      { reject: true },
      { revision: 1 },
      { markers: true },
      { crc: false },
      { depths: null },
      { depths: { ...plain, ird: 1, ord: 129 } },
    ];
    for (const changes of bad) {
      expect(takeMpaReply({ ...good, ...changes }, ours, true).ok).toBe(false);
    }
  });
});

describe('startup of a responder', () => {
  const responder = () => new Startup({ role: 'responder', offerFor: () => OFFER });

  test('agrees at any cut of the request', () => {
    const bytes = mpaRequestOf({ ...OFFER, ird: 128 }, true);
    for (let at = 1; at < bytes.length; at++) {
      const startup = responder();
      expect(startup.take(bytes.subarray(0, at)).state).toBe('incomplete');
      expect(startup.take(bytes.subarray(at)).state).toBe('agreed');
    }
  });

  test('refuses bytes behind the request, and whom the user refuses', () => {
    const bytes = mpaRequestOf(OFFER, true);
    expect(responder().take(Buffer.concat([bytes, Buffer.alloc(1)])).state).toBe('refused');
    const startup = new Startup({ role: 'responder', offerFor: () => 'not today' });
    const step = startup.take(bytes);
    expect(step).toMatchObject({ state: 'refused', why: 'not today' });
    expect(step.state === 'refused' && step.reply !== null).toBe(true);
  });
});
