/** REPORT SUPPORTED OPERATION CODES (SPC-4 §6.35): the command table, as an initiator reads it. */
import { cdbLength } from './cdb.ts';
import type { Command } from './command.ts';
import type { CommandRow } from './command_row.ts';
import type { LogicalUnit } from './logical_unit.ts';
import type { ItlNexus } from './nexus.ts';

const RCTD = 0x80;
const OPTIONS = { ALL: 0, OPCODE: 1, SERVICE_ACTION: 2, EITHER: 3 } as const;
const SERVACTV = 0x01;
const CTDP_ALL = 0x02;
const CTDP_ONE = 0x80;
const SUPPORT = { NO: 1, AS_STANDARD: 3 } as const;
/** No nominal and no recommended timeout: both zero. */
const TIMEOUTS = Buffer.from([0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

export function isServed(row: CommandRow, itl: ItlNexus): boolean {
  return row.served?.(itl) ?? true;
}

export function usageOf(row: CommandRow, logicalUnit: LogicalUnit): readonly number[] {
  return row.usageFor?.(logicalUnit) ?? row.usage;
}

export function reportSupportedOpcodes(command: Command, table: readonly CommandRow[]): void {
  const { cdb, itl, logicalUnit } = command;
  const withTimeouts = ((cdb[2] ?? 0) & RCTD) !== 0;
  const option = (cdb[2] ?? 0) & 7;
  const allocationLength = cdb.readUInt32BE(6);
  const served = table.filter((row) => itl !== null && isServed(row, itl));
  if (option === OPTIONS.ALL) {
    return command.sendParameterData(allCommands(served, withTimeouts), allocationLength);
  }
  if (option > OPTIONS.EITHER) return command.invalidField(2, 2);
  const opcode = cdb[3] ?? 0;
  const serviceAction = cdb.readUInt16BE(4);
  const known = served.filter((row) => row.opcode === opcode);
  const hasActions = known.some((row) => row.serviceAction !== undefined);
  if (option === OPTIONS.OPCODE && hasActions) return command.invalidField(3);
  if (option === OPTIONS.SERVICE_ACTION && known.length > 0 && !hasActions) {
    return command.invalidField(3);
  }
  const row = known.find((each) =>
    option === OPTIONS.OPCODE ? true : (each.serviceAction ?? 0) === serviceAction,
  );
  const data = oneCommand(row, logicalUnit, withTimeouts);
  return command.sendParameterData(data, allocationLength);
}

function allCommands(rows: readonly CommandRow[], withTimeouts: boolean): Buffer {
  const parts: Buffer[] = [];
  for (const row of rows) {
    const descriptor = Buffer.alloc(8);
    descriptor[0] = row.opcode;
    descriptor.writeUInt16BE(row.serviceAction ?? 0, 2);
    descriptor[5] =
      (row.serviceAction === undefined ? 0 : SERVACTV) | (withTimeouts ? CTDP_ALL : 0);
    descriptor.writeUInt16BE(cdbLength(row.opcode), 6);
    parts.push(descriptor);
    if (withTimeouts) parts.push(TIMEOUTS);
  }
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length, 0);
  return Buffer.concat([header, body]);
}

function oneCommand(
  row: CommandRow | undefined,
  logicalUnit: LogicalUnit,
  withTimeouts: boolean,
): Buffer {
  if (row === undefined) return Buffer.from([0, SUPPORT.NO, 0, 0]);
  const usage = Buffer.from(usageOf(row, logicalUnit));
  // SPC-4 §6.35.3: opcode and service action stand there as themselves.
  usage[0] = row.opcode;
  if (row.serviceAction !== undefined) usage[1] = ((usage[1] ?? 0) & 0xe0) | row.serviceAction;
  const header = Buffer.from([0, SUPPORT.AS_STANDARD | (withTimeouts ? CTDP_ONE : 0), 0, 0]);
  header.writeUInt16BE(usage.length, 2);
  return Buffer.concat(withTimeouts ? [header, usage, TIMEOUTS] : [header, usage]);
}
