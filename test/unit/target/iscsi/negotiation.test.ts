import { describe, expect, test } from 'vitest';
import { check, format } from '../../../../src/objects/attribute.ts';
import { keyDeclaration, TPG_PARAMETERS, WIRE_KEYS } from '../../../../src/objects/iscsi_keys.ts';
import type { TpgParameterBag } from '../../../../src/objects/iscsi_keys.ts';
import { Negotiation, valueLimitOf } from '../../../../src/target/iscsi/negotiation.ts';

interface Play {
  readonly parameters?: TpgParameterBag;
  readonly discovery?: boolean;
}

function play({ parameters = {}, discovery = false }: Play = {}) {
  const negotiation = new Negotiation(parameters, discovery);
  return {
    negotiation,
    take: (key: string, value: string) => {
      const taken = negotiation.take(key, value);
      return taken.ok ? taken.answer : `refused: ${taken.rule}`;
    },
  };
}

describe('one key', () => {
  test.each<[string, string, string | undefined, TpgParameterBag?]>([
    ['HeaderDigest', 'CRC32C', 'CRC32C'],
    ['HeaderDigest', 'None,CRC32C', 'None'],
    ['HeaderDigest', 'X-org.example.digest,CRC32C', 'CRC32C'],
    ['HeaderDigest', 'CRC32C', 'Reject', { HeaderDigest: 'None' }],
    ['DataDigest', 'None', 'Reject', { DataDigest: 'CRC32C' }],
    ['DataDigest', 'crc32c', 'Reject'],
    ['DataDigest', '', 'Reject'],
    ['MaxConnections', '8', '1'],
    ['MaxConnections', '0', 'Reject'],
    ['MaxConnections', '65536', 'Reject'],
    ['InitialR2T', 'No', 'Yes'],
    ['InitialR2T', 'No', 'No', { InitialR2T: false }],
    ['InitialR2T', 'Yes', 'Yes', { InitialR2T: false }],
    ['InitialR2T', 'yes', 'Reject'],
    ['ImmediateData', 'Yes', 'Yes'],
    ['ImmediateData', 'Yes', 'No', { ImmediateData: false }],
    ['ImmediateData', 'No', 'No'],
    ['MaxBurstLength', '16776192', '262144'],
    ['MaxBurstLength', '0x10000', '65536'],
    ['MaxBurstLength', '1048576', '524288', { MaxBurstLength: 524_288 }],
    ['MaxBurstLength', '511', 'Reject'],
    ['MaxBurstLength', '16777216', 'Reject'],
    ['MaxBurstLength', '-1', 'Reject'],
    ['MaxBurstLength', '1e4', 'Reject'],
    ['MaxBurstLength', '99999999999999999999', 'Reject'],
    ['FirstBurstLength', '262144', '65536'],
    ['DefaultTime2Wait', '0', '2'],
    ['DefaultTime2Wait', '30', '30'],
    ['DefaultTime2Wait', '3601', 'Reject'],
    ['DefaultTime2Retain', '0', '0'],
    ['DefaultTime2Retain', '100', '20'],
    ['MaxOutstandingR2T', '16', '1'],
    ['MaxOutstandingR2T', '16', '8', { MaxOutstandingR2T: 8 }],
    ['DataPDUInOrder', 'No', 'Yes'],
    ['DataSequenceInOrder', 'No', 'Yes'],
    ['ErrorRecoveryLevel', '2', '0'],
    ['ErrorRecoveryLevel', '3', 'Reject'],
    ['IFMarker', 'No', 'No'],
    ['OFMarker', 'Yes', 'No'],
    ['IFMarkInt', '2048~65535', 'Reject'],
    ['OFMarkInt', '2048', 'Reject'],
    ['TaskReporting', 'FastAbort,ResponseFence,RFC3720', 'RFC3720'],
    ['TaskReporting', 'FastAbort', 'Reject'],
    ['iSCSIProtocolLevel', '2', '1'],
    ['iSCSIProtocolLevel', '0', '0'],
    ['iSCSIProtocolLevel', '32', 'Reject'],
    ['NodeArchitecture', 'anything,at,all', undefined],
    ['RDMAExtensions', 'Yes', 'No'],
    ['TargetRecvDataSegmentLength', '8192', 'NotUnderstood'],
    ['MaxRecvDataSegmentLength', '65536', undefined],
    ['MaxRecvDataSegmentLength', '511', 'Reject'],
    ['MaxXmitDataSegmentLength', '65536', 'NotUnderstood'],
    ['X-org.example.key', '1', 'NotUnderstood'],
    ['X#NodeArchitecture', '1', 'NotUnderstood'],
    ['maxburstlength', '8192', 'NotUnderstood'],
    ['__proto__', '1', 'NotUnderstood'],
    ['constructor', '1', 'NotUnderstood'],
    ['TargetAlias', 'mine', 'Reject'],
    ['TargetPortalGroupTag', '1', 'Reject'],
    ['TargetAddress', '10.0.0.1', 'Reject'],
    ['SendTargets', 'All', 'Reject'],
  ])('%s=%s is answered %s', (key, value, answer, parameters = {}) => {
    expect(play({ parameters }).take(key, value)).toBe(answer);
  });

  test.each([
    'MaxConnections',
    'InitialR2T',
    'ImmediateData',
    'MaxBurstLength',
    'FirstBurstLength',
    'MaxOutstandingR2T',
    'DataPDUInOrder',
    'DataSequenceInOrder',
    'TaskReporting',
    'iSCSIProtocolLevel',
  ])('%s is irrelevant in discovery', (key) => {
    expect(play({ discovery: true }).take(key, 'whatever')).toBe('Irrelevant');
  });

  test('no key is taken twice', () => {
    const { take } = play();
    expect(take('MaxBurstLength', '8192')).toBe('8192');
    expect(take('MaxBurstLength', '8192')).toMatch(/^refused/);
    expect(take('MaxRecvDataSegmentLength', '8192')).toBeUndefined();
    expect(take('MaxRecvDataSegmentLength', '8192')).toMatch(/^refused/);
  });

  test('a rejected key keeps its default', () => {
    const { negotiation, take } = play();
    expect(take('MaxBurstLength', '1')).toBe('Reject');
    expect(take('HeaderDigest', 'SHA')).toBe('Reject');
    expect(negotiation.keys()).toMatchObject({ maxBurstLength: 262_144, headerDigest: false });
  });
});

