/**
 * Fields of wire formats, most significant byte first. Node's own methods check offset and value
 * each time, which on the data path costs more than the work itself. Here the caller vouches for
 * both: bytes beyond the end read as zero and are not written, values are cut to the field.
 */

export function uint16At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function uint24At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | uint24At(bytes, at + 1)) >>> 0;
}

export function putUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function putUint24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value;
}

export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  putUint24(bytes, at + 1, value);
}

/** Digests alone go least significant byte first (RFC 7143 §13.1). */
export function putUint32LE(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/**
 * For a few bytes: a loop, four at a time, beats `Buffer.copy`, which makes a view of what it
 * copies a part of.
 */
export function copyFew(
  from: Uint8Array,
  start: number,
  into: Uint8Array,
  at: number,
  length: number,
): void {
  let n = 0;
  for (; n + 4 <= length; n += 4) {
    into[at + n] = from[start + n] ?? 0;
    into[at + n + 1] = from[start + n + 1] ?? 0;
    into[at + n + 2] = from[start + n + 2] ?? 0;
    into[at + n + 3] = from[start + n + 3] ?? 0;
  }
  for (; n < length; n++) into[at + n] = from[start + n] ?? 0;
}
