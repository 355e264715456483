/** Commands that move data, over a real socket: Data-In, R2T, unsolicited data, residuals. */
import { describe, expect, test } from 'vitest';
import { OP, RESERVED, type Answer, type Initiator } from '../../../loopback/initiator.ts';
import { cdbOf, patternOf } from '../../../loopback/served.ts';
import { bench } from './served_kit.ts';

const SMALL = { MaxBurstLength: '1024', FirstBurstLength: '512', MaxRecvDataSegmentLength: '512' };
const read = (length: number, edtl = length) => ({ read: true, edtl, cdb: cdbOf(length) });
const write = (length: number, edtl = length) => ({ write: true, edtl, cdb: cdbOf(length) });

describe('data_in', () => {
  test('is cut by segment length, F ends each burst, DataSN counts from 0', async () => {
    const initiator = await (await bench()).login(SMALL);
    const done = await initiator.run(read(2600));
    expect(done.data.equals(patternOf(2600))).toBe(true);
    const dataIn = done.answers.filter((answer) => answer.opcode === OP.DATA_IN);
    expect(dataIn.map((answer) => answer.data.length)).toEqual([512, 512, 512, 512, 512, 40]);
    expect(dataIn.map((answer) => answer.final)).toEqual([false, true, false, true, false, true]);
    expect(dataIn.map((answer) => answer.dataSN)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(dataIn.map((answer) => answer.bufferOffset)).toEqual([0, 512, 1024, 1536, 2048, 2560]);
    for (const answer of dataIn) {
      expect(answer.ttt).toBe(RESERVED);
      expect(answer.lunField.equals(Buffer.alloc(8))).toBe(true);
    }
  });

  test('carries GOOD status in its last PDU, with a StatSN only there', async () => {
    const initiator = await (await bench()).login(SMALL);
    const before = initiator.expStatSN;
    const { answers, last } = await initiator.run(read(1000));
    expect(last.opcode).toBe(OP.DATA_IN);
    expect(last.final).toBe(true);
    expect(last.statSN).toBe(before);
    expect(answers.slice(0, -1).map((answer) => answer.statSN)).toEqual([0]);
    const next = await initiator.run(read(8));
    expect(next.last.statSN).toBe(before + 1);
  });

  test('larger than the stage arrives whole and in order, whatever the chunking', async () => {
    const initiator = await (await bench()).login({ MaxRecvDataSegmentLength: '262144' });
    const length = 3_000_001;
    const { data, status, last } = await initiator.run(read(length));
    expect(status).toBe(0);
    expect(data.equals(patternOf(length))).toBe(true);
    expect(last.underflow || last.overflow).toBe(false);
  });

  test.each([
    ['command wants less', 100, 512, 'underflow', 412],
    ['command wants more', 512, 100, 'overflow', 412],
    ['command wants all', 512, 512, 'none', 0],
  ])('residual when the %s', async (_name, length, edtl, flag, residual) => {
    const initiator = await (await bench()).login();
    const { data, last } = await initiator.run(read(length, edtl));
    expect(data.length).toBe(Math.min(length, edtl));
    const said = last.underflow ? 'underflow' : last.overflow ? 'overflow' : 'none';
    expect([said, last.residual]).toEqual([flag, residual]);
    expect(last.underflow && last.overflow).toBe(false);
  });

  test('is not sent at all for an EDTL of 0: overflow alone', async () => {
    const initiator = await (await bench()).login();
    const { answers, last } = await initiator.run({ ...read(512, 0) });
    expect(answers.length).toBe(1);
    expect(last.opcode).toBe(OP.SCSI_RESPONSE);
    expect([last.overflow, last.residual]).toEqual([true, 512]);
  });

  test('with sense data never carries the status', async () => {
    const kit = await bench();
    kit.device.behaviour = (task) => {
      task.dataInLength = 512;
      task.sendDataIn(patternOf(256), 0, () => {});
      task.sense = Buffer.from('700003000000000a00000000110000000000', 'hex');
      kit.device.complete(task, 2);
    };
    const initiator = await kit.login();
    const { last, sense, status } = await initiator.run(read(512));
    expect(last.opcode).toBe(OP.SCSI_RESPONSE);
    expect([status, sense]).toEqual([2, '03/11/00']);
    expect([last.underflow, last.residual]).toEqual([true, 256]);
    expect(last.dataSN).toBe(1);
  });

  test('that the device sends late has its status in a response of its own', async () => {
    const kit = await bench();
    kit.device.behaviour = (task) => {
      task.dataInLength = 20_000;
      // Too long to be copied: `sent` comes once the socket has it.
      task.sendDataIn(patternOf(20_000), 0, () => kit.device.complete(task));
    };
    const initiator = await kit.login();
    const { last, data } = await initiator.run(read(20_000));
    expect(last.opcode).toBe(OP.SCSI_RESPONSE);
    expect(data.equals(patternOf(20_000))).toBe(true);
    expect(last.dataSN).toBe(3);
  });
});

describe('solicited_data', () => {
  test('is asked for in bursts, with R2TSN and a tag each, LUN as in the command', async () => {
    const kit = await bench();
    const initiator = await kit.login({ ...SMALL, ImmediateData: 'No' });
    const payload = patternOf(2600);
    const { answers, status, last } = await initiator.run({ ...write(2600), payload });
    expect(status).toBe(0);
    expect(kit.written[0]!.equals(payload)).toBe(true);
    const r2ts = answers.filter((answer) => answer.opcode === OP.R2T);
    expect(r2ts.map((r2t) => [r2t.bufferOffset, r2t.residual])).toEqual([
      [0, 1024],
      [1024, 1024],
      [2048, 552],
    ]);
    expect(r2ts.map((r2t) => r2t.dataSN)).toEqual([0, 1, 2]);
    expect(r2ts.every((r2t) => r2t.ttt !== RESERVED && r2t.final)).toBe(true);
    expect(last.dataSN).toBe(3);
  });

  test('R2T carries the next StatSN without using it', async () => {
    const initiator = await (await bench()).login({ ImmediateData: 'No' });
    const statSN = initiator.expStatSN;
    const { answers, last } = await initiator.run({ ...write(8), payload: patternOf(8) });
    expect(answers[0]!.opcode).toBe(OP.R2T);
    expect(answers[0]!.statSN).toBe(statSN);
    expect(last.statSN).toBe(statSN);
  });

  test('no more R2Ts are under way than MaxOutstandingR2T', async () => {
    const kit = await bench({ parameters: { MaxOutstandingR2T: 2 } });
    const initiator = await kit.login({
      ...SMALL,
      ImmediateData: 'No',
      MaxOutstandingR2T: '2',
    });
    const payload = patternOf(4096);
    const itt = initiator.scsi(write(4096));
    const first = await initiator.expect(OP.R2T);
    const second = await initiator.expect(OP.R2T);
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    for (const { ttt, bufferOffset } of [first, second]) {
      const data = payload.subarray(bufferOffset, bufferOffset + 1024);
      initiator.dataOut({ itt, ttt, offset: bufferOffset, data });
    }
    expect((await initiator.finish(itt, payload)).status).toBe(0);
    expect(kit.written[0]!.equals(payload)).toBe(true);
  });

  test('several Data-Out PDUs may answer one R2T, the last without data', async () => {
    const kit = await bench();
    const initiator = await kit.login({ ImmediateData: 'No' });
    const payload = patternOf(1000);
    const itt = initiator.scsi(write(1000));
    const { ttt } = await initiator.expect(OP.R2T);
    initiator.dataOut({ itt, ttt, data: payload.subarray(0, 333), final: false });
    initiator.dataOut({
      itt,
      ttt,
      dataSN: 1,
      offset: 333,
      data: payload.subarray(333),
      final: false,
    });
    initiator.dataOut({ itt, ttt, dataSN: 2, offset: 1000 });
    expect((await initiator.finish(itt)).status).toBe(0);
    expect(kit.written[0]!.equals(payload)).toBe(true);
  });

  const wrong: [string, (i: Initiator, itt: number, r2t: Answer) => void, string][] = [
    ['too short', (i, itt, { ttt }) => i.dataOut({ itt, ttt, data: patternOf(99) }), '0b/0c/0d'],
    ['too long', (i, itt, { ttt }) => i.dataOut({ itt, ttt, data: patternOf(1004) }), '0b/0c/0d'],
    [
      'at another offset',
      (i, itt, { ttt }) => i.dataOut({ itt, ttt, offset: 4, data: patternOf(996) }),
      '0b/0c/0d',
    ],
    [
      'far outside the buffer',
      (i, itt, { ttt }) => i.dataOut({ itt, ttt, offset: 0xffff_fff0, data: patternOf(1000) }),
      '0b/0c/0d',
    ],
    [
      'numbered wrongly',
      (i, itt, { ttt }) => i.dataOut({ itt, ttt, dataSN: 1, data: patternOf(1000) }),
      '0b/47/05',
    ],
  ];
  test.each(wrong)('that is %s ends the command, not the session', async (_name, act, sense) => {
    const kit = await bench();
    const initiator = await kit.login({ ImmediateData: 'No' });
    const itt = initiator.scsi(write(1000));
    act(initiator, itt, await initiator.expect(OP.R2T));
    const done = await initiator.finish(itt);
    expect([done.status, done.sense]).toEqual([2, sense]);
    expect(kit.written).toEqual([]);
    expect((await initiator.run({ ...write(8), payload: patternOf(8) })).status).toBe(0);
  });

  test('after an error is awaited until F ends the sequence', async () => {
    const initiator = await (await bench()).login({ ImmediateData: 'No' });
    const itt = initiator.scsi(write(1000));
    const { ttt } = await initiator.expect(OP.R2T);
    initiator.dataOut({ itt, ttt, offset: 8, data: patternOf(8), final: false });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    initiator.dataOut({ itt, ttt, dataSN: 1, offset: 16, data: patternOf(8) });
    expect((await initiator.finish(itt)).sense).toBe('0b/0c/0d');
  });

  test.each([
    ['a foreign Target Transfer Tag', { ttt: 0x1234_5678 }],
    ['a foreign task', { itt: 0x7777 }],
  ])('with %s is rejected with reason 0x09 and the bad header', async (_name, change) => {
    const initiator = await (await bench()).login({ ImmediateData: 'No' });
    const itt = initiator.scsi(write(8));
    const { ttt } = await initiator.expect(OP.R2T);
    const statSN = initiator.expStatSN;
    initiator.dataOut({ itt, ttt, data: patternOf(8), ...change });
    const reject = await initiator.expect(OP.REJECT);
    expect([reject.response, reject.statSN]).toEqual([0x09, statSN]);
    expect(reject.data.length).toBe(48);
    expect(reject.data[0]).toBe(OP.DATA_OUT);
    initiator.dataOut({ itt, ttt, data: patternOf(8) });
    expect((await initiator.finish(itt)).status).toBe(0);
  });

  test('bytes 24 to 27 of Data-Out are no CmdSN: the window does not move', async () => {
    const initiator = await (await bench()).login({ ImmediateData: 'No' });
    const itt = initiator.scsi(write(8));
    const r2t = await initiator.expect(OP.R2T);
    const bhs = Buffer.alloc(48);
    bhs[0] = OP.DATA_OUT;
    bhs[1] = 0x80;
    bhs.writeUInt32BE(itt, 16);
    bhs.writeUInt32BE(r2t.ttt, 20);
    bhs.writeUInt32BE(r2t.expCmdSN + 5, 24);
    initiator.send(bhs, patternOf(8));
    const { last } = await initiator.finish(itt);
    expect(last.expCmdSN).toBe(r2t.expCmdSN);
  });
});

describe('unsolicited_data', () => {
  const UNSOLICITED = { InitialR2T: 'No', FirstBurstLength: '1024' };
  const unsolicited = () => bench({ parameters: { InitialR2T: false } });

  test('immediate data needs no R2T', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    const data = patternOf(511);
    const { answers, status } = await initiator.run({ ...write(511), data });
    expect([answers.length, status]).toEqual([1, 0]);
    expect(kit.written[0]!.equals(data)).toBe(true);
  });

  test('immediate data and the R2T for the rest make up the whole', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    const payload = patternOf(3000);
    const done = await initiator.run({ ...write(3000), data: payload.subarray(0, 700), payload });
    expect(done.status).toBe(0);
    expect(done.answers[0]!.bufferOffset).toBe(700);
    expect(kit.written[0]!.equals(payload)).toBe(true);
  });

  test('immediate data survives when the device takes it later', async () => {
    const kit = await bench();
    let later = (): void => {};
    const into = Buffer.alloc(512);
    kit.device.behaviour = (task) => {
      task.dataOutLength = 512;
      later = () => task.receiveDataOut(into, 0, () => kit.device.complete(task));
    };
    const initiator = await kit.login();
    const itt = initiator.scsi({ ...write(512), data: patternOf(512) });
    // Further input overwrites nothing that was kept.
    const nop = initiator.nopOut({ data: Buffer.alloc(512, 0xee) });
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    later();
    expect((await initiator.finish(itt)).status).toBe(0);
    expect(into.equals(patternOf(512))).toBe(true);
  });

  test('kept data of one command is not overwritten by that of others', async () => {
    const kit = await bench();
    const later = new Map<number, () => void>();
    const got: Buffer[] = [];
    kit.device.behaviour = (task) => {
      task.dataOutLength = 512;
      const into = Buffer.alloc(512);
      later.set(later.size, () =>
        task.receiveDataOut(into, 0, () => {
          got.push(into);
          kit.device.complete(task);
        }),
      );
    };
    const initiator = await kit.login();
    const payloads = [1, 2, 3, 4].map((fill) => Buffer.alloc(512, fill));
    const issue = (at: number) => initiator.scsi({ ...write(512), data: payloads[at]! });
    const tags = [0, 1, 2].map(issue);
    const arrived = async (): Promise<void> => {
      const nop = initiator.nopOut({ data: Buffer.alloc(512, 0xee) });
      expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    };
    await arrived();
    later.get(1)!();
    expect((await initiator.finish(tags[1]!)).status).toBe(0);
    tags.push(issue(3));
    await arrived();
    for (const at of [3, 0, 2]) {
      later.get(at)!();
      expect((await initiator.finish(tags[at]!)).status).toBe(0);
    }
    expect(got.map((data) => data[0])).toEqual([2, 4, 1, 3]);
    expect(got.every((data) => data.equals(Buffer.alloc(512, data[0])))).toBe(true);
  });

  test('with InitialR2T=No comes up to FirstBurstLength, immediate data included', async () => {
    const kit = await unsolicited();
    const initiator = await kit.login(UNSOLICITED);
    const payload = patternOf(2000);
    const itt = initiator.scsi({ ...write(2000), final: false, data: payload.subarray(0, 300) });
    initiator.dataOut({ itt, offset: 300, data: payload.subarray(300, 800), final: false });
    initiator.dataOut({ itt, dataSN: 1, offset: 800, data: payload.subarray(800, 1024) });
    const done = await initiator.finish(itt, payload);
    expect(done.status).toBe(0);
    expect([done.answers[0]!.bufferOffset, done.answers[0]!.residual]).toEqual([1024, 976]);
    expect(kit.written[0]!.equals(payload)).toBe(true);
  });

  test('of a command that waits behind a missing CmdSN is kept with it', async () => {
    const kit = await unsolicited();
    const initiator = await kit.login(UNSOLICITED);
    const payload = patternOf(1024);
    const missing = initiator.cmdSN++;
    const itt = initiator.scsi({ ...write(1024), final: false, data: payload.subarray(0, 300) });
    initiator.dataOut({ itt, offset: 300, data: payload.subarray(300, 800), final: false });
    initiator.dataOut({ itt, dataSN: 1, offset: 800, data: payload.subarray(800) });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    const first = initiator.scsi({ cdb: cdbOf(0), cmdSN: missing });
    expect((await initiator.finish(first)).status).toBe(0);
    expect((await initiator.finish(itt, payload)).status).toBe(0);
    expect(kit.written[0]!.equals(payload)).toBe(true);
  });

  test('beyond FirstBurstLength is an incorrect amount', async () => {
    const initiator = await (await unsolicited()).login(UNSOLICITED);
    const itt = initiator.scsi({ ...write(2000), final: false, data: patternOf(1000) });
    initiator.dataOut({ itt, offset: 1000, data: patternOf(25) });
    expect((await initiator.finish(itt)).sense).toBe('0b/0c/0d');
  });

  test('short of what F=0 announced is an incorrect amount', async () => {
    const initiator = await (await unsolicited()).login(UNSOLICITED);
    const itt = initiator.scsi({ ...write(2000), final: false });
    initiator.dataOut({ itt, data: patternOf(1000) });
    expect((await initiator.finish(itt)).sense).toBe('0b/0c/0d');
  });

  test('more immediate data than FirstBurstLength or EDTL is an incorrect amount', async () => {
    const initiator = await (await bench()).login({ FirstBurstLength: '512' });
    const first = await initiator.run({ ...write(2000), data: patternOf(513) });
    expect(first.sense).toBe('0b/0c/0d');
    expect((await initiator.run({ ...write(8), data: patternOf(12) })).sense).toBe('0b/0c/0d');
  });

  test('immediate data with ImmediateData=No is unexpected', async () => {
    const initiator = await (await bench()).login({ ImmediateData: 'No' });
    expect((await initiator.run({ ...write(8), data: patternOf(8) })).sense).toBe('0b/0c/0c');
  });

  test('F=0 with InitialR2T=Yes is unexpected, answered once F came', async () => {
    const initiator = await (await bench()).login();
    const itt = initiator.scsi({ ...write(100), final: false });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    initiator.dataOut({ itt, data: patternOf(100) });
    expect((await initiator.finish(itt)).sense).toBe('0b/0c/0c');
  });

  test('a Data-Out that nobody announced is unexpected', async () => {
    const initiator = await (await bench()).login({ ImmediateData: 'No' });
    const itt = initiator.scsi(write(8));
    const { ttt } = await initiator.expect(OP.R2T);
    initiator.dataOut({ itt, data: patternOf(8) });
    initiator.dataOut({ itt, ttt, data: patternOf(8) });
    expect((await initiator.finish(itt)).sense).toBe('0b/0c/0c');
  });

  test('a command that fails early is answered only after its unsolicited data ended', async () => {
    const kit = await unsolicited();
    kit.device.behaviour = (task) => kit.device.complete(task, 8);
    const initiator = await kit.login(UNSOLICITED);
    const itt = initiator.scsi({ ...write(2000), final: false });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    initiator.dataOut({ itt, data: patternOf(1024) });
    expect((await initiator.finish(itt)).status).toBe(8);
  });

  test('a write of which the device wants less has an underflow', async () => {
    const initiator = await (await bench()).login();
    const { last } = await initiator.run({ ...write(100, 512), data: patternOf(512) });
    expect([last.underflow, last.residual]).toEqual([true, 412]);
  });
});

