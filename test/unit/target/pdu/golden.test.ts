/** Encoders against what LIO put on the wire, views against what a Linux initiator did. */
import { describe, expect, test } from 'vitest';
import { BHS_LENGTH, isImmediate, RESERVED_TAG } from '../../../../src/target/pdu/bhs.ts';
import {
  addStatus,
  DataOut,
  encodeDataIn,
  encodeR2t,
  invalidDataOut,
} from '../../../../src/target/pdu/data.ts';
import {
  ASYNC_EVENT,
  encodeAsyncMessage,
  encodeReject,
  REJECT_REASON,
} from '../../../../src/target/pdu/exceptions.ts';
import {
  encodeLogoutResponse,
  invalidLogoutRequest,
  LogoutRequest,
} from '../../../../src/target/pdu/logout.ts';
import { lunOf, writeLun } from '../../../../src/target/pdu/lun.ts';
import {
  encodeNopInPing,
  encodeNopInReply,
  invalidNopOut,
  NopOut,
} from '../../../../src/target/pdu/nop.ts';
import {
  encodeScsiResponse,
  invalidScsiCommand,
  ScsiCommand,
  senseSegment,
  UNDERFLOW,
} from '../../../../src/target/pdu/scsi.ts';
import {
  cmdSNOf,
  expStatSNOf,
  stampStatSN,
  stampWindow,
} from '../../../../src/target/pdu/sequence.ts';
import {
  encodeTaskManagementResponse,
  invalidTaskManagementRequest,
  TaskManagementRequest,
} from '../../../../src/target/pdu/task_management.ts';
import { fixtureWires } from '../fixtures.ts';

const requests = fixtureWires('full_feature_requests').map((wire) => wire.subarray(0, BHS_LENGTH));
const [inquiry, , write, , nop, , logout] = requests as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];
const responses = fixtureWires('full_feature_responses');
const wireOf = (at: number): Buffer => responses[at]!;
const headerOf = (at: number): Buffer => wireOf(at).subarray(0, BHS_LENGTH);
const dataOuts = fixtureWires('data_out_headers').map((wire) => wire.subarray(0, BHS_LENGTH));

/** The numbers of a captured response, stamped onto ours. */
function stamped(bhs: Buffer, like: Buffer): string {
  stampStatSN(bhs, like.readUInt32BE(24));
  stampWindow(bhs, like.readUInt32BE(28), like.readUInt32BE(32));
  return bhs.toString('hex');
}

describe('requests of a Linux initiator', () => {
  test('SCSI Command: READ direction, EDTL, CDB, numbers', () => {
    const pdu = new ScsiCommand(inquiry);
    const cdb = Buffer.alloc(16);
    pdu.copyCdb(cdb);
    expect([pdu.read, pdu.write, pdu.final, pdu.attribute]).toEqual([true, false, true, 1]);
    expect([pdu.lun, pdu.itt, pdu.edtl]).toEqual([0, 0x0100_0000, 36]);
    expect(cdb.toString('hex')).toBe('12000000240000000000000000000000');
    expect([cmdSNOf(inquiry), expStatSNOf(inquiry)]).toEqual([0, 0x42e5_2a92]);
    expect(requests.slice(0, 4).map(invalidScsiCommand)).toEqual(Array(4).fill(undefined));
  });

  test('SCSI Command: WRITE direction', () => {
    const pdu = new ScsiCommand(write);
    expect([pdu.read, pdu.write, pdu.edtl]).toEqual([false, true, 512]);
  });

  test('NOP-Out wants an answer and is immediate', () => {
    expect([new NopOut(nop).itt, new NopOut(nop).ttt]).toEqual([0x3300_0000, RESERVED_TAG]);
    expect(isImmediate(nop)).toBe(true);
    expect(invalidNopOut(nop)).toBeUndefined();
  });

  test('Logout Request closes the session', () => {
    const pdu = new LogoutRequest(logout);
    expect([pdu.reason, pdu.cid, pdu.itt]).toEqual([0, 0, 0x3500_0000]);
    expect(invalidLogoutRequest(logout)).toBeUndefined();
  });

  test('Data-Out answers one R2T each: tag, offset, DataSN', () => {
    const seen = dataOuts.map((bhs) => {
      const pdu = new DataOut(bhs);
      return [pdu.ttt, pdu.dataSN, pdu.bufferOffset, pdu.final];
    });
    expect(seen).toEqual([
      [0x26, 0, 0x1_0000, true],
      [0x27, 0, 0x5_0000, true],
      [0x28, 0, 0x9_0000, true],
      [0x29, 0, 0xd_0000, true],
    ]);
    expect(dataOuts.map(invalidDataOut)).toEqual(Array(4).fill(undefined));
  });
});

