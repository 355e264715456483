/** CmdSN window, StatSN, immediate commands, tags: RFC 7143 §4.2.2 over a real socket. */
import { describe, expect, test } from 'vitest';
import type { ScsiTask } from '../../../../src/target/scsi/scsi_task.ts';
import { MAX_HELD_BYTES } from '../../../../src/target/iscsi/command_window.ts';
import { MAX_IMMEDIATE_COMMANDS } from '../../../../src/target/iscsi/session.ts';
import { OP, RESERVED } from '../../../loopback/initiator.ts';
import { cdbOf } from '../../../loopback/served.ts';
import { bench, NORMAL_KEYS, type Bench } from './served_kit.ts';

const DEPTH = 8;
const depth8 = { attributes: { default_cmdsn_depth: DEPTH } };
const read = { read: true, edtl: 8, cdb: cdbOf(8) };

/** The device keeps every command until `finishOne`. */
function holding(kit: Bench): { tasks: ScsiTask[]; finishOne: () => void } {
  const tasks: ScsiTask[] = [];
  kit.device.behaviour = (task) => tasks.push(task);
  return { tasks, finishOne: () => kit.device.complete(tasks.shift()!) };
}

describe('command window', () => {
  test('begins with the CmdSN of the login and the depth of the TPG', async () => {
    const kit = await bench(depth8);
    const initiator = await kit.connect();
    initiator.cmdSN = 0xffff_fffe;
    const login = await initiator.login({ keys: NORMAL_KEYS });
    expect(login.expCmdSN).toBe(0xffff_fffe);
    expect(login.maxCmdSN).toBe((0xffff_fffe + DEPTH - 1) >>> 0);
    for (let i = 0; i < 5; i++) expect((await initiator.run(read)).status).toBe(0);
    expect(initiator.cmdSN).toBe(3);
  });

  test('a numbered command outside it is silently ignored, later ones work', async () => {
    const kit = await bench(depth8);
    const initiator = await kit.login();
    initiator.scsi({ ...read, cmdSN: initiator.cmdSN + DEPTH });
    initiator.scsi({ ...read, cmdSN: initiator.cmdSN - 1 });
    initiator.scsi({ ...read, cmdSN: (initiator.cmdSN + 0x8000_0000) >>> 0 });
    expect((await initiator.run(read)).status).toBe(0);
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
  });

  test('a duplicate is silently ignored, whether done or held', async () => {
    const kit = await bench(depth8);
    const initiator = await kit.login();
    await initiator.run(read);
    initiator.scsi({ ...read, cmdSN: initiator.cmdSN - 1 });
    const ahead = initiator.scsi({ ...read, cmdSN: initiator.cmdSN + 1 });
    initiator.scsi({ ...read, cmdSN: initiator.cmdSN + 1 });
    const now = initiator.scsi(read);
    initiator.cmdSN++;
    await initiator.finish(now);
    await initiator.finish(ahead);
    expect((await initiator.run(read)).status).toBe(0);
  });

  test('commands behind a gap wait and then run in the order of their CmdSN', async () => {
    const kit = await bench(depth8);
    const initiator = await kit.login();
    const first = initiator.cmdSN;
    const order: number[] = [];
    kit.device.behaviour = (task) => {
      order.push(task.cdb[0]!);
      kit.device.complete(task);
    };
    for (const ahead of [3, 1, 2]) {
      const cdb = cdbOf(0);
      cdb[0] = ahead;
      initiator.scsi({ cdb, cmdSN: first + ahead });
    }
    const nop = initiator.nopOut();
    const answer = await initiator.expect(OP.NOP_IN);
    expect([answer.itt, answer.expCmdSN]).toEqual([nop, first]);
    expect(order).toEqual([]);
    initiator.scsi({ cdb: cdbOf(0), cmdSN: first });
    for (let i = 0; i < 4; i++) await initiator.expect(OP.SCSI_RESPONSE);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test('closes as commands pile up, opens with each response, and never goes back', async () => {
    const kit = await bench(depth8);
    const { tasks, finishOne } = holding(kit);
    const initiator = await kit.login();
    const first = initiator.cmdSN;
    for (let i = 0; i < DEPTH; i++) initiator.scsi(read);
    initiator.nopOut();
    const full = await initiator.expect(OP.NOP_IN);
    expect(tasks.length).toBe(DEPTH);
    expect(full.expCmdSN).toBe(first + DEPTH);
    // RFC 7143 §4.2.2.1: MaxCmdSN = ExpCmdSN - 1 closes the window.
    expect(full.maxCmdSN).toBe(first + DEPTH - 1);
    initiator.scsi({ ...read, cmdSN: first + DEPTH });
    initiator.nopOut();
    await initiator.expect(OP.NOP_IN);
    let last = full.maxCmdSN;
    for (let i = 0; i < DEPTH; i++) {
      finishOne();
      const answer = await initiator.expect(OP.SCSI_RESPONSE);
      expect(answer.maxCmdSN).toBe(last + 1);
      last = answer.maxCmdSN;
    }
    expect(tasks.length).toBe(0);
  });

  test('a peer that keeps a gap open cannot make us hold more than MAX_HELD_BYTES', async () => {
    const kit = await bench({ attributes: { default_cmdsn_depth: 512 } });
    const initiator = await kit.login({ FirstBurstLength: '65536' });
    const data = Buffer.alloc(65_536);
    const needed = Math.ceil(MAX_HELD_BYTES / data.length) + 1;
    for (let i = 0; i < needed; i++) {
      const write = { write: true, edtl: data.length, data, cdb: cdbOf(data.length) };
      initiator.scsi({ ...write, cmdSN: initiator.cmdSN + 1 + i });
    }
    await initiator.closed;
    expect(kit.served.closeReasons).toContain('too much data behind a missing CmdSN');
  });
});

test('unsolicited data behind a gap counts towards MAX_HELD_BYTES', async () => {
  const kit = await bench({ parameters: { InitialR2T: false } });
  const initiator = await kit.login({ InitialR2T: 'No', FirstBurstLength: '65536' });
  const data = Buffer.alloc(65_536);
  const cmdSN = initiator.cmdSN + 1;
  const edtl = data.length;
  const itt = initiator.scsi({ write: true, edtl, final: false, cdb: cdbOf(edtl), cmdSN });
  const needed = Math.ceil(MAX_HELD_BYTES / data.length) + 1;
  for (let sent = 0; sent < needed; sent++) initiator.dataOut({ itt, final: false, data });
  await initiator.closed;
  expect(kit.served.closeReasons).toContain('too much data behind a missing CmdSN');
});

describe('immediate commands', () => {
  test('carry CmdSN but do not use it up', async () => {
    const initiator = await (await bench()).login();
    const { last } = await initiator.run({ ...read, immediate: true });
    expect(last.expCmdSN).toBe(initiator.cmdSN);
    expect((await initiator.run(read)).last.expCmdSN).toBe(initiator.cmdSN);
  });

  test('beyond their limit are rejected with reason 0x06, task management is not', async () => {
    const kit = await bench();
    const { tasks, finishOne } = holding(kit);
    const initiator = await kit.login();
    for (let i = 0; i < MAX_IMMEDIATE_COMMANDS; i++) initiator.scsi({ ...read, immediate: true });
    initiator.scsi({ ...read, immediate: true });
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x06);
    expect(tasks.length).toBe(MAX_IMMEDIATE_COMMANDS);
    initiator.tmf({ function: 5 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(0);
    tasks.length = 0;
    initiator.scsi({ ...read, immediate: true });
    initiator.nopOut();
    await initiator.expect(OP.NOP_IN);
    finishOne();
    expect((await initiator.expect(OP.SCSI_RESPONSE)).status).toBe(0);
  });
});

describe('StatSN', () => {
  test('counts every response: NOP-In, Reject, TMF, Text, SCSI, Logout', async () => {
    const initiator = await (await bench()).login();
    let expected = initiator.expStatSN;
    const check = async (opcode: number) => {
      expect((await initiator.expect(opcode)).statSN).toBe(expected++);
    };
    initiator.nopOut();
    await check(OP.NOP_IN);
    initiator.bare(OP.SNACK);
    await check(OP.REJECT);
    initiator.tmf({ function: 8 });
    await check(OP.TMF_RESPONSE);
    initiator.text({ SendTargets: '' });
    await check(OP.TEXT_RESPONSE);
    initiator.scsi({});
    await check(OP.SCSI_RESPONSE);
    initiator.logout();
    await check(OP.LOGOUT_RESPONSE);
  });
});

describe('Initiator Task Tag', () => {
  test('in use by a command is refused with reason 0x07, for commands and functions', async () => {
    const kit = await bench();
    const { finishOne } = holding(kit);
    const initiator = await kit.login();
    const itt = initiator.scsi(read);
    initiator.scsi({ ...read, itt });
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x07);
    initiator.tmf({ function: 5, itt });
    expect((await initiator.expect(OP.REJECT)).response).toBe(0x07);
    finishOne();
    expect((await initiator.expect(OP.SCSI_RESPONSE)).itt).toBe(itt);
    initiator.scsi({ ...read, itt });
    initiator.nopOut();
    await initiator.expect(OP.NOP_IN);
    finishOne();
    expect((await initiator.expect(OP.SCSI_RESPONSE)).itt).toBe(itt);
  });

  test('reserved is refused in every request but NOP-Out', async () => {
    const initiator = await (await bench()).login();
    for (const opcode of [OP.SCSI_COMMAND, OP.TMF, OP.LOGOUT]) {
      initiator.bare(opcode, RESERVED);
      expect((await initiator.expect(OP.REJECT)).response).toBe(0x09);
    }
    initiator.bare(OP.TEXT, RESERVED);
    expect([0x04, 0x09]).toContain((await initiator.expect(OP.REJECT)).response);
    initiator.nopOut({ itt: RESERVED });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
  });
});

describe('what is not served', () => {
  test.each([
    ['SNACK at level 0', OP.SNACK, 0x04],
    ['a reserved opcode', 0x1f, 0x05],
    ['a target opcode', 0x25, 0x05],
    ['a Login Request in full feature phase', OP.LOGIN, 0x04],
  ])('%s is rejected with its header', async (_name, opcode, reason) => {
    const initiator = await (await bench()).login();
    initiator.bare(opcode, 0x4711);
    const reject = await initiator.expect(OP.REJECT);
    expect([reject.response, reject.itt]).toEqual([reason, RESERVED]);
    expect(reject.data.length).toBe(48);
    expect(reject.data.readUInt32BE(16)).toBe(0x4711);
    expect((await initiator.run(read)).status).toBe(0);
  });
});