describe('scsi_command', () => {
  test('with an additional header segment is refused as an operation not served', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    const ahs = Buffer.from('0005020000000200', 'hex');
    const done = await initiator.run({ ...read(8), ahs });
    expect([done.status, done.sense]).toEqual([2, '05/20/00']);
    expect(kit.device.calls).toEqual([]);
    expect((await initiator.run(read(8))).status).toBe(0);
  });

  test('both ways, or wanting more than 32 bits can say, keeps the residual in range', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    const both = await initiator.run({ read: true, write: true, edtl: 0xffff_ffff });
    expect([both.sense, both.last.residual]).toEqual(['05/20/00', 0xffff_ffff]);
    kit.device.behaviour = (task) => {
      task.dataOutLength = 2 ** 41;
      kit.device.complete(task, 2);
    };
    const { last } = await initiator.run(write(8));
    expect([last.overflow, last.residual]).toEqual([true, 0xffff_ffff]);
  });

  test.each([
    ['neither F nor W', { final: false }],
    ['a reserved task attribute', { attribute: 5 }],
    ['the reserved tag', { itt: RESERVED }],
  ])('with %s is rejected with reason 0x09', async (_name, change) => {
    const initiator = await (await bench()).login();
    initiator.scsi({ ...read(8), ...change });
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x09);
    expect((await initiator.run(read(8))).status).toBe(0);
  });

  test('knows peripheral and flat addressing; other LUN fields are not served', async () => {
    const kit = await bench();
    const seen: number[] = [];
    kit.device.behaviour = (task) => {
      seen.push(task.lun);
      kit.device.complete(task);
    };
    const initiator = await kit.login();
    for (const lun of [0x0001, 0x4001, 0x4100, 0x8001, 0x0101]) await initiator.run({ lun });
    expect(seen).toEqual([1, 1, 256, -1, -1]);
  });
});
