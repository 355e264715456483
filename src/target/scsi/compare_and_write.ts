/**
 * COMPARE AND WRITE (SBC-4 §5.3): blocks are replaced if they hold what the initiator says. Cluster
 * file systems lock by it, so that nothing may come between the reading and the writing. Its data
 * is here before it asks for the blocks: what it keeps others from depends on no initiator.
 */
import type { Backstore } from '../storage/backstore.ts';
import { cdbLba, FUA } from './cdb.ts';
import type { Command } from './command.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { withinMedium } from './medium_range.ts';
import type { RangeClaim } from './range_claims.ts';
import { SENSE } from './sense.ts';
import { firstDifference, miscompare } from './verify.ts';

/** With what it is compared with, a chunk of staging memory at any block size. */
export const MAX_COMPARE_AND_WRITE_BLOCKS = 64;
/** NUMBER OF LOGICAL BLOCKS, one byte. */
const BLOCK_COUNT = 13;

/** VPD B0 MAXIMUM COMPARE AND WRITE LENGTH, in blocks; 0: not served. */
export function maxCompareAndWriteBlocks(logicalUnit: LogicalUnit): number {
  return logicalUnit.attributes.emulate_caw ? MAX_COMPARE_AND_WRITE_BLOCKS : 0;
}

export function compareAndWrite(command: Command): void {
  const { cdb, logicalUnit, task } = command;
  const lba = cdbLba(cdb);
  const blockCount = cdb[BLOCK_COUNT] ?? 0;
  if (!withinMedium(command, lba, blockCount)) return;
  if (blockCount > maxCompareAndWriteBlocks(logicalUnit)) return command.invalidField(BLOCK_COUNT);
  if (blockCount === 0) {
    // SBC-4 §5.3: no error, and nothing is done. But with data it is a count that did not fit into
    // its byte: GOOD would be taken for a lock.
    return task.dataOutExpected === 0 ? command.good() : command.invalidField(BLOCK_COUNT);
  }
  const byteLength = blockCount * logicalUnit.blockSize;
  task.dataOutLength = 2 * byteLength;
  // With less there is nothing to compare with, or nothing to write: GOOD would be a lock for two.
  if (task.dataOutExpected < task.dataOutLength) {
    return command.check(SENSE.INVALID_FIELD_IN_INFORMATION_UNIT);
  }
  return command.stage(3 * byteLength, ({ memory }) => {
    command.task.receiveDataOut(memory.subarray(0, 2 * byteLength), 0, (ok) => {
      if (command.halted()) return;
      if (!ok) return command.completeAsIs();
      new Exchange(command, lba, memory, byteLength).begin();
    });
  });
}

/** With its data here: from asking for the blocks to the status. */
class Exchange {
  readonly #command: Command;
  readonly #lba: number;
  readonly #start: number;
  readonly #given: Buffer;
  readonly #next: Buffer;
  readonly #found: Buffer;
  readonly #claim: RangeClaim;

  /** `memory`: what to compare with, what to write, and room for what is there. */
  constructor(command: Command, lba: number, memory: Buffer, byteLength: number) {
    this.#command = command;
    this.#lba = lba;
    this.#start = lba * command.logicalUnit.blockSize;
    this.#given = memory.subarray(0, byteLength);
    this.#next = memory.subarray(byteLength, 2 * byteLength);
    this.#found = memory.subarray(2 * byteLength);
    this.#claim = command.logicalUnit.claims.claim(this.#start, byteLength);
  }

  begin(): void {
    this.#command.waitFor(() => this.#claim.end());
    this.#claim.begin((medium) => this.#granted(medium));
  }

  #granted(medium: Backstore): void {
    const command = this.#command;
    if (!command.waited()) return this.#claim.end();
    const blockCount = this.#given.length / command.logicalUnit.blockSize;
    // It may be smaller than when the command came.
    if (!withinMedium(command, this.#lba, blockCount)) return this.#claim.end();
    const fua = ((command.cdb[1] ?? 0) & FUA) !== 0;
    if (!fua || !medium.writeCache) return this.#compare(medium, fua);
    // SBC-3 §4.15: FUA reads the medium, so what the cache holds goes there first.
    return medium.flush((fault) => {
      if (fault === null) this.#compare(medium, fua);
      else this.#over(() => command.fault(fault));
    });
  }

  #compare(medium: Backstore, fua: boolean): void {
    const command = this.#command;
    medium.read(this.#found, this.#start, (fault) => {
      if (fault !== null) return this.#over(() => command.fault(fault, this.#lba));
      const differs = command.aborting ? 0 : firstDifference(this.#given, this.#found);
      // SBC-4 §5.3: INFORMATION is the offset of the first byte that differs.
      if (differs >= 0) return this.#over(() => miscompare(command, differs));
      return this.#write(medium, fua);
    });
  }

  #write(medium: Backstore, fua: boolean): void {
    const command = this.#command;
    medium.write(this.#next, this.#start, fua, (fault) =>
      this.#over(() => {
        if (fault !== null) return command.fault(fault, this.#lba);
        command.countWritten(this.#next.length);
        return command.good();
      }),
    );
  }

  /** Others may go on; then `answer`, unless the command was aborted. */
  #over(answer: () => void): void {
    this.#claim.end();
    if (!this.#command.halted()) answer();
  }
}
