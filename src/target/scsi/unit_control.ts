/** TEST UNIT READY, REQUEST SENSE, START STOP UNIT, SYNCHRONIZE CACHE, PREVENT ALLOW. */
import { cdbBlockCount, cdbLba } from './cdb.ts';
import type { Command } from './command.ts';
import { withinMedium } from './medium_range.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { buildSense, SENSE, unitAttentionSense, type Sense } from './sense.ts';

/** Why the medium cannot be accessed, or null. */
export function notReadySense(logicalUnit: LogicalUnit): Sense | null {
  if (logicalUnit.storage.fault !== null || logicalUnit.blockCount === 0) return SENSE.NOT_READY;
  return logicalUnit.stopped ? SENSE.INITIALIZING_COMMAND_REQUIRED : null;
}

export function testUnitReady(command: Command): void {
  command.good();
}

const DESC = 0x01;

export function requestSense(command: Command): void {
  const { cdb } = command;
  const descriptorFormat = ((cdb[1] ?? 0) & DESC) !== 0;
  const data = buildSense(takePendingSense(command), descriptorFormat);
  command.sendParameterData(data, cdb[4] ?? 0);
}

/** SPC-4 §6.39: the unit attention is told and cleared; else the state of the logical unit. */
function takePendingSense(command: Command): Sense {
  const { itl } = command;
  if (itl === null) return SENSE.LOGICAL_UNIT_NOT_SUPPORTED;
  const condition = itl.unitAttentions.peek();
  if (condition === 0) {
    return itl.portGroup.gate?.sense ?? notReadySense(itl.logicalUnit) ?? SENSE.NO_SENSE;
  }
  itl.reported(condition);
  return unitAttentionSense(condition);
}

const START = 0x01;
const NO_FLUSH = 0x04;

/** Without power conditions and removable media: a stopped unit refuses access to its medium. */
export function startStopUnit(command: Command): void {
  const { cdb, logicalUnit } = command;
  const flags = cdb[4] ?? 0;
  if ((flags & START) !== 0) {
    setStopped(logicalUnit, false);
    return command.good();
  }
  const stop = (): void => {
    setStopped(logicalUnit, true);
    command.good();
  };
  if ((flags & NO_FLUSH) !== 0 || logicalUnit.storage.fault !== null) return stop();
  // SBC-3 §5.26: cached data goes to the medium before it stops.
  return logicalUnit.storage.flush((fault) => {
    if (command.halted()) return;
    if (fault !== null) command.fault(fault);
    else stop();
  });
}

function setStopped(logicalUnit: LogicalUnit, stopped: boolean): void {
  logicalUnit.stopped = stopped;
  logicalUnit.modeChanged();
}

/** IMMED allows an early status; ours comes when all is durable, which promises more. */
export function synchronizeCache(command: Command): void {
  const { cdb, logicalUnit } = command;
  if (!withinMedium(command, cdbLba(cdb), cdbBlockCount(cdb))) return;
  logicalUnit.storage.flush((fault) => {
    if (command.halted()) return;
    if (fault !== null) command.fault(fault);
    else command.good();
  });
}

const PREVENT = 0x01;

/** The medium is not removable, so that there is nothing to prevent; allowing is no error. */
export function preventAllowMediumRemoval(command: Command): void {
  if (((command.cdb[4] ?? 0) & PREVENT) !== 0) return command.invalidField(4, 0);
  return command.good();
}
