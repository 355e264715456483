/**
 * Memory for received data that cannot stay where it came: segments that the end of a chunk of
 * input cuts in two, and data of commands that wait. Reused, for 64 KiB of fresh memory for one
 * command in ten would keep the garbage collector at work.
 */

/** Kept for reuse, in each thread, beyond what is in use. */
const MAX_SPARE_BYTES = 4 * 1024 * 1024;
const SMALLEST_CLASS = 4096;

/** By the number of leading zeros of their length, a power of two. */
const spare: Buffer[][] = Array.from({ length: 32 }, () => []);
let spareBytes = 0;

/** At least so many bytes, uninitialised: whoever takes them fills what he hands on. */
export function takeMemory(byteLength: number): Buffer {
  const size = byteLength <= SMALLEST_CLASS ? SMALLEST_CLASS : classOf(byteLength);
  const kept = spare[Math.clz32(size)]?.pop();
  if (kept === undefined) return Buffer.allocUnsafeSlow(size);
  spareBytes -= size;
  return kept;
}

/** What `takeMemory` gave, and nobody looks at any more. */
export function giveBackMemory(memory: Buffer): void {
  if (spareBytes + memory.length > MAX_SPARE_BYTES) return;
  spareBytes += memory.length;
  spare[Math.clz32(memory.length)]?.push(memory);
}

/** The least power of two that holds it. */
const classOf = (byteLength: number): number => 1 << (32 - Math.clz32(byteLength - 1));
