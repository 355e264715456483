/**
 * CRC-32C (Castagnoli), the digest of RFC 7143 §13.1. A table walk in JavaScript for headers, for
 * which the call into native code would cost more than the work; for data the native module, if
 * present.
 */
import { createRequire } from 'node:module';

type Crc32c = (data: Buffer, initial: number) => number;

/** Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;
const SLICES = 8;
const TABLE_LENGTH = 256;
/** Below this many bytes the table walk is faster than the call. */
const NATIVE_FROM = 512;

/** Eight tables in one: `TABLES[k * 256 + b]` is the CRC of byte `b` followed by `k` zero bytes. */
const TABLES = makeTables();

function makeTables(): Uint32Array {
  const tables = new Uint32Array(SLICES * TABLE_LENGTH);
  for (let byte = 0; byte < TABLE_LENGTH; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = TABLE_LENGTH; at < tables.length; at++) {
    const shorter = tables[at - TABLE_LENGTH] ?? 0;
    tables[at] = (shorter >>> 8) ^ (tables[shorter & 0xff] ?? 0);
  }
  return tables;
}

/**
 * The portable implementation; `crc32c` chooses. For the few bytes of a header in the midst of a
 * buffer: a view of them would cost as much as the walk.
 */
export function crc32cTable(data: Buffer, initial = 0, start = 0, end = data.length): number {
  const t = TABLES as unknown as readonly number[];
  const d = data as unknown as readonly number[];
  let crc = ~initial;
  let at = start;
  const whole = end - ((end - start) % SLICES);
  for (; at < whole; at += SLICES) {
    crc ^= byteAt(d, at) | (byteAt(d, at + 1) << 8) | (byteAt(d, at + 2) << 16);
    crc ^= byteAt(d, at + 3) << 24;
    crc =
      byteAt(t, 1792 + (crc & 0xff)) ^
      byteAt(t, 1536 + ((crc >>> 8) & 0xff)) ^
      byteAt(t, 1280 + ((crc >>> 16) & 0xff)) ^
      byteAt(t, 1024 + (crc >>> 24)) ^
      byteAt(t, 768 + byteAt(d, at + 4)) ^
      byteAt(t, 512 + byteAt(d, at + 5)) ^
      byteAt(t, 256 + byteAt(d, at + 6)) ^
      byteAt(t, byteAt(d, at + 7));
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ byteAt(t, (crc ^ byteAt(d, at)) & 0xff);
  return ~crc >>> 0;
}

/** Indices are in range by construction; the engine inlines this to a plain load. */
function byteAt(array: readonly number[], at: number): number {
  return array[at] as number;
}

function loadNative(): Crc32c | undefined {
  try {
    const loaded: unknown = createRequire(import.meta.url)('@node-rs/crc32');
    const { crc32c: native } = loaded as { crc32c: Crc32c };
    // A module that computes something else must not be used on anybody's data.
    return native(Buffer.from('123456789'), 0) === 0xe306_9283 ? native : undefined;
  } catch {
    return undefined;
  }
}

const native = loadNative();

/** What was chosen at start, for `info`. */
export const CRC32C_IMPLEMENTATION = native ? 'native (@node-rs/crc32)' : 'JavaScript tables';

/** `initial`: the result for the bytes before, to continue; 0 to begin. */
export function crc32c(data: Buffer, initial = 0): number {
  if (native !== undefined && data.length >= NATIVE_FROM) return native(data, initial);
  return crc32cTable(data, initial);
}
