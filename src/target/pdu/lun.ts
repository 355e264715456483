/** The 8-byte LUN field (SAM-5 §4.7.7). */
import { uint16At, uint32At } from '../../util/big_endian.ts';

export const LUN_FIELD_LENGTH = 8;
/** What `lunOf` gives for a field that names no LUN we could ever serve. */
export const LUN_NOT_SERVED = -1;

/** First byte: addressing method in the two high bits. */
const METHOD_SHIFT = 14;
const METHOD = { PERIPHERAL: 0, FLAT: 1 } as const;
const FLAT_MASK = 0x3fff;
const PERIPHERAL_MAX = 0xff;

/** Single-level LUN at `at`: peripheral (bus 0) or flat addressing; else `LUN_NOT_SERVED`. */
export function lunOf(field: Buffer, at: number): number {
  const first = uint16At(field, at);
  // SAM-5 §4.7.4: in a single-level LUN all but the first two bytes are zero.
  if (uint16At(field, at + 2) !== 0 || uint32At(field, at + 4) !== 0) return LUN_NOT_SERVED;
  const method = first >>> METHOD_SHIFT;
  if (method === METHOD.FLAT) return first & FLAT_MASK;
  if (method === METHOD.PERIPHERAL && first <= PERIPHERAL_MAX) return first;
  return LUN_NOT_SERVED;
}

/** Peripheral addressing up to 255, flat above: what Linux and REPORT LUNS write. */
export function writeLun(field: Buffer, at: number, lun: number): void {
  const method = lun > PERIPHERAL_MAX ? METHOD.FLAT : METHOD.PERIPHERAL;
  field.writeUInt16BE((method << METHOD_SHIFT) | lun, at);
  field.fill(0, at + 2, at + LUN_FIELD_LENGTH);
}
