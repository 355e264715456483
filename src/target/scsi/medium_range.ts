/** Checks and arithmetic that all commands on a range of blocks share. */
import { cdbCountField } from './cdb.ts';
import type { Command } from './command.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { SENSE } from './sense.ts';

/** VPD B0 MAXIMUM TRANSFER LENGTH, in blocks. */
export function maxTransferBlocks(logicalUnit: LogicalUnit): number {
  return logicalUnit.attributes.hw_max_sectors;
}

/** SBC-3 §4.5: false, and the command is over, when a block lies beyond the medium. */
export function withinMedium(command: Command, lba: number, blockCount: number): boolean {
  const total = command.logicalUnit.blockCount;
  if (lba + blockCount <= total && lba <= total) return true;
  // The first block that is not there, where the sense can say it.
  const information = Math.max(lba, total);
  command.check(
    SENSE.LBA_OUT_OF_RANGE,
    Number.isSafeInteger(information) ? { information } : undefined,
  );
  return false;
}

/** As `withinMedium`, and not more blocks than VPD B0 allows. */
export function transferable(command: Command, lba: number, blockCount: number): boolean {
  if (!withinMedium(command, lba, blockCount)) return false;
  if (blockCount <= maxTransferBlocks(command.logicalUnit)) return true;
  command.invalidField(cdbCountField(command.cdb));
  return false;
}

/**
 * Bytes of data-out that a command of `byteLength` can use: whole blocks, cut to what the initiator
 * gives. -1, and the command is over: the initiator gives a part of a block, and no block is ever
 * written in part.
 */
export function usableDataOut(command: Command, byteLength: number): number {
  const { task } = command;
  task.dataOutLength = byteLength;
  if (task.dataOutExpected >= byteLength) return byteLength;
  if (task.dataOutExpected % command.logicalUnit.blockSize === 0) return task.dataOutExpected;
  command.check(SENSE.INVALID_FIELD_IN_INFORMATION_UNIT);
  return -1;
}
