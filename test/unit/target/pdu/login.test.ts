import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BHS_LENGTH } from '../../../../src/target/pdu/bhs.ts';
import {
  decodeLoginResponse,
  encodeLoginResponse,
  invalidLoginRequest,
  LOGIN_STATUS,
  LoginRequest,
} from '../../../../src/target/pdu/login.ts';
import { fixturePdu } from '../fixtures.ts';

describe('Login Request', () => {
  test('of open-iscsi is read field by field', () => {
    const pdu = new LoginRequest(fixturePdu('login_normal_request').bhs);
    expect({
      transit: pdu.transit,
      continues: pdu.continues,
      csg: pdu.csg,
      nsg: pdu.nsg,
      versions: [pdu.versionMin, pdu.versionMax],
      isid: pdu.isid,
      tsih: pdu.tsih,
      itt: pdu.itt,
      cid: pdu.cid,
      cmdSN: pdu.cmdSN,
      expStatSN: pdu.expStatSN,
    }).toEqual({
      transit: true,
      continues: false,
      csg: 1,
      nsg: 3,
      versions: [0, 0],
      isid: '00023d000004',
      tsih: 0,
      itt: 0,
      cid: 0,
      cmdSN: 0,
      expStatSN: 0,
    });
    expect(invalidLoginRequest(pdu.bhs)).toBeUndefined();
  });

  test('any header is read without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: BHS_LENGTH, maxLength: BHS_LENGTH }), (bytes) => {
        const reason = invalidLoginRequest(Buffer.from(bytes));
        expect(reason === undefined || reason.length > 0).toBe(true);
      }),
    );
  });

  test.each<[string, number, number]>([
    ['no I bit', 0, 0x03],
    ['additional header segments', 4, 1],
    ['reserved flags', 1, 0x97],
    ['C with T', 1, 0xc7],
    ['stage 2', 1, 0x8b],
    ['back to security', 1, 0x84],
  ])('%s is invalid', (_what, at, byte) => {
    const bhs = Buffer.from(fixturePdu('login_normal_request').bhs);
    bhs.writeUInt8(byte, at);
    expect(invalidLoginRequest(bhs)).toBeDefined();
  });
});

describe('Login Response', () => {
  test('of LIO is what we encode from its fields, but for the sequence numbers', () => {
    const { bhs, data } = fixturePdu('login_normal_response');
    const expected = Buffer.from(bhs).fill(0, 24, 36);
    const ours = encodeLoginResponse(decodeLoginResponse(bhs), data.length);
    expect(ours.toString('hex')).toBe(expected.toString('hex'));
  });

  test('encode and decode are inverse', () => {
    const fields = fc.record({
      itt: fc.nat({ max: 0xffff_ffff }),
      isid: fc.stringMatching(/^[0-9a-f]{12}$/),
      tsih: fc.nat({ max: 0xffff }),
      transit: fc.boolean(),
      continues: fc.boolean(),
      csg: fc.nat({ max: 3 }),
      nsg: fc.nat({ max: 3 }),
      statusClass: fc.nat({ max: 255 }),
      statusDetail: fc.nat({ max: 255 }),
    });
    fc.assert(
      fc.property(fields, fc.nat({ max: 0xff_ffff }), (all, textLength) => {
        const decoded = decodeLoginResponse(encodeLoginResponse(all, textLength));
        expect(decoded).toEqual({ ...all, textLength });
      }),
    );
  });

  test('statuses are distinct', () => {
    const values = Object.values(LOGIN_STATUS);
    expect(new Set(values).size).toBe(values.length);
  });
});
