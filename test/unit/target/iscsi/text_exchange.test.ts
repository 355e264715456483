import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoginResult, TargetDirectory } from '../../../../src/target/iscsi/directory.ts';
import { TextMachine } from '../../../../src/target/iscsi/text_exchange.ts';
import type { TextStep } from '../../../../src/target/iscsi/text_exchange.ts';
import { BHS_LENGTH, RESERVED_TAG } from '../../../../src/target/pdu/bhs.ts';
import { directoryOf, DISCOVERY, ENDPOINT, Login, NAMES, TARGET, tpgOf } from './login_kit.ts';
import type { Pairs } from './login_kit.ts';

function resultOf(directory: TargetDirectory, names: Pairs, keys: Pairs = {}): LoginResult {
  const { finished } = new Login(directory).send({}, { ...names, ...keys });
  if (!finished) throw new Error('the login of the test failed');
  return finished;
}

function machineOf(
  directory = directoryOf([tpgOf()]),
  names: Pairs = DISCOVERY,
  keys: Pairs = {},
): TextMachine {
  const result = resultOf(directory, names, keys);
  return new TextMachine({ directory, endpoint: ENDPOINT, result });
}

interface RequestBits {
  readonly final?: boolean;
  readonly continues?: boolean;
  readonly itt?: number;
  readonly ttt?: number;
}
function requestOf({ final = true, continues = false, itt = 5, ttt = RESERVED_TAG }: RequestBits) {
  const bhs = Buffer.alloc(BHS_LENGTH);
  bhs.writeUInt8(0x44, 0);
  bhs.writeUInt8((final ? 0x80 : 0) | (continues ? 0x40 : 0), 1);
  bhs.writeUInt32BE(itt, 16);
  bhs.writeUInt32BE(ttt, 20);
  return bhs;
}
function send(machine: TextMachine, text: string, bits: RequestBits = {}): TextStep {
  return machine.step(requestOf(bits), Buffer.from(text));
}
function answered(step: TextStep) {
  if ('reject' in step) throw new Error(`rejected: ${step.rule}`);
  return { ...step, said: step.text.toString() };
}
const rejection = (step: TextStep) => ('reject' in step ? step.reject : undefined);

describe('SendTargets', () => {
  test('All answers a discovery session', () => {
    expect(answered(send(machineOf(), 'SendTargets=All\0'))).toMatchObject({
      response: { itt: 5, ttt: RESERVED_TAG, final: true, continues: false },
      said: `TargetName=${TARGET}\0TargetAddress=127.0.0.1:3260,1\0`,
    });
  });

  test('a normal session learns of its own target only', () => {
    const other = tpgOf({ name: 'iqn.2003-01.org.example:other' });
    const machine = machineOf(directoryOf([other, tpgOf()]), NAMES);
    const own = `TargetName=${TARGET}\0TargetAddress=127.0.0.1:3260,1\0`;
    expect(answered(send(machine, 'SendTargets=\0')).said).toBe(own);
    expect(answered(send(machine, `SendTargets=${TARGET}\0`)).said).toBe(own);
    expect(answered(send(machine, 'SendTargets=All\0')).said).toBe(own);
    expect(answered(send(machine, 'SendTargets=iqn.2003-01.org.example:other\0')).said).toBe('');
  });

  test.each(['Alle', 'A', 'all', '*'])('SendTargets=%s is rejected', (value) => {
    expect(rejection(send(machineOf(), `SendTargets=${value}\0`))).toBe(0x04);
    expect(rejection(send(machineOf(undefined, NAMES), `SendTargets=${value}\0`))).toBe(0x04);
  });

  test('an empty value means nothing in discovery', () => {
    expect(rejection(send(machineOf(), 'SendTargets=\0'))).toBe(0x04);
  });

  test('thousands of targets come in pieces of what the initiator receives', () => {
    const count = 3000;
    const name = (i: number) => `iqn.2003-01.org.example:disk${i}`;
    const tpgs = Array.from({ length: count }, (_, i) => tpgOf({ name: name(i) }));
    const segment = { MaxRecvDataSegmentLength: '4096' };
    const machine = machineOf(directoryOf(tpgs), DISCOVERY, segment);
    let step = answered(send(machine, 'SendTargets=All\0'));
    let text = step.said;
    let pieces = 1;
    while (!step.response.final) {
      expect(step.text).toHaveLength(4096);
      expect(step.response).toMatchObject({ continues: true, itt: 5 });
      expect(step.response.ttt).not.toBe(RESERVED_TAG);
      step = answered(send(machine, '', { ttt: step.response.ttt }));
      text += step.said;
      pieces += 1;
    }
    expect(pieces).toBe(Math.ceil(text.length / 4096));
    expect(step.response).toMatchObject({ ttt: RESERVED_TAG, continues: false });
    const expected = tpgs.map(
      (tpg) => `TargetName=${tpg.targetName}\0TargetAddress=127.0.0.1:3260,1\0`,
    );
    expect(text).toBe(expected.join(''));
  });

  test('an answer of exactly one segment is one piece', () => {
    const said = `TargetName=${TARGET}\0TargetAddress=127.0.0.1:3260,1\0`;
    const padding = 512 - said.length - 'TargetName=\0TargetAddress=127.0.0.1:3260,1\0'.length;
    const second = tpgOf({ name: 'i'.repeat(padding) });
    const segment = { MaxRecvDataSegmentLength: '512' };
    const machine = machineOf(directoryOf([tpgOf(), second]), DISCOVERY, segment);
    const step = answered(send(machine, 'SendTargets=All\0'));
    expect(step.text).toHaveLength(512);
    expect(step.response.final).toBe(true);
  });
});

