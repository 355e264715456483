import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BHS_LENGTH } from '../../../../src/target/pdu/bhs.ts';
import { encodeLoginResponse } from '../../../../src/target/pdu/login.ts';
import { TEXT_SEGMENT_MAX } from '../../../../src/target/pdu/text.ts';
import { fixturePdus } from '../fixtures.ts';
import { directoryOf, Login, MUTUAL, tpgOf } from './login_kit.ts';

const GOLDEN = [
  'login_normal_request',
  'login_discovery_request',
  'login_mutual_chap_requests',
].flatMap((name) => fixturePdus(name));

const directory = directoryOf(
  [
    tpgOf({ auth: MUTUAL, parameters: { InitialR2T: false } }),
    tpgOf({ name: 'iqn.2025-01.lab.lio:plain' }),
  ],
  { enable: false },
);

/** A captured request, cut, extended and with bytes overwritten. */
const mutated = fc
  .record({
    which: fc.nat({ max: GOLDEN.length - 1 }),
    cut: fc.option(fc.nat({ max: 400 })),
    headerEdits: fc.array(fc.tuple(fc.nat({ max: BHS_LENGTH - 1 }), fc.nat({ max: 255 })), {
      maxLength: 3,
    }),
    dataEdits: fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 4 }),
    tail: fc.uint8Array({ maxLength: 60 }),
  })
  .map(({ which, cut, headerEdits, dataEdits, tail }) => {
    const golden = GOLDEN[which] ?? { bhs: Buffer.alloc(BHS_LENGTH), data: Buffer.alloc(0) };
    const bhs = Buffer.from(golden.bhs);
    for (const [at, byte] of headerEdits) bhs.writeUInt8(byte, at);
    const kept = golden.data.subarray(0, cut ?? golden.data.length);
    const data = Buffer.concat([kept, tail]);
    for (const [at, byte] of dataEdits) if (at < data.length) data.writeUInt8(byte, at);
    return { bhs, data };
  });

describe('a login that is fed anything', () => {
  test('always answers with a well-formed response, and ends once', () => {
    fc.assert(
      fc.property(fc.array(mutated, { minLength: 1, maxLength: 8 }), (requests) => {
        const login = new Login(directory);
        let ended = false;
        for (const { bhs, data } of requests) {
          const step = login.raw(bhs, data);
          expect(step.text.length).toBeLessThanOrEqual(TEXT_SEGMENT_MAX);
          expect(encodeLoginResponse(step.response, step.text.length)).toHaveLength(BHS_LENGTH);
          if (ended) expect(step.status).not.toBe(0);
          if (step.status !== 0) expect(step).toMatchObject({ close: true, text: { length: 0 } });
          if (step.finished) expect(step.response).toMatchObject({ transit: true, nsg: 3 });
          ended ||= step.close === true || step.finished !== undefined;
        }
        expect(login.refusals.length).toBeLessThanOrEqual(1);
        expect(login.established.length).toBeLessThanOrEqual(1);
        for (const { rule } of login.refusals) {
          expect(rule).toMatch(/^\P{C}+$/u);
          expect(rule).not.toContain('secret-of');
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('never lets anyone in who must authenticate and did not', () => {
    const guarded = directoryOf(
      [
        tpgOf({ auth: MUTUAL, attributes: { authentication: true, generate_node_acls: true } }),
        tpgOf({
          name: 'iqn.2025-01.lab.lio:plain',
          auth: MUTUAL,
          attributes: { authentication: true, generate_node_acls: true },
        }),
      ],
      { enable: true, ...MUTUAL },
    );
    fc.assert(
      fc.property(fc.array(mutated, { minLength: 1, maxLength: 8 }), (requests) => {
        const login = new Login(guarded);
        for (const { bhs, data } of requests) login.raw(bhs, data);
        expect(login.established).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});
