/**
 * Every command that is served, once: dispatch, the check for reserved bits, and the answer to
 * REPORT SUPPORTED OPERATION CODES all read this table.
 */
import type { Command } from './command.ts';
import { compareAndWrite } from './compare_and_write.ts';
import { REACH, type CommandRow } from './command_row.ts';
import { inquiry } from './inquiry.ts';
import { getLbaStatus } from './lba_status.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { modeSelect, modeSense, servesDpoFua } from './mode.ts';
import { unmap, writeSame } from './provisioning.ts';
import { read, write } from './read_write.ts';
import { readCapacity10, readCapacity16, reportLuns } from './report.ts';
import { setTargetPortGroups, takesStates } from './set_port_groups.ts';
import { reportSupportedOpcodes } from './supported_opcodes.ts';
import { announcesGroups, reportTargetPortGroups } from './target_port_groups.ts';
import {
  preventAllowMediumRemoval,
  requestSense,
  startStopUnit,
  synchronizeCache,
  testUnitReady,
} from './unit_control.ts';
import { verify, writeAndVerify } from './verify.ts';
import { isThin } from './vpd.ts';

type Checks = CommandRow['checks'];
const MEDIUM: Checks = {};
const WRITES: Checks = { writes: true };
const NO_MEDIUM: Checks = { notReadyOk: true };
const STANDBY: Checks = { reach: REACH.STANDBY };
const STANDBY_NO_MEDIUM: Checks = { notReadyOk: true, reach: REACH.STANDBY };
const REPORTS_GROUPS: Checks = { notReadyOk: true, reach: REACH.ANY };
const SETS_GROUPS: Checks = { notReadyOk: true, reach: REACH.UNAVAILABLE };
const ALWAYS: Checks = {
  notReadyOk: true,
  passesUnitAttention: true,
  anyLun: true,
  reach: REACH.ANY,
};

/** FUA_NV and RELADR are obsolete; FUA_NV is still sent, and asks for less than FUA. */
const FUA_NV = 0x02;
const DPO_FUA = 0x18;
const DPO = 0x10;
const BYTCHK = 0x06;
const UNMAP = 0x08;
const NDOB = 0x01;
const u8 = [0xff];
const u16 = [0xff, 0xff];
const u32 = [0xff, 0xff, 0xff, 0xff];
const u64 = [...u32, ...u32];

/** Byte 1 holds bits that are served only under some attributes. */
const withBits =
  (usage: readonly number[], bits: number, when: (logicalUnit: LogicalUnit) => boolean) =>
  (logicalUnit: LogicalUnit): readonly number[] => {
    if (when(logicalUnit)) return usage;
    const reduced = [...usage];
    reduced[1] = (reduced[1] ?? 0) & ~bits;
    return reduced;
  };

type Run = (command: Command) => void;
type Direction = CommandRow['dataDirection'];

function row(
  name: string,
  usage: readonly number[],
  dataDirection: Direction,
  checks: Checks,
  run: Run,
): CommandRow {
  return { opcode: usage[0] ?? 0, name, usage, dataDirection, checks, run };
}

/** READ and WRITE of 10, 12 and 16 bytes, and all that have DPO or FUA at the same place. */
function transfer(
  name: string,
  usage: readonly number[],
  dataDirection: Direction,
  checks: Checks,
  run: Run,
): CommandRow {
  const common = row(name, usage, dataDirection, checks, run);
  return { ...common, usageFor: cached(withBits(usage, DPO_FUA, servesDpoFua)) };
}

function writeSameRow(name: string, usage: readonly number[]): CommandRow {
  const common = row(name, usage, 'out', WRITES, writeSame);
  const usageFor = cached(withBits(usage, UNMAP, (lu) => lu.attributes.emulate_tpws));
  return { ...common, usageFor };
}