describe('keys', () => {
  test('unknown keys, login keys and target keys are answered', () => {
    const text =
      'X-org.example.a=1\0New=All\0MaxBurstLength=8192\0TargetAlias=x\0InitiatorAlias=y\0';
    expect(answered(send(machineOf(), text)).said).toBe(
      'X-org.example.a=NotUnderstood\0New=NotUnderstood\0' +
        'MaxBurstLength=Reject\0TargetAlias=Reject\0',
    );
  });

  test.each(['SendTargetsPlease=All\0', 'sENDtARGETS=aLL\0'])('only foreign names: %s', (text) => {
    expect(rejection(send(machineOf(), text))).toBe(0x04);
  });

  test('a new MaxRecvDataSegmentLength takes effect when the exchange ends', () => {
    const machine = machineOf(undefined, NAMES, { MaxRecvDataSegmentLength: '65536' });
    const open = answered(send(machine, 'MaxRecvDataSegmentLength=4096\0', { final: false }));
    expect(open.newMaxSendDataSegmentLength).toBeUndefined();
    expect(open.response).toMatchObject({ final: false, continues: false });
    const end = answered(send(machine, '', { ttt: open.response.ttt }));
    expect(end.newMaxSendDataSegmentLength).toBe(4096);
    expect(end.response.final).toBe(true);
  });

  test('it is capped by what we are willing to send', () => {
    const step = answered(send(machineOf(), 'MaxRecvDataSegmentLength=16777215\0'));
    expect(step.newMaxSendDataSegmentLength).toBe(262_144);
  });

  test('out of range it is rejected and nothing changes', () => {
    const step = answered(send(machineOf(), 'MaxRecvDataSegmentLength=100\0'));
    expect(step.said).toBe('MaxRecvDataSegmentLength=Reject\0');
    expect(step.newMaxSendDataSegmentLength).toBeUndefined();
  });

  test('an exchange that is begun anew or fails keeps the old value', () => {
    const machine = machineOf();
    answered(send(machine, 'MaxRecvDataSegmentLength=4096\0', { final: false }));
    const anew = answered(send(machine, ''));
    expect(anew.newMaxSendDataSegmentLength).toBeUndefined();
    const open = answered(send(machine, 'MaxRecvDataSegmentLength=4096\0', { final: false }));
    expect(rejection(send(machine, 'garbage', { ttt: open.response.ttt }))).toBe(0x04);
    expect(rejection(send(machine, '', { ttt: open.response.ttt }))).toBe(0x09);
  });
});

describe('exchange rules', () => {
  test('a C-bit chain is joined before it is read', () => {
    const machine = machineOf();
    const first = answered(send(machine, 'SendTar', { final: false, continues: true }));
    expect(first.response).toMatchObject({ final: false, continues: false });
    expect(first.text).toHaveLength(0);
    const last = answered(send(machine, 'gets=All\0', { ttt: first.response.ttt }));
    expect(last.said).toContain(TARGET);
  });

  test.each<[string, RequestBits]>([
    ['a TTT of no exchange', { ttt: 77 }],
    ['C with F', { continues: true }],
    ['the reserved ITT', { itt: RESERVED_TAG }],
  ])('%s is rejected', (_what, bits) => {
    expect(rejection(send(machineOf(), '', bits))).toBeDefined();
  });

  test('another ITT does not continue the exchange', () => {
    const machine = machineOf();
    const open = answered(send(machine, '', { final: false }));
    expect(rejection(send(machine, '', { ttt: open.response.ttt, itt: 6 }))).toBe(0x09);
  });

  test('a chain without end is cut off', () => {
    const machine = machineOf();
    let ttt = RESERVED_TAG;
    let step: TextStep | undefined;
    for (let i = 0; i < 5 && !(step && 'reject' in step); i += 1) {
      step = send(machine, 'x'.repeat(4096), { ttt, final: false, continues: true });
      if (!('reject' in step)) ttt = step.response.ttt;
    }
    expect(step && rejection(step)).toBe(0x04);
  });

  test('any requests in any order are answered or rejected', () => {
    const request = fc.record({
      final: fc.boolean(),
      continues: fc.boolean(),
      itt: fc.constantFrom(5, 6, RESERVED_TAG),
      ttt: fc.constantFrom(1, 2, 3, RESERVED_TAG),
      text: fc.oneof(
        fc.constantFrom('SendTargets=All\0', 'MaxRecvDataSegmentLength=512\0', 'X=1\0', ''),
        fc.string(),
      ),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), (requests) => {
        const machine = machineOf();
        for (const { text, ...bits } of requests) {
          const step = send(machine, text, bits);
          if ('reject' in step) continue;
          expect(step.text.length).toBeLessThanOrEqual(8192);
          // F only in answer to F, and C never with it.
          if (step.response.final) expect(bits.final).toBe(true);
          expect(step.response.final && step.response.continues).toBe(false);
          expect(step.response.final).toBe(step.response.ttt === RESERVED_TAG);
        }
      }),
      { numRuns: 300 },
    );
  });
});
