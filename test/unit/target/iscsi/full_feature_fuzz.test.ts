/**
 * PDUs that are almost right, in any order: the peer may lose its session; nothing throws, every
 * table stays within its limits, and other sessions work.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_HELD_BYTES } from '../../../../src/target/iscsi/command_window.ts';
import { MAX_IMMEDIATE_COMMANDS } from '../../../../src/target/iscsi/session.ts';
import { OP } from '../../../loopback/initiator.ts';
import { cdbOf, patternOf } from '../../../loopback/served.ts';
import { bench } from './served_kit.ts';

const DEPTH = 16;
const small = fc.integer({ min: 0, max: 6 });
const tag = fc.oneof(
  { weight: 8, arbitrary: small },
  { weight: 1, arbitrary: fc.constant(0xffff_ffff) },
);
const word = fc.oneof(small, fc.constantFrom(0, 0xffff_ffff, 0x8000_0000, 512, 4096));
const pdu = fc.record({
  opcode: fc.constantFrom(...Object.values(OP), 0x1c, 0x01, 0x01, 0x05, 0x05, 0x02),
  immediate: fc.boolean(),
  flags: fc.integer({ min: 0, max: 255 }),
  lun: fc.constantFrom(0, 0, 1, 0x4001, 0x8000),
  itt: tag,
  word20: fc.oneof(word, tag),
  /** Distance from the CmdSN expected. */
  ahead: fc.integer({ min: -2, max: DEPTH + 2 }),
  word36: word,
  word40: word,
  word44: word,
  length: fc.constantFrom(0, 0, 1, 8, 511, 4096),
  ahs: fc.constantFrom(0, 0, 0, 4),
});

describe('full feature phase under fuzz', () => {
  test('survives any sequence of PDUs', async () => {
    const kit = await bench({
      attributes: { default_cmdsn_depth: DEPTH },
      parameters: { InitialR2T: false, MaxOutstandingR2T: 4 },
    });
    const bystander = await kit.login({}, { isid: '00023d0000ff' });
    const read = { read: true, edtl: 64, cdb: cdbOf(64) };
    const property = fc.asyncProperty(fc.array(pdu, { maxLength: 60 }), async (pdus) => {
      const initiator = await kit.login({ InitialR2T: 'No', FirstBurstLength: '4096' });
      const session = kit.served.opened.at(-1)!;
      const first = initiator.cmdSN;
      for (const [index, one] of pdus.entries()) {
        const bhs = Buffer.alloc(48);
        bhs[0] = one.opcode | (one.immediate ? 0x40 : 0);
        // TARGET COLD RESET would rightly end the bystander too.
        const coldReset = one.opcode === OP.TMF && (one.flags & 0x7f) === 7;
        bhs[1] = coldReset ? 0x85 : one.flags;
        bhs.writeUInt16BE(one.lun, 8);
        bhs.writeUInt32BE(one.itt, 16);
        bhs.writeUInt32BE(one.word20, 20);
        bhs.writeUInt32BE((first + index + one.ahead) >>> 0, 24);
        bhs.writeUInt32BE(one.word36, 36);
        bhs.writeUInt32BE(one.word40, 40);
        bhs.writeUInt32BE(one.word44, 44);
        // Bytes 10 to 13 of the CDB: the length that the pattern device moves.
        if (one.opcode === OP.SCSI_COMMAND) bhs.writeUInt32BE(one.word44 & 0x3fff, 42);
        initiator.send(bhs, Buffer.alloc(one.length, 0x5a), Buffer.alloc(one.ahs));
        if (index % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
        expect(session.window.inProgress).toBeLessThanOrEqual(DEPTH);
        expect(session.immediateInProgress).toBeLessThanOrEqual(MAX_IMMEDIATE_COMMANDS);
        expect(session.window.heldBytes).toBeLessThanOrEqual(MAX_HELD_BYTES + DEPTH * 64);
      }
      expect((await bystander.run(read)).data.equals(patternOf(64))).toBe(true);
      initiator.destroy();
      while (!session.ended) await new Promise((resolve) => setImmediate(resolve));
      // Everything of the session has stopped and is given back.
      expect(session.tasks.size).toBe(0);
      expect([session.window.inProgress, session.immediateInProgress]).toEqual([0, 0]);
      expect(kit.device.submitted.length).toBe(0);
      expect(kit.served.records.filter(({ level }) => level === 'error')).toEqual([]);
    });
    await fc.assert(property, { numRuns: 150 });
  }, 60_000);
});
