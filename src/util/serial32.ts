/** RFC 1982 serial number arithmetic with 32 bits, for every …SN (RFC 7143 §4.2.2.1). */

/** `a < b` modulo 2^32. Undefined distance 2^31 counts as not less. */
export function serialLess(a: number, b: number): boolean {
  const distance = (b - a) >>> 0;
  return distance !== 0 && distance < 0x8000_0000;
}

/** `a + n` modulo 2^32; `n` may be negative. */
export function serialAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}

/** Signed distance from `a` to `b`, in -2^31 .. 2^31-1. */
export function serialDistance(a: number, b: number): number {
  return (b - a) | 0;
}
