/** INQUIRY: standard data (SPC-4 §6.6); the vital product data pages stand in `vpd.ts`. */
import type { Command } from './command.ts';
import { peripheralOf } from './access_state.ts';
import { ascii, VENDOR } from './identity.ts';
import type { LogicalUnit } from './logical_unit.ts';
import type { ItlNexus } from './nexus.ts';
import { vpdPage } from './vpd.ts';

const REVISION = '0001';
const STANDARD_BYTES = 96;
const VERSION_SPC_4 = 0x06;
/** HISUP (LUNs as SAM-5 numbers them) and response data format 2. */
const HISUP_FORMAT_2 = 0x12;
const CMDQUE = 0x02;
/** SPC-4 §6.6.2: qualifier 011b, type 1Fh: no logical unit can stand here. */
const NO_LOGICAL_UNIT = 0x7f;
const TPGS_SHIFT = 4;
const VERSION_DESCRIPTORS = [
  0x00a0, // SAM-5
  0x0460, // SPC-4
  0x04c0, // SBC-3
  0x0960, // iSCSI
] as const;

function productOf(logicalUnit: LogicalUnit): string {
  if (logicalUnit.attributes.emulate_model_alias) return logicalUnit.name;
  return logicalUnit.kind.toUpperCase();
}

const EVPD = 0x01;

export function inquiry(command: Command): void {
  const { cdb, itl } = command;
  const page = cdb[2] ?? 0;
  const allocationLength = cdb.readUInt16BE(3);
  if (((cdb[1] ?? 0) & EVPD) === 0) {
    if (page !== 0) return command.invalidField(2);
    return command.sendParameterData(standardData(itl), allocationLength);
  }
  const data = itl === null ? null : vpdPage(page, itl);
  if (data === null) return command.invalidField(2);
  return command.sendParameterData(data, allocationLength);
}

function standardData(itl: ItlNexus | null): Buffer {
  const data = Buffer.alloc(STANDARD_BYTES);
  data[0] = itl === null ? NO_LOGICAL_UNIT : peripheralOf(itl);
  data[2] = VERSION_SPC_4;
  data[3] = HISUP_FORMAT_2;
  data[4] = STANDARD_BYTES - 5;
  // The bits of `alua_access_type` are those of TPGS.
  if (itl !== null) data[5] = itl.portGroup.attributes.alua_access_type << TPGS_SHIFT;
  data[7] = CMDQUE;
  ascii(VENDOR, 8).copy(data, 8);
  ascii(itl === null ? '' : productOf(itl.logicalUnit), 16).copy(data, 16);
  ascii(REVISION, 4).copy(data, 32);
  VERSION_DESCRIPTORS.forEach((version, index) => data.writeUInt16BE(version, 58 + 2 * index));
  return data;
}
