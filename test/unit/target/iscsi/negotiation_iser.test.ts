/** The keys of RFC 7145 §6, on a connection that moves data by RDMA. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Negotiation } from '../../../../src/target/iscsi/negotiation.ts';

const onIser = (discovery = false): Negotiation => new Negotiation({}, discovery, true);

function answerTo(negotiation: Negotiation, key: string, value: string): string | undefined {
  const taken = negotiation.take(key, value);
  return taken.ok ? taken.answer : `refused: ${taken.rule}`;
}

describe('one key', () => {
  test.each<[string, string, string | undefined]>([
    ['RDMAExtensions', 'Yes', 'Yes'],
    ['RDMAExtensions', 'No', 'No'],
    ['TargetRecvDataSegmentLength', '262144', '8192'],
    ['TargetRecvDataSegmentLength', '8192', '8192'],
    ['TargetRecvDataSegmentLength', '512', '512'],
    ['TargetRecvDataSegmentLength', '511', 'Reject'],
    ['InitiatorRecvDataSegmentLength', '262144', '262144'],
    ['InitiatorRecvDataSegmentLength', '16777215', '262144'],
    ['InitiatorRecvDataSegmentLength', '4096', '4096'],
    ['MaxOutstandingUnexpectedPDUs', '0', undefined],
    ['MaxOutstandingUnexpectedPDUs', '4294967295', undefined],
    ['MaxOutstandingUnexpectedPDUs', '4294967296', 'Reject'],
    ['MaxAHSLength', '256', undefined],
    ['TaggedBufferForSolicitedDataOnly', 'Yes', 'Yes'],
    ['TaggedBufferForSolicitedDataOnly', 'No', 'No'],
    ['iSERHelloRequired', 'Yes', 'Yes'],
    ['iSERHelloRequired', 'No', 'No'],
    ['HeaderDigest', 'CRC32C,None', 'None'],
    ['HeaderDigest', 'CRC32C', 'Reject'],
    ['DataDigest', 'None,CRC32C', 'None'],
    ['DataDigest', 'CRC32C', 'Reject'],
  ])('%s=%s is answered with %s', (key, value, wanted) => {
    expect(answerTo(onIser(), key, value)).toBe(wanted);
  });
});

test('without RDMAExtensions=Yes there is no session, but discovery there is', () => {
  expect(onIser().refusal()).toContain('RDMAExtensions=Yes');
  const agreed = onIser();
  answerTo(agreed, 'RDMAExtensions', 'Yes');
  expect(agreed.refusal()).toBeNull();
  expect(onIser(true).refusal()).toBeNull();
});

test('whatever is offered, the result is within what both sides said', () => {
  const lengths = fc.option(fc.integer({ min: 512, max: 16_777_215 }), { nil: undefined });
  const flags = fc.option(fc.boolean(), { nil: undefined });
  const unexpected = fc.option(fc.integer({ min: 2, max: 4_294_967_295 }), { nil: undefined });
  const offers = fc.record({
    ours: lengths,
    theirs: lengths,
    hello: flags,
    only: flags,
    unexpected,
  });
  fc.assert(
    fc.property(offers, ({ ours, theirs, hello, only, unexpected }) => {
      const negotiation = onIser();
      const yesNo = (flag?: boolean) => (flag === undefined ? undefined : flag ? 'Yes' : 'No');
      const offered: [string, string | number | undefined][] = [
        ['RDMAExtensions', 'Yes'],
        ['TargetRecvDataSegmentLength', ours],
        ['InitiatorRecvDataSegmentLength', theirs],
        ['iSERHelloRequired', yesNo(hello)],
        ['TaggedBufferForSolicitedDataOnly', yesNo(only)],
        ['MaxOutstandingUnexpectedPDUs', unexpected],
      ];
      for (const [key, value] of offered) {
        if (value !== undefined)
          expect(answerTo(negotiation, key, String(value))).not.toBe('Reject');
      }
      const keys = negotiation.keys();
      expect(keys.maxRecvDataSegmentLength).toBe(Math.min(ours ?? 8192, 8192));
      // The kernel's initiator posts buffers for 128 bytes of data.
      expect(keys.maxSendDataSegmentLength).toBe(128);
      expect([keys.headerDigest, keys.dataDigest]).toEqual([false, false]);
      expect(keys.iser).toEqual({
        helloRequired: hello ?? false,
        solicitedOnly: only ?? true,
        maxOutstandingUnexpectedPDUs: unexpected ?? 0,
      });
      expect(negotiation.refusal()).toBeNull();
    }),
  );
});