describe('responses, as LIO writes them', () => {
  test.each([
    ['GOOD', 0, 0x0100_0000, 36, 0, 0],
    ['GOOD with underflow', 1, 0x0700_0000, 12, UNDERFLOW, 24],
  ])('Data-In with status %s', (_name, at, itt, dataLength, flag, residual) => {
    const bhs = Buffer.alloc(BHS_LENGTH);
    encodeDataIn(bhs, { itt, dataSN: 0, bufferOffset: 0, dataLength, final: false });
    addStatus(bhs, 0, 0, flag, residual);
    // LIO fills the LUN field with ones; without the A bit it is reserved, so ours is zero.
    const like = Buffer.from(headerOf(at));
    like.fill(0, 8, 16);
    expect(stamped(bhs, like)).toBe(like.toString('hex'));
  });

  test('SCSI Response without and with sense data', () => {
    const plain = Buffer.alloc(BHS_LENGTH);
    const fields = { status: 0, residualFlag: 0, residual: 0, expDataSN: 0, dataLength: 0 };
    encodeScsiResponse(plain, { ...fields, itt: 0x1700_0000 });
    expect(stamped(plain, headerOf(2))).toBe(headerOf(2).toString('hex'));

    const sense = wireOf(3).subarray(BHS_LENGTH + 4 + 2, BHS_LENGTH + 4 + 98);
    const segment = senseSegment(sense);
    expect(segment.equals(wireOf(3).subarray(BHS_LENGTH + 4, BHS_LENGTH + 4 + 98))).toBe(true);
    const check = Buffer.alloc(BHS_LENGTH);
    encodeScsiResponse(check, {
      ...fields,
      itt: 0x1c00_0000,
      status: 2,
      dataLength: segment.length,
    });
    expect(stamped(check, headerOf(3))).toBe(headerOf(3).toString('hex'));
  });

  test.each([
    [4, 0x26, 0, 0x1_0000],
    [5, 0x27, 1, 0x5_0000],
  ])('R2T %i', (at, ttt, r2tSN, bufferOffset) => {
    const bhs = Buffer.alloc(BHS_LENGTH);
    const fields = { itt: 0x2c00_0000, ttt, r2tSN, bufferOffset, desiredLength: 0x4_0000 };
    encodeR2t(bhs, Buffer.alloc(8), fields);
    expect(stamped(bhs, headerOf(at))).toBe(headerOf(at).toString('hex'));
  });

  test('NOP-In that answers', () => {
    const bhs = Buffer.alloc(BHS_LENGTH);
    encodeNopInReply(bhs, nop, 0);
    const like = Buffer.from(headerOf(6));
    like.fill(0, 8, 16);
    expect(stamped(bhs, like)).toBe(like.toString('hex'));
  });

  test('Logout Response', () => {
    const bhs = Buffer.alloc(BHS_LENGTH);
    encodeLogoutResponse(bhs, { itt: 0x3500_0000, response: 0, time2Wait: 0, time2Retain: 0 });
    expect(stamped(bhs, headerOf(7))).toBe(headerOf(7).toString('hex'));
  });
});

