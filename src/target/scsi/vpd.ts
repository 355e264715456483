/** Vital product data pages (SPC-4 §7.8, SBC-3 §6.6). */
import { peripheralOf } from './access_state.ts';
import { ascii, VENDOR } from './identity.ts';
import { maxCompareAndWriteBlocks } from './compare_and_write.ts';
import type { LogicalUnit } from './logical_unit.ts';
import { maxTransferBlocks } from './medium_range.ts';
import type { ItlNexus, TargetPort } from './nexus.ts';
import { announcesGroups } from './target_port_groups.ts';
import { unmapLimits } from './provisioning.ts';
import { writeUInt64 } from './cdb.ts';

type PageBody = (itl: ItlNexus) => Buffer;

/** In ascending order, as page 00h lists them. */
const PAGES: ReadonlyMap<number, PageBody> = new Map<number, PageBody>([
  [0x00, () => Buffer.from([...PAGES.keys()])],
  [0x80, (itl) => Buffer.from(itl.logicalUnit.wwn, 'latin1')],
  [0x83, deviceIdentification],
  [0xb0, (itl) => blockLimits(itl.logicalUnit)],
  [0xb1, (itl) => blockDeviceCharacteristics(itl.logicalUnit)],
  [0xb2, (itl) => logicalBlockProvisioning(itl.logicalUnit)],
]);

/** Null: no such page. */
export function vpdPage(page: number, itl: ItlNexus): Buffer | null {
  const body = PAGES.get(page)?.(itl);
  if (body === undefined) return null;
  const header = Buffer.from([peripheralOf(itl), page, 0, 0]);
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** SPC-4 §7.8.6: what a designator names. */
const ASSOCIATION = { LOGICAL_UNIT: 0, TARGET_PORT: 1 } as const;
const CODE_SET = { BINARY: 1, ASCII: 2, UTF8: 3 } as const;
const DESIGNATOR = {
  T10_VENDOR: 1,
  NAA: 3,
  RELATIVE_TARGET_PORT: 4,
  TARGET_PORT_GROUP: 5,
  LOGICAL_UNIT_GROUP: 6,
  SCSI_NAME: 8,
} as const;
const PROTOCOL_ISCSI = 5;
const PIV = 0x80;

function designator(type: number, codeSet: number, association: number, value: Buffer): Buffer {
  const ofPort = association === ASSOCIATION.TARGET_PORT;
  const header = Buffer.from([
    (ofPort ? PROTOCOL_ISCSI << 4 : 0) | codeSet,
    (ofPort ? PIV : 0) | (association << 4) | type,
    0,
    value.length,
  ]);
  return Buffer.concat([header, value]);
}

function deviceIdentification(itl: ItlNexus): Buffer {
  const { logicalUnit, itNexus, portGroup } = itl;
  const { LOGICAL_UNIT, TARGET_PORT } = ASSOCIATION;
  const { targetPort } = itNexus;
  const t10 = Buffer.concat([
    ascii(VENDOR, 8),
    Buffer.from(`${logicalUnit.kind}:${logicalUnit.wwn}`.slice(0, 240), 'latin1'),
  ]);
  const number = (value: number): Buffer => Buffer.from([0, 0, value >>> 8, value & 0xff]);
  const { BINARY, ASCII, UTF8 } = CODE_SET;
  return Buffer.concat([
    designator(DESIGNATOR.NAA, BINARY, LOGICAL_UNIT, naaIdentifier(logicalUnit.wwn)),
    designator(DESIGNATOR.T10_VENDOR, ASCII, LOGICAL_UNIT, t10),
    designator(
      DESIGNATOR.RELATIVE_TARGET_PORT,
      BINARY,
      TARGET_PORT,
      number(targetPort.relativePortId),
    ),
    ...(announcesGroups(itl)
      ? [designator(DESIGNATOR.TARGET_PORT_GROUP, BINARY, TARGET_PORT, number(portGroup.id))]
      : []),
    designator(DESIGNATOR.LOGICAL_UNIT_GROUP, BINARY, LOGICAL_UNIT, number(0)),
    designator(DESIGNATOR.SCSI_NAME, UTF8, TARGET_PORT, portName(targetPort)),
  ]);
}

/** NAA 6 with LIO's company id 001405h and the first 25 hex digits of the serial number. */
export function naaIdentifier(wwn: string): Buffer {
  const digits = wwn.replace(/[^0-9a-fA-F]/g, '').slice(0, 25);
  return Buffer.from(`6001405${digits.padEnd(25, '0')}`, 'hex');
}

/** SPC-4 §7.8.6.11: NUL-terminated, and padded to a multiple of four. */
function portName(targetPort: TargetPort): Buffer {
  const tag = targetPort.tpgTag.toString(16).toUpperCase().padStart(4, '0');
  const name = Buffer.from(`${targetPort.name},t,0x${tag}`, 'utf8');
  const padded = Buffer.alloc((Math.floor(name.length / 4) + 1) * 4);
  name.copy(padded);
  return padded;
}

const BLOCK_LIMITS_BYTES = 0x3c;
/** WRITE SAME without a length is refused. */
const WSNZ = 0x01;
const UGAVALID = 0x8000_0000;

function blockLimits(logicalUnit: LogicalUnit): Buffer {
  const { attributes } = logicalUnit;
  // Offsets of SBC-3 §6.6.3, less the header of four bytes.
  const body = Buffer.alloc(BLOCK_LIMITS_BYTES);
  body[0] = WSNZ;
  body[1] = maxCompareAndWriteBlocks(logicalUnit);
  body.writeUInt16BE(1, 2);
  body.writeUInt32BE(maxTransferBlocks(logicalUnit), 4);
  body.writeUInt32BE(Math.min(attributes.optimal_sectors, maxTransferBlocks(logicalUnit)), 8);
  if (attributes.emulate_tpu) {
    const limits = unmapLimits(logicalUnit);
    body.writeUInt32BE(limits.lbaCount, 16);
    body.writeUInt32BE(limits.descriptors, 20);
  }
  if (isThin(logicalUnit)) {
    body.writeUInt32BE(attributes.unmap_granularity, 24);
    const alignment = attributes.unmap_granularity_alignment & 0x7fff_ffff;
    if (alignment !== 0) body.writeUInt32BE((UGAVALID | alignment) >>> 0, 28);
  }
  writeUInt64(attributes.max_write_same_len, body, 32);
  return body;
}

const NON_ROTATING = 1;

function blockDeviceCharacteristics(logicalUnit: LogicalUnit): Buffer {
  const body = Buffer.alloc(0x3c);
  body.writeUInt16BE(logicalUnit.attributes.is_nonrot ? NON_ROTATING : 0, 0);
  return body;
}

/** LBPME: the logical unit gives storage back on request. */
export function isThin(logicalUnit: LogicalUnit): boolean {
  return logicalUnit.attributes.emulate_tpu || logicalUnit.attributes.emulate_tpws;
}

const LBPU = 0x80;
const LBPWS = 0x40;
const LBPWS10 = 0x20;
const LBPRZ = 0x04;
const THIN = 2;

function logicalBlockProvisioning(logicalUnit: LogicalUnit): Buffer {
  const { attributes } = logicalUnit;
  const flags =
    (attributes.emulate_tpu ? LBPU : 0) |
    (attributes.emulate_tpws ? LBPWS | LBPWS10 : 0) |
    (isThin(logicalUnit) ? LBPRZ : 0);
  return Buffer.from([0, flags, isThin(logicalUnit) ? THIN : 0, 0]);
}
