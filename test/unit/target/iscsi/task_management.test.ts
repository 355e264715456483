/** Task management functions, RFC 7143 §11.5 and §11.6, over a real socket. */
import { describe, expect, test } from 'vitest';
import type { ScsiTask } from '../../../../src/target/scsi/scsi_task.ts';
import { OP } from '../../../loopback/initiator.ts';
import { cdbOf, patternOf } from '../../../loopback/served.ts';
import { bench, type Bench } from './served_kit.ts';

const read = { read: true, edtl: 8, cdb: cdbOf(8) };
const ABORT_TASK = 1;
const ABORT_TASK_SET = 2;
const LU_RESET = 5;

async function withHeldCommands(): Promise<{ kit: Bench; tasks: ScsiTask[] }> {
  const kit = await bench();
  const tasks: ScsiTask[] = [];
  kit.device.behaviour = (task) => tasks.push(task);
  return { kit, tasks };
}

describe('task management', () => {
  test('ABORT TASK answers 0 once the task stopped, and nothing of it follows', async () => {
    const { kit, tasks } = await withHeldCommands();
    kit.device.stubborn = true;
    const initiator = await kit.login();
    const refItt = initiator.scsi(read);
    const refCmdSN = initiator.cmdSN - 1;
    const itt = initiator.tmf({ function: ABORT_TASK, refItt, refCmdSN });
    const nop = initiator.nopOut();
    // The task has not stopped: no response yet, but the session lives.
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    tasks[0]!.sendDataIn(patternOf(8), 0, () => {});
    kit.device.release();
    const answer = await initiator.expect(OP.TMF_RESPONSE);
    expect([answer.itt, answer.response]).toEqual([itt, 0]);
    const after = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(after);
  });

  test('ABORT TASK of a task that is over answers 1', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    const { last } = await initiator.run(read);
    initiator.tmf({ function: ABORT_TASK, refItt: last.itt, refCmdSN: initiator.cmdSN - 1 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(1);
  });

  test('ABORT TASK of a task yet to come within the window answers 0, closes the gap', async () => {
    const kit = await bench();
    const initiator = await kit.login();
    const lost = initiator.cmdSN++;
    const waiting = initiator.scsi(read);
    initiator.tmf({ function: ABORT_TASK, refItt: 0x999, refCmdSN: lost });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(0);
    expect((await initiator.finish(waiting)).status).toBe(0);
    // The lost command comes after all: its number is used up.
    initiator.scsi({ ...read, itt: 0x999, cmdSN: lost });
    expect((await initiator.run(read)).status).toBe(0);
  });

  test('ABORT TASK beyond the window, or with another LUN, answers 1', async () => {
    const { kit } = await withHeldCommands();
    const initiator = await kit.login();
    const far = initiator.cmdSN + 1000;
    initiator.tmf({ function: ABORT_TASK, refItt: 0x999, refCmdSN: far });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(1);
    const refItt = initiator.scsi(read);
    initiator.tmf({ function: ABORT_TASK, refItt, lun: 1, refCmdSN: initiator.cmdSN - 1 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(1);
    expect(kit.device.calls).toEqual([]);
  });

  test('an aborted write lets go of its buffer at once; late data is dropped', async () => {
    const kit = await bench();
    const initiator = await kit.login({ ImmediateData: 'No' });
    let into = Buffer.alloc(0);
    kit.device.behaviour = (task) => {
      into = Buffer.alloc(1000);
      task.receiveDataOut(into, 0, () => kit.device.complete(task));
    };
    const itt = initiator.scsi({ write: true, edtl: 1000, cdb: cdbOf(1000) });
    const { ttt } = await initiator.expect(OP.R2T);
    // A header and part of its data: the buffer is being filled when the abort comes.
    const whole = initiator.wire(dataOutHeader(itt, ttt), Buffer.alloc(1000, 0xaa));
    initiator.socket.write(whole.subarray(0, 48 + 500));
    while (into[499] !== 0xaa) await new Promise((resolve) => setImmediate(resolve));
    const [task] = kit.device.submitted;
    kit.device.abortTask(task!, () => {});
    initiator.socket.write(whole.subarray(48 + 500));
    initiator.dataOut({ itt, ttt, data: patternOf(8) });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    expect(into.subarray(500).equals(Buffer.alloc(500))).toBe(true);
  });

  test('late unsolicited data of an aborted command is dropped in silence', async () => {
    const kit = await bench({ parameters: { InitialR2T: false } });
    const initiator = await kit.login({ InitialR2T: 'No' });
    const refItt = initiator.scsi({ write: true, final: false, edtl: 900, cdb: cdbOf(900) });
    initiator.tmf({ function: ABORT_TASK, refItt, refCmdSN: initiator.cmdSN - 1 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(0);
    initiator.dataOut({ itt: refItt, data: patternOf(900) });
    const nop = initiator.nopOut();
    expect((await initiator.expect(OP.NOP_IN)).itt).toBe(nop);
    expect(kit.written).toEqual([]);
  });

  test('a command that only waits for the end of its data is aborted by us', async () => {
    const kit = await bench({ parameters: { InitialR2T: false } });
    kit.device.behaviour = (task) => kit.device.complete(task, 8);
    const initiator = await kit.login({ InitialR2T: 'No' });
    const refItt = initiator.scsi({ write: true, final: false, edtl: 900, cdb: cdbOf(900) });
    initiator.tmf({ function: ABORT_TASK, refItt, refCmdSN: initiator.cmdSN - 1 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(0);
    const { window } = kit.served.opened[0]!;
    expect(window.inProgress).toBe(0);
  });

  test.each([
    ['ABORT TASK SET', ABORT_TASK_SET, 'abortTaskSet 0', 0],
    ['CLEAR TASK SET', 4, 'clearTaskSet 0', 0],
    ['LOGICAL UNIT RESET', LU_RESET, 'logicalUnitReset 0', 0],
    ['TARGET WARM RESET', 6, 'targetReset', 0],
  ])('%s goes to the device and stops every task', async (_name, code, call, response) => {
    const { kit } = await withHeldCommands();
    const initiator = await kit.login();
    initiator.scsi(read);
    initiator.scsi(read);
    initiator.tmf({ function: code });
    const answer = await initiator.expect(OP.TMF_RESPONSE);
    expect(answer.response).toBe(response);
    expect(kit.device.calls).toEqual([call]);
    expect(kit.device.submitted).toEqual([]);
    expect(kit.served.opened[0]!.tasks.size).toBe(0);
  });

  test('a function on a LUN that does not exist answers 2', async () => {
    const initiator = await (await bench()).login();
    initiator.tmf({ function: LU_RESET, lun: 7 });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(2);
  });

  test.each([
    ['CLEAR ACA', 3, 5],
    ['TASK REASSIGN', 8, 4],
    ['QUERY TASK', 9, 5],
    ['a code of no function', 77, 5],
  ])('%s is not done and not said to be done', async (_name, code, response) => {
    const initiator = await (await bench()).login();
    initiator.tmf({ function: code });
    expect((await initiator.expect(OP.TMF_RESPONSE)).response).toBe(response);
  });

  test('TARGET COLD RESET answers, then drops every session of the target', async () => {
    const kit = await bench();
    const one = await kit.login();
    const two = await kit.login({}, { isid: '00023d000002' });
    one.tmf({ function: 7 });
    expect((await one.expect(OP.TMF_RESPONSE)).response).toBe(0);
    const last = await one.expect(OP.ASYNC);
    expect(last.bhs[36]).toBe(3);
    expect((await two.expect(OP.ASYNC)).bhs[36]).toBe(3);
    await Promise.all([one.closed, two.closed]);
    expect(kit.served.sessions.size).toBe(0);
  });
});

function dataOutHeader(itt: number, ttt: number): Buffer {
  const bhs = Buffer.alloc(48);
  bhs[0] = OP.DATA_OUT;
  bhs[1] = 0x80;
  bhs.writeUInt32BE(itt, 16);
  bhs.writeUInt32BE(ttt, 20);
  return bhs;
}