describe('responses without a capture, byte by byte from the RFC', () => {
  const encoded = (fill: (bhs: Buffer) => void): string => {
    const bhs = Buffer.alloc(BHS_LENGTH);
    fill(bhs);
    return bhs.toString('hex');
  };
  const zeros = (bytes: number): string => '00'.repeat(bytes);

  test('Reject: reason, reserved tag, data segment of 48 bytes', () => {
    const hex = encoded((bhs) => encodeReject(bhs, REJECT_REASON.INVALID_PDU_FIELD));
    expect(hex).toBe(`3f8009${zeros(2)}000030${zeros(8)}ffffffff${zeros(28)}`);
  });
  test('Asynchronous Message: event and parameters', () => {
    const hex = encoded((bhs) =>
      encodeAsyncMessage(bhs, {
        event: ASYNC_EVENT.LOGOUT_REQUESTED,
        parameter1: 1,
        parameter2: 2,
        parameter3: 3,
      }),
    );
    expect(hex).toBe(
      `3280${zeros(14)}ffffffff${zeros(16)}01000001000200 03${zeros(4)}`.replace(' ', ''),
    );
  });
  test('Task Management Function Response', () => {
    const hex = encoded((bhs) => encodeTaskManagementResponse(bhs, 0x1234_5678, 5));
    expect(hex).toBe(`228005${zeros(13)}12345678${zeros(28)}`);
  });
  test('NOP-In that asks', () => {
    const hex = encoded((bhs) => encodeNopInPing(bhs, 0x11));
    expect(hex).toBe(`2080${zeros(14)}ffffffff00000011${zeros(24)}`);
  });
});

describe('illegal headers', () => {
  const changed = (bhs: Buffer, at: number, hex: string): Buffer => {
    const copy = Buffer.from(bhs);
    copy.write(hex, at, 'hex');
    return copy;
  };
  const tag = 'ffffffff';

  test('are named by what is wrong with them', () => {
    expect(invalidScsiCommand(changed(inquiry, 16, tag))).toContain('reserved Initiator Task Tag');
    expect(invalidScsiCommand(changed(inquiry, 1, '41'))).toContain('neither F nor W');
    expect(invalidScsiCommand(changed(inquiry, 1, 'c7'))).toContain('task attribute, 7');
    expect(invalidDataOut(changed(dataOuts[0]!, 16, tag))).toContain('reserved Initiator Task Tag');
    expect(invalidLogoutRequest(changed(logout, 16, tag))).toContain('reserved');
    expect(invalidLogoutRequest(changed(logout, 1, '83'))).toContain('reason, 3');
    expect(invalidNopOut(changed(changed(nop, 16, tag), 0, '00'))).toContain('without the I bit');
    expect(invalidNopOut(changed(nop, 16, tag))).toBeUndefined();
    const tmf = changed(Buffer.alloc(BHS_LENGTH), 0, `4285`);
    expect(new TaskManagementRequest(tmf).function).toBe(5);
    expect(invalidTaskManagementRequest(tmf)).toBeUndefined();
    expect(invalidTaskManagementRequest(changed(tmf, 16, tag))).toContain('reserved');
  });
});

describe('LUN field', () => {
  test.each([
    ['0000000000000000', 0],
    ['00ff000000000000', 255],
    ['40ff000000000000', 255],
    ['4100000000000000', 256],
    ['7fff000000000000', 16_383],
    // Another bus, other methods, a second level: not ours.
    ['0101000000000000', -1],
    ['8000000000000000', -1],
    ['c101000000000000', -1],
    ['0000000100000000', -1],
    ['0000000000000001', -1],
  ])('%s is %i', (hex, lun) => {
    expect(lunOf(Buffer.from(hex, 'hex'), 0)).toBe(lun);
  });

  test('what is written is read back', () => {
    const field = Buffer.alloc(10, 0xff);
    for (let lun = 0; lun <= 16_383; lun += 37) {
      writeLun(field, 1, lun);
      expect(lunOf(field, 1)).toBe(lun);
    }
    expect([field[0], field[9]]).toEqual([0xff, 0xff]);
  });
});
