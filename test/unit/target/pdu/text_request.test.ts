import { describe, expect, test } from 'vitest';
import { BHS_LENGTH, RESERVED_TAG } from '../../../../src/target/pdu/bhs.ts';
import {
  encodeTextResponse,
  invalidTextRequest,
  TextRequest,
} from '../../../../src/target/pdu/text_request.ts';
import { fixturePdu } from '../fixtures.ts';

describe('Text Request', () => {
  test('of open-iscsi is read field by field', () => {
    const { bhs, data } = fixturePdu('text_send_targets_request');
    const { final, continues, itt, ttt } = new TextRequest(bhs);
    expect({ final, continues, itt, ttt }).toEqual({
      final: true,
      continues: false,
      itt: 1,
      ttt: RESERVED_TAG,
    });
    expect(data.toString()).toBe('SendTargets=All\0');
    expect(invalidTextRequest(bhs)).toBeUndefined();
  });

  test.each([
    ['C with F', 1, 0xc0],
    ['reserved Initiator Task Tag', 16, 0xff],
  ])('%s is invalid', (_what, at, byte) => {
    const bhs = Buffer.from(fixturePdu('text_send_targets_request').bhs);
    if (at === 16) bhs.writeUInt32BE(RESERVED_TAG, at);
    else bhs.writeUInt8(byte, at);
    expect(invalidTextRequest(bhs)).toBeDefined();
  });
});

describe('Text Response', () => {
  test('of LIO is what we encode, but for the sequence numbers', () => {
    const { bhs, data } = fixturePdu('text_send_targets_response');
    const fields = { itt: 1, ttt: RESERVED_TAG, final: true, continues: false };
    const expected = Buffer.from(bhs).fill(0, 24, 36);
    const ours = encodeTextResponse(fields, data.length);
    expect(ours.toString('hex')).toBe(expected.toString('hex'));
    expect(ours).toHaveLength(BHS_LENGTH);
  });

  test('a piece of a longer answer carries C and a tag, not F', () => {
    const fields = { itt: 7, ttt: 9, final: false, continues: true };
    const { final, continues, itt, ttt } = new TextRequest(encodeTextResponse(fields, 512));
    expect({ final, continues, itt, ttt }).toEqual(fields);
  });
});
