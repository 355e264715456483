/** VERIFY and WRITE AND VERIFY: the medium is really read, and really compared. */
import { cdbBlockCount, cdbLba } from './cdb.ts';
import type { Command } from './command.ts';
import { transferable, usableDataOut } from './medium_range.ts';
import { repeat } from './repeat.ts';
import { SENSE } from './sense.ts';
import { MAX_CHUNK_BYTES } from './staging.ts';

/** SBC-3 §5.36, BYTCHK. */
const BYTCHK = { MEDIUM: 0, DATA: 1, ONE_BLOCK: 3 } as const;
const BYTCHK_MSB = 2;
const bytchk = (cdb: Buffer): number => ((cdb[1] ?? 0) >>> 1) & 3;

/** Half of the share holds what the medium has, half what the initiator gives. */
const HALF_CHUNK_BYTES = MAX_CHUNK_BYTES / 2;

export function verify(command: Command): void {
  const { cdb, logicalUnit } = command;
  const lba = cdbLba(cdb);
  const blockCount = cdbBlockCount(cdb);
  const mode = bytchk(cdb);
  if (mode === 2) return command.invalidField(1, BYTCHK_MSB);
  if (!transferable(command, lba, blockCount)) return;
  if (blockCount === 0) return command.good();
  const { blockSize } = logicalUnit;
  const start = lba * blockSize;
  if (mode === BYTCHK.MEDIUM) return readOver(command, start, blockCount * blockSize);
  if (mode === BYTCHK.ONE_BLOCK) return compareOneBlock(command, start, blockCount);
  const total = usableDataOut(command, blockCount * blockSize);
  if (total < 0) return;
  if (total === 0) return command.good();
  return compareData(command, start, total, false);
}

/** Each chunk is made durable, read back and compared, which serves both values of BYTCHK. */
export function writeAndVerify(command: Command): void {
  const { cdb, logicalUnit } = command;
  const lba = cdbLba(cdb);
  const blockCount = cdbBlockCount(cdb);
  const mode = bytchk(cdb);
  // SBC-3 §5.45: 10b and 11b are reserved here.
  if (mode !== BYTCHK.MEDIUM && mode !== BYTCHK.DATA) return command.invalidField(1, BYTCHK_MSB);
  if (!transferable(command, lba, blockCount)) return;
  const total = usableDataOut(command, blockCount * logicalUnit.blockSize);
  if (total < 0) return;
  if (total === 0) return command.good();
  return compareData(command, lba * logicalUnit.blockSize, total, true);
}

function readOver(command: Command, start: number, total: number): void {
  const { logicalUnit } = command;
  const { blockSize } = logicalUnit;
  let done = 0;
  command.stage(Math.min(total, MAX_CHUNK_BYTES), ({ memory }) => {
    repeat((next) => {
      const chunk = memory.subarray(0, Math.min(memory.length, total - done));
      logicalUnit.storage.read(chunk, start + done, (fault) => {
        if (command.halted()) return;
        if (fault !== null) return command.fault(fault, Math.floor((start + done) / blockSize));
        done += chunk.length;
        if (done < total) next();
        else command.good();
      });
    });
  });
}

/** BYTCHK 01b; with `write`, the data goes to the medium before it is read back. */
function compareData(command: Command, start: number, total: number, write: boolean): void {
  const { logicalUnit } = command;
  const { blockSize } = logicalUnit;
  const half = Math.min(total, HALF_CHUNK_BYTES);
  let done = 0;
  command.stage(2 * half, ({ memory }) => {
    repeat((next) => {
      const length = Math.min(half, total - done);
      const given = memory.subarray(0, length);
      const found = memory.subarray(half, half + length);
      const lba = Math.floor((start + done) / blockSize);
      const readBack = (): void =>
        logicalUnit.storage.read(found, start + done, (fault) => {
          if (command.halted()) return;
          if (fault !== null) return command.fault(fault, lba);
          const differs = firstDifference(given, found);
          if (differs >= 0) return miscompare(command, done + differs);
          done += length;
          if (done < total) next();
          else command.good();
        });
      command.task.receiveDataOut(given, done, (ok) => {
        if (command.halted()) return;
        if (!ok) return command.completeAsIs();
        if (!write) return readBack();
        return logicalUnit.storage.write(given, start + done, true, (fault) => {
          if (command.halted()) return;
          if (fault !== null) command.fault(fault, lba);
          else readBack();
        });
      });
    });
  });
}

/** BYTCHK 11b: one block from the initiator, compared with each block of the range. */
function compareOneBlock(command: Command, start: number, blockCount: number): void {
  const { logicalUnit } = command;
  const { blockSize } = logicalUnit;
  const usable = usableDataOut(command, blockSize);
  if (usable < 0) return;
  if (usable === 0) return command.good();
  const pattern = Buffer.alloc(blockSize);
  const total = blockCount * blockSize;
  const compare = (memory: Buffer): void => {
    let done = 0;
    repeat((next) => {
      const chunk = memory.subarray(0, Math.min(memory.length, total - done));
      logicalUnit.storage.read(chunk, start + done, (fault) => {
        if (command.halted()) return;
        if (fault !== null) return command.fault(fault, Math.floor((start + done) / blockSize));
        for (let at = 0; at < chunk.length; at += blockSize) {
          const differs = firstDifference(pattern, chunk.subarray(at, at + blockSize));
          if (differs >= 0) return miscompare(command, differs);
        }
        done += chunk.length;
        if (done < total) next();
        else command.good();
      });
    });
  };
  command.task.receiveDataOut(pattern, 0, (ok) => {
    if (command.halted()) return;
    if (!ok) return command.completeAsIs();
    return command.stage(Math.min(total, MAX_CHUNK_BYTES), ({ memory }) => compare(memory));
  });
}

/** Offset of the first byte that differs, or -1. */
export function firstDifference(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return -1;
  let at = 0;
  while (a[at] === b[at]) at++;
  return at;
}

export function miscompare(command: Command, offset: number): void {
  command.check(SENSE.MISCOMPARE, { information: offset });
}