describe('several keys', () => {
  test('FirstBurstLength never exceeds MaxBurstLength', () => {
    const { negotiation, take } = play();
    take('MaxBurstLength', '4096');
    expect(take('FirstBurstLength', '65536')).toBe('4096');
    expect(negotiation.keys().firstBurstLength).toBe(4096);
    const unspoken = play();
    unspoken.take('MaxBurstLength', '4096');
    expect(unspoken.negotiation.keys().firstBurstLength).toBe(4096);
  });

  test('what we declare is MaxXmitDataSegmentLength unless MaxRecvDataSegmentLength is set', () => {
    const declared = (parameters: TpgParameterBag) =>
      new Map(play({ parameters }).negotiation.declarations()).get('MaxRecvDataSegmentLength');
    expect(declared({})).toBe('262144');
    expect(declared({ MaxXmitDataSegmentLength: 65_536 })).toBe('65536');
    expect(declared({ MaxRecvDataSegmentLength: 16_384 })).toBe('16384');
  });

  test('what we send is bounded by both sides', () => {
    const { negotiation, take } = play({ parameters: { MaxXmitDataSegmentLength: 65_536 } });
    expect(negotiation.keys().maxSendDataSegmentLength).toBe(8192);
    take('MaxRecvDataSegmentLength', '1048576');
    expect(negotiation.keys().maxSendDataSegmentLength).toBe(65_536);
  });

  test('only what differs from silence is offered, once; in discovery what matters there', () => {
    const parameters = {
      MaxBurstLength: 1_048_576,
      ImmediateData: false,
      HeaderDigest: 'CRC32C',
      DataDigest: 'None,CRC32C',
      DefaultTime2Retain: 0,
    } as const;
    const { negotiation, take } = play({ parameters });
    expect(take('ImmediateData', 'Yes')).toBe('No');
    expect(negotiation.offers()).toEqual([
      ['DefaultTime2Retain', '0'],
      ['HeaderDigest', 'CRC32C'],
      ['MaxBurstLength', '1048576'],
    ]);
    expect(negotiation.offers()).toEqual([]);
    expect(take('HeaderDigest', 'CRC32C')).toBeUndefined();
    expect(take('MaxBurstLength', '524288')).toBeUndefined();
    expect(take('DefaultTime2Retain', 'Reject')).toBeUndefined();
    expect(take('HeaderDigest', 'CRC32C')).toMatch(/^refused/);
    expect(negotiation.keys()).toMatchObject({
      headerDigest: true,
      maxBurstLength: 524_288,
      defaultTime2Retain: 20,
      immediateData: false,
    });
    const discovery = play({ parameters, discovery: true }).negotiation;
    expect(discovery.offers().map(([key]) => key)).toEqual(['DefaultTime2Retain', 'HeaderDigest']);
  });

  test('shown values are the results as text', () => {
    const { negotiation, take } = play();
    take('HeaderDigest', 'CRC32C');
    take('MaxRecvDataSegmentLength', '65536');
    negotiation.declarations();
    expect(negotiation.keys().shown).toMatchObject({
      HeaderDigest: 'CRC32C',
      DataDigest: 'None',
      InitialR2T: 'Yes',
      MaxRecvDataSegmentLength: '262144',
      MaxXmitDataSegmentLength: '65536',
    });
  });
});

describe('the key table', () => {
  test.each(WIRE_KEYS)('%s: its default passes its own check', (name) => {
    const key = keyDeclaration(name);
    expect(key && check(key, key.default)).toEqual({ ok: true, value: key?.default });
  });

  test('every negotiated key answers its own default with a result', () => {
    for (const name of WIRE_KEYS) {
      const key = keyDeclaration(name);
      if (!key || key.rule === 'declarative' || key.securityStage || key.iserOnly) continue;
      const answer = play().take(name, format(key, key.default));
      expect([name, answer]).toEqual([name, format(key, key.default).split(',')[0]]);
    }
  });

  test("LIO's MaxXmitDataSegmentLength is a parameter and no key", () => {
    expect(TPG_PARAMETERS).toHaveProperty('MaxXmitDataSegmentLength');
    expect(keyDeclaration('MaxXmitDataSegmentLength')).toBeUndefined();
  });

  test('only lists, binary values and unknown keys may be longer than 255 bytes', () => {
    expect(valueLimitOf('MaxBurstLength')).toBe(255);
    expect(valueLimitOf('InitiatorName')).toBe(223);
    expect(valueLimitOf('CHAP_N')).toBe(255);
    expect(valueLimitOf('CHAP_C')).toBe(2050);
    expect(valueLimitOf('AuthMethod')).toBeGreaterThan(255);
    expect(valueLimitOf('X-long')).toBeGreaterThan(255);
  });
});
