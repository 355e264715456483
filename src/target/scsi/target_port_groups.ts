/** REPORT TARGET PORT GROUPS (SPC-4 §6.37): the groups as an initiator reads them. */
import type { AluaAttributes } from '../../objects/declarations/alua.ts';
import type { Command } from './command.ts';
import type { ItlNexus, TargetPort } from './nexus.ts';
import type { PortGroup } from './port_groups.ts';

/** TARGET PORT COUNT is one byte. */
export const MAX_REPORTED_PORTS = 255;

const FORMAT_SHIFT = 5;
/** PARAMETER DATA FORMAT. */
const FORMAT = { LENGTH_ONLY: 0, EXTENDED: 1 } as const;
/** As the data themselves say which format they have. */
const EXTENDED_HEADER = 0x10;
const PREF = 0x80;
const GROUP_BYTES = 8;
const PORT_BYTES = 4;

const SUPPORTED = [
  ['alua_support_transitioning', 0x80],
  ['alua_support_offline', 0x40],
  ['alua_support_unavailable', 0x08],
  ['alua_support_standby', 0x04],
  ['alua_support_active_nonoptimized', 0x02],
  ['alua_support_active_optimized', 0x01],
] as const satisfies readonly (readonly [keyof AluaAttributes, number])[];

/** SPC-4 §6.6.2: with TPGS zero there is no word of groups anywhere. */
export function announcesGroups({ portGroup }: ItlNexus): boolean {
  return portGroup.attributes.alua_access_type !== 0;
}

export function reportTargetPortGroups(command: Command): void {
  const { cdb, logicalUnit, nexus, itl } = command;
  const format = (cdb[1] ?? 0) >>> FORMAT_SHIFT;
  if (format > FORMAT.EXTENDED) return command.invalidField(1, 7);
  const header = Buffer.alloc(format === FORMAT.EXTENDED ? 8 : 4);
  if (format === FORMAT.EXTENDED) {
    header[4] = EXTENDED_HEADER;
    header[5] = itl?.portGroup.attributes.implicit_trans_secs ?? 0;
  }
  const members = [...logicalUnit.portGroups.members()].sort(([a], [b]) => a.id - b.id);
  const groups = members.map(([group, ports]) =>
    // RFC 7143 §4.4.1: an iSCSI target is a SCSI device, within which port identifiers are unique.
    groupDescriptor(group, portIdsOf(ports, nexus.targetPort)),
  );
  const data = Buffer.concat([header, ...groups]);
  data.writeUInt32BE(data.length - 4, 0);
  return command.sendParameterData(data, cdb.readUInt32BE(6));
}

function portIdsOf(ports: readonly TargetPort[], { name }: TargetPort): readonly number[] {
  const ids = new Set<number>();
  for (const port of ports) if (port.name === name) ids.add(port.relativePortId);
  return [...ids].sort((a, b) => a - b).slice(0, MAX_REPORTED_PORTS);
}

function groupDescriptor(group: PortGroup, portIds: readonly number[]): Buffer {
  const { attributes } = group;
  const data = Buffer.alloc(GROUP_BYTES + PORT_BYTES * portIds.length);
  data[0] = (attributes.preferred ? PREF : 0) | group.state;
  for (const [name, bit] of SUPPORTED) if (attributes[name]) data[1] = (data[1] ?? 0) | bit;
  data.writeUInt16BE(group.id, 2);
  data[5] = attributes.alua_access_status;
  data[7] = portIds.length;
  portIds.forEach((id, at) => data.writeUInt16BE(id, GROUP_BYTES + PORT_BYTES * at + 2));
  return data;
}
