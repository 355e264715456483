/** Small helpers on bytes. */

/** An empty data segment, shared. */
export const NO_BYTES: Buffer = Buffer.alloc(0);

/** A copy that outlives what `bytes` is a view of. */
export function ownedCopy(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NO_BYTES;
  const copy = Buffer.allocUnsafe(bytes.length);
  bytes.copy(copy);
  return copy;
}
