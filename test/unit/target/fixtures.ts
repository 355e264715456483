/** PDUs kept as hex under `test/fixtures`: `#` begins a comment, a blank line ends a PDU. */
import { readFileSync } from 'node:fs';

export interface FixturePdu {
  readonly bhs: Buffer;
  /** Data segment, without padding. */
  readonly data: Buffer;
}

const BHS_LENGTH = 48;
const DATA_SEGMENT_LENGTH = 5;

/** Each PDU as it was on the wire, with padding and digests. */
export function fixtureWires(name: string): readonly Buffer[] {
  const text = readFileSync(new URL(`../../fixtures/${name}.hex`, import.meta.url), 'utf8');
  return text
    .replace(/#.*\n/g, '')
    .split(/\n\n+/)
    .map((block) => Buffer.from(block.replace(/\s/g, ''), 'hex'))
    .filter((bytes) => bytes.length > 0);
}

/** PDUs without digests. */
export function fixturePdus(name: string): readonly FixturePdu[] {
  return fixtureWires(name).map((bytes) => {
    const length = bytes.readUIntBE(DATA_SEGMENT_LENGTH, 3);
    return {
      bhs: bytes.subarray(0, BHS_LENGTH),
      data: bytes.subarray(BHS_LENGTH, BHS_LENGTH + length),
    };
  });
}

/** The only PDU of a fixture. */
export function fixturePdu(name: string): FixturePdu {
  const [pdu] = fixturePdus(name);
  if (!pdu) throw new Error(`no PDU in ${name}`);
  return pdu;
}