/** Two answers at most, so that no command makes a new one. */
function cached(
  usageFor: (logicalUnit: LogicalUnit) => readonly number[],
): (logicalUnit: LogicalUnit) => readonly number[] {
  const byAttributes = new WeakMap<object, readonly number[]>();
  let latest: object | null = null;
  let latestUsage: readonly number[] = [];
  return (logicalUnit) => {
    const { attributes } = logicalUnit;
    // Command after command is for the same logical unit: the map costs more than all checks.
    if (attributes === latest) return latestUsage;
    let usage = byAttributes.get(attributes);
    if (usage === undefined) {
      usage = usageFor(logicalUnit);
      byAttributes.set(attributes, usage);
    }
    latest = attributes;
    latestUsage = usage;
    return usage;
  };
}

/** In the order of opcodes and service actions. */
export const COMMANDS: readonly CommandRow[] = [
  row('TEST UNIT READY', [0x00, 0, 0, 0, 0, 0], 'none', MEDIUM, testUnitReady),
  row('REQUEST SENSE', [0x03, 0x01, 0, 0, ...u8, 0], 'in', ALWAYS, requestSense),
  row('READ(6)', [0x08, 0x1f, ...u16, ...u8, 0], 'in', MEDIUM, read),
  row('WRITE(6)', [0x0a, 0x1f, ...u16, ...u8, 0], 'out', WRITES, write),
  row('INQUIRY', [0x12, 0x01, ...u8, ...u16, 0], 'in', ALWAYS, inquiry),
  row('MODE SELECT(6)', [0x15, 0x10, 0, 0, ...u8, 0], 'out', STANDBY_NO_MEDIUM, modeSelect),
  row('MODE SENSE(6)', [0x1a, 0x08, ...u8, ...u8, ...u8, 0], 'in', STANDBY_NO_MEDIUM, modeSense),
  row('START STOP UNIT', [0x1b, 0x01, 0, 0, 0x05, 0], 'none', NO_MEDIUM, startStopUnit),
  row(
    'PREVENT ALLOW MEDIUM REMOVAL',
    [0x1e, 0, 0, 0, 0x01, 0],
    'none',
    NO_MEDIUM,
    preventAllowMediumRemoval,
  ),
  row('READ CAPACITY(10)', [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 'in', STANDBY, readCapacity10),
  transfer('READ(10)', [0x28, DPO_FUA | FUA_NV, ...u32, 0, ...u16, 0], 'in', MEDIUM, read),
  transfer('WRITE(10)', [0x2a, DPO_FUA | FUA_NV, ...u32, 0, ...u16, 0], 'out', WRITES, write),
  transfer(
    'WRITE AND VERIFY(10)',
    [0x2e, DPO | BYTCHK, ...u32, 0, ...u16, 0],
    'out',
    WRITES,
    writeAndVerify,
  ),
  transfer('VERIFY(10)', [0x2f, DPO | BYTCHK, ...u32, 0, ...u16, 0], 'out', MEDIUM, verify),
  row(
    'SYNCHRONIZE CACHE(10)',
    [0x35, 0x06, ...u32, 0, ...u16, 0],
    'none',
    MEDIUM,
    synchronizeCache,
  ),
  writeSameRow('WRITE SAME(10)', [0x41, UNMAP, ...u32, 0, ...u16, 0]),
  {
    ...row('UNMAP', [0x42, 0, 0, 0, 0, 0, 0, ...u16, 0], 'out', WRITES, unmap),
    served: ({ logicalUnit }) => logicalUnit.attributes.emulate_tpu,
  },
  row(
    'MODE SELECT(10)',
    [0x55, 0x10, 0, 0, 0, 0, 0, ...u16, 0],
    'out',
    STANDBY_NO_MEDIUM,
    modeSelect,
  ),
  row(
    'MODE SENSE(10)',
    [0x5a, 0x18, ...u8, ...u8, 0, 0, 0, ...u16, 0],
    'in',
    STANDBY_NO_MEDIUM,
    modeSense,
  ),
  transfer('READ(16)', [0x88, DPO_FUA | FUA_NV, ...u64, ...u32, 0, 0], 'in', MEDIUM, read),
  {
    ...transfer(
      'COMPARE AND WRITE',
      [0x89, DPO_FUA | FUA_NV, ...u64, 0, 0, 0, ...u8, 0, 0],
      'out',
      WRITES,
      compareAndWrite,
    ),
    served: ({ logicalUnit }) => logicalUnit.attributes.emulate_caw,
  },
  transfer('WRITE(16)', [0x8a, DPO_FUA | FUA_NV, ...u64, ...u32, 0, 0], 'out', WRITES, write),
  transfer(
    'WRITE AND VERIFY(16)',
    [0x8e, DPO | BYTCHK, ...u64, ...u32, 0, 0],
    'out',
    WRITES,
    writeAndVerify,
  ),
  transfer('VERIFY(16)', [0x8f, DPO | BYTCHK, ...u64, ...u32, 0, 0], 'out', MEDIUM, verify),
  row(
    'SYNCHRONIZE CACHE(16)',
    [0x91, 0x06, ...u64, ...u32, 0, 0],
    'none',
    MEDIUM,
    synchronizeCache,
  ),
  writeSameRow('WRITE SAME(16)', [0x93, UNMAP | NDOB, ...u64, ...u32, 0, 0]),
  {
    ...row('GET LBA STATUS', [0x9e, 0x1f, ...u64, ...u32, 0, 0], 'in', MEDIUM, getLbaStatus),
    serviceAction: 0x12,
    served: ({ logicalUnit }) => isThin(logicalUnit),
  },
  {
    ...row(
      'READ CAPACITY(16)',
      [0x9e, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, ...u32, 0, 0],
      'in',
      STANDBY,
      readCapacity16,
    ),
    serviceAction: 0x10,
  },
  row('REPORT LUNS', [0xa0, 0, ...u8, 0, 0, 0, ...u32, 0, 0], 'in', ALWAYS, reportLuns),
  {
    ...row(
      'REPORT TARGET PORT GROUPS',
      [0xa3, ...u8, 0, 0, 0, 0, ...u32, 0, 0],
      'in',
      REPORTS_GROUPS,
      reportTargetPortGroups,
    ),
    serviceAction: 0x0a,
    served: announcesGroups,
  },
  {
    ...row(
      'REPORT SUPPORTED OPERATION CODES',
      [0xa3, 0x1f, 0x87, ...u8, ...u16, ...u32, 0, 0],
      'in',
      STANDBY_NO_MEDIUM,
      (command) => reportSupportedOpcodes(command, COMMANDS),
    ),
    serviceAction: 0x0c,
    served: ({ logicalUnit }) => logicalUnit.attributes.emulate_rsoc,
  },
  {
    ...row(
      'SET TARGET PORT GROUPS',
      [0xa4, 0x1f, 0, 0, 0, 0, ...u32, 0, 0],
      'out',
      SETS_GROUPS,
      setTargetPortGroups,
    ),
    serviceAction: 0x0a,
    served: takesStates,
  },
  transfer('READ(12)', [0xa8, DPO_FUA | FUA_NV, ...u32, ...u32, 0, 0], 'in', MEDIUM, read),
  transfer('WRITE(12)', [0xaa, DPO_FUA | FUA_NV, ...u32, ...u32, 0, 0], 'out', WRITES, write),
  transfer(
    'WRITE AND VERIFY(12)',
    [0xae, DPO | BYTCHK, ...u32, ...u32, 0, 0],
    'out',
    WRITES,
    writeAndVerify,
  ),
  transfer('VERIFY(12)', [0xaf, DPO | BYTCHK, ...u32, ...u32, 0, 0], 'out', MEDIUM, verify),
];

const SERVICE_ACTION_MASK = 0x1f;
const BY_OPCODE: readonly (readonly CommandRow[])[] = Array.from({ length: 256 }, (_, opcode) =>
  COMMANDS.filter((each) => each.opcode === opcode),
);

/** The row of a CDB, whether served under the attributes or not. */
export function commandRow(cdb: Buffer): CommandRow | undefined {
  const rows = BY_OPCODE[cdb[0] ?? 0] ?? [];
  const first = rows[0];
  if (first?.serviceAction === undefined) return first;
  const serviceAction = (cdb[1] ?? 0) & SERVICE_ACTION_MASK;
  return rows.find((each) => each.serviceAction === serviceAction);
}
