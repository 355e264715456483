/** UNMAP and WRITE SAME (SBC-3 §4.7): storage is really given back, data really written. */
import { cdbBlockCount, cdbCountField, cdbLba, readUInt64 } from './cdb.ts';
import type { Command } from './command.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { withinMedium } from './medium_range.ts';
import { repeat } from './repeat.ts';
import { SENSE } from './sense.ts';
import { MAX_CHUNK_BYTES } from './staging.ts';

const UNMAP_HEADER_BYTES = 8;
const UNMAP_DESCRIPTOR_BYTES = 16;
/** Blocks whose storage is given back by one call, so that one command holds up no other. */
const DEALLOCATE_BYTES = 64 * 1024 * 1024;

/** VPD B0 limits of UNMAP; the attribute's 0 means that nothing but the format limits it. */
export function unmapLimits(logicalUnit: LogicalUnit): { lbaCount: number; descriptors: number } {
  const { max_unmap_lba_count, max_unmap_block_desc_count } = logicalUnit.attributes;
  return {
    lbaCount: max_unmap_lba_count === 0 ? 0xffff_ffff : max_unmap_lba_count,
    descriptors: max_unmap_block_desc_count === 0 ? 4095 : max_unmap_block_desc_count,
  };
}

interface Extent {
  readonly lba: number;
  readonly blockCount: number;
}

export function unmap(command: Command): void {
  const listLength = command.cdb.readUInt16BE(7);
  // SBC-3 §5.28: no list is no error.
  if (listLength === 0) return command.good();
  return command.receiveParameterList(listLength, (list) => {
    const extents = unmapExtents(command, list, listLength);
    if (extents !== null) deallocate(command, extents);
  });
}

/** Null: refused, and the command is over. Everything is checked before anything is unmapped. */
function unmapExtents(command: Command, list: Buffer, listLength: number): Extent[] | null {
  if (list.length < UNMAP_HEADER_BYTES || list.length < listLength) {
    command.check(SENSE.PARAMETER_LIST_LENGTH_ERROR);
    return null;
  }
  // UNMAP DATA LENGTH and UNMAP BLOCK DESCRIPTOR DATA LENGTH must lie within the list.
  const dataLength = list.readUInt16BE(0) + 2;
  const descriptorLength = list.readUInt16BE(2);
  if (dataLength > list.length || descriptorLength + UNMAP_HEADER_BYTES > list.length) {
    command.check(SENSE.PARAMETER_LIST_LENGTH_ERROR);
    return null;
  }
  const limits = unmapLimits(command.logicalUnit);
  // SBC-3 §5.28.2: a last descriptor that is not whole is ignored.
  const count = Math.floor(descriptorLength / UNMAP_DESCRIPTOR_BYTES);
  if (count > limits.descriptors) {
    command.invalidParameter(2);
    return null;
  }
  const extents: Extent[] = [];
  let blocks = 0;
  for (let index = 0; index < count; index++) {
    const at = UNMAP_HEADER_BYTES + index * UNMAP_DESCRIPTOR_BYTES;
    const lba = readUInt64(list, at);
    const blockCount = list.readUInt32BE(at + 8);
    if (!withinMedium(command, lba, blockCount)) return null;
    blocks += blockCount;
    if (blocks > limits.lbaCount) {
      command.invalidParameter(at + 8);
      return null;
    }
    if (blockCount > 0) extents.push({ lba, blockCount });
  }
  return extents;
}

function deallocate(command: Command, extents: readonly Extent[]): void {
  const { logicalUnit } = command;
  const { blockSize } = logicalUnit;
  let index = 0;
  let done = 0;
  repeat((next) => {
    const extent = extents[index];
    if (extent === undefined) return command.good();
    const total = extent.blockCount * blockSize;
    const offset = extent.lba * blockSize + done;
    const length = Math.min(DEALLOCATE_BYTES, total - done);
    return logicalUnit.storage.deallocate(offset, length, (fault) => {
      if (command.halted()) return;
      if (fault !== null) return command.fault(fault, Math.floor(offset / blockSize));
      done += length;
      if (done === total) {
        index++;
        done = 0;
      }
      next();
    });
  });
}

const UNMAP_BIT = 0x08;
const NDOB_BIT = 0x01;
const WRITE_SAME_16 = 0x93;

export function writeSame(command: Command): void {
  const { cdb, logicalUnit, task } = command;
  const flags = cdb[1] ?? 0;
  const lba = cdbLba(cdb);
  const blockCount = cdbBlockCount(cdb);
  const withoutData = cdb[0] === WRITE_SAME_16 && (flags & NDOB_BIT) !== 0;
  if (!withinMedium(command, lba, blockCount)) return;
  // SBC-3 §5.40 with WSNZ=1: "up to the last block" has to be said in so many words.
  const limit = logicalUnit.attributes.max_write_same_len;
  if (blockCount === 0 || (limit > 0 && blockCount > limit)) {
    return command.invalidField(cdbCountField(cdb));
  }
  const mayUnmap = (flags & UNMAP_BIT) !== 0;
  const extent = { lba, blockCount };
  if (withoutData) {
    if (mayUnmap) return deallocate(command, [extent]);
    return writePattern(command, extent, Buffer.alloc(logicalUnit.blockSize));
  }
  task.dataOutLength = logicalUnit.blockSize;
  if (task.dataOutExpected === 0) return command.good();
  // Neither a part of the block nor more than it can be meant.
  if (task.dataOutExpected !== logicalUnit.blockSize) {
    return command.check(SENSE.INVALID_FIELD_IN_INFORMATION_UNIT);
  }
  return command.receiveParameterList(logicalUnit.blockSize, (block) => {
    // SBC-3 §4.7.3.4.4: unmapped only if the block then reads as what was given, which is zeros.
    if (mayUnmap && isZero(block)) deallocate(command, [extent]);
    else writePattern(command, extent, block);
  });
}

function isZero(block: Buffer): boolean {
  return block.equals(Buffer.alloc(block.length));
}

function writePattern(command: Command, extent: Extent, block: Buffer): void {
  const { logicalUnit } = command;
  const { blockSize } = logicalUnit;
  const start = extent.lba * blockSize;
  const total = extent.blockCount * blockSize;
  let done = 0;
  command.stage(Math.min(total, MAX_CHUNK_BYTES), ({ memory }) => {
    memory.fill(block);
    repeat((next) => {
      const chunk = memory.subarray(0, Math.min(memory.length, total - done));
      logicalUnit.storage.write(chunk, start + done, false, (fault) => {
        if (command.halted()) return;
        if (fault !== null) return command.fault(fault, Math.floor((start + done) / blockSize));
        done += chunk.length;
        if (done < total) next();
        else command.good();
      });
    });
  });
}
