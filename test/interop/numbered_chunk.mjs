// Data whose every block says which write it belongs to.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

const BLOCK = 512;
export const CHUNK_BLOCKS = 16;
/** The writer starts again at the front after so many chunks: 16 MiB. */
export const LUN_CHUNKS = 2048;
export const CHUNK_BYTES = CHUNK_BLOCKS * BLOCK;

/** 8 KiB of which each block starts with the chunk's number. */
export function numberedChunk(number) {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let block = 0; block < CHUNK_BLOCKS; block += 1) {
    const filling = createHash('sha256').update(`${number}/${block}`).digest();
    for (let at = 0; at < BLOCK; at += filling.length) filling.copy(chunk, block * BLOCK + at);
    chunk.writeUInt32BE(number, block * BLOCK);
  }
  return chunk;
}
