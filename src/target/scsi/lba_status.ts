/** GET LBA STATUS (SBC-3 §5.5): which blocks are stored and which were given back. */
import { cdbLba, writeUInt64 } from './cdb.ts';
import type { Command } from './command.ts';
import { withinMedium } from './medium_range.ts';

const HEADER_BYTES = 8;
const DESCRIPTOR_BYTES = 16;
const ALLOCATION_LENGTH = 10;
const UINT32_MAX = 0xffff_ffff;
/** Descriptors of one answer: finding out asks the file system for each. */
const MAX_LBA_STATUS_DESCRIPTORS = 256;
/** SBC-3 §5.5.2.3, PROVISIONING STATUS. */
const PROVISIONING = { MAPPED: 0, DEALLOCATED: 1 } as const;

export function getLbaStatus(command: Command): void {
  const { cdb, logicalUnit } = command;
  const { blockCount } = logicalUnit;
  let lba = cdbLba(cdb);
  if (!withinMedium(command, lba, 1)) return;
  const allocationLength = cdb.readUInt32BE(ALLOCATION_LENGTH);
  // SBC-3 §5.5.1: at least one descriptor is found, however little is taken of it.
  const wanted = Math.max(1, Math.floor((allocationLength - HEADER_BYTES) / DESCRIPTOR_BYTES));
  const count = Math.min(wanted, MAX_LBA_STATUS_DESCRIPTORS);
  const data = Buffer.alloc(HEADER_BYTES + count * DESCRIPTOR_BYTES);
  let at = HEADER_BYTES;
  for (; at < data.length && lba < blockCount; at += DESCRIPTOR_BYTES) {
    const { mapped, blocks } = statusAt(command, lba);
    writeUInt64(lba, data, at);
    data.writeUInt32BE(blocks, at + 8);
    data.writeUInt8(mapped ? PROVISIONING.MAPPED : PROVISIONING.DEALLOCATED, at + 12);
    lba += blocks;
  }
  // PARAMETER DATA LENGTH counts what follows it.
  data.writeUInt32BE(at - 4, 0);
  command.sendParameterData(data.subarray(0, at), allocationLength);
}

/** A block that is stored in part counts as mapped. */
function statusAt(command: Command, lba: number): { mapped: boolean; blocks: number } {
  const { storage, blockSize, blockCount } = command.logicalUnit;
  const { mapped, byteLength } = storage.extentAt(lba * blockSize);
  const whole = mapped ? Math.ceil(byteLength / blockSize) : Math.floor(byteLength / blockSize);
  const blocks = Math.min(Math.max(whole, 1), blockCount - lba, UINT32_MAX);
  return { mapped: mapped || whole === 0, blocks };
}
