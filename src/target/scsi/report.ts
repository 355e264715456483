/** READ CAPACITY and REPORT LUNS. */
import { writeUInt64 } from './cdb.ts';
import type { Command } from './command.ts';
import { UNIT_ATTENTION } from './unit_attention.ts';
import { isThin } from './vpd.ts';

export function readCapacity10(command: Command): void {
  const { blockCount, blockSize } = command.logicalUnit;
  const data = Buffer.alloc(8);
  // SBC-3 §5.16: all ones sends the initiator to READ CAPACITY(16).
  data.writeUInt32BE(Math.min(blockCount - 1, 0xffff_ffff), 0);
  data.writeUInt32BE(blockSize, 4);
  command.sendParameterData(data, data.length);
}

const LBPME = 0x80;
const LBPRZ = 0x40;

export function readCapacity16(command: Command): void {
  const { logicalUnit, cdb } = command;
  const data = Buffer.alloc(32);
  writeUInt64(logicalUnit.blockCount - 1, data, 0);
  data.writeUInt32BE(logicalUnit.blockSize, 8);
  if (isThin(logicalUnit)) data[14] = LBPME | LBPRZ;
  command.sendParameterData(data, cdb.readUInt32BE(10));
}

const LUN_BYTES = 8;
const MIN_ALLOCATION_LENGTH = 16;
/** SAM-5 §4.7.7: above this a LUN needs the flat space addressing method. */
const MAX_PERIPHERAL_LUN = 0xff;
const FLAT_SPACE = 0x4000;
/** SPC-4 §6.33, SELECT REPORT. */
const SELECT = { ADDRESSABLE: 0x00, WELL_KNOWN: 0x01, ALL: 0x02 } as const;

export function reportLuns(command: Command): void {
  const { cdb, nexus } = command;
  const select = cdb[2] ?? 0;
  const allocationLength = cdb.readUInt32BE(6);
  if (select > SELECT.ALL) return command.invalidField(2);
  if (allocationLength < MIN_ALLOCATION_LENGTH) return command.invalidField(6);
  // There are no well known logical units.
  const luns = select === SELECT.WELL_KNOWN ? [] : [...nexus.luns.keys()].sort((a, b) => a - b);
  const data = Buffer.alloc(LUN_BYTES + luns.length * LUN_BYTES);
  data.writeUInt32BE(luns.length * LUN_BYTES, 0);
  luns.forEach((lun, index) => {
    const field = lun <= MAX_PERIPHERAL_LUN ? lun : FLAT_SPACE | lun;
    data.writeUInt16BE(field, LUN_BYTES * (index + 1));
  });
  nexus.clearUnitAttention(UNIT_ATTENTION.REPORTED_LUNS_CHANGED);
  command.sendParameterData(data, allocationLength);
}
