export const CHUNK_BLOCKS: number;
export const CHUNK_BYTES: number;
export const LUN_CHUNKS: number;
export function numberedChunk(number: number): Buffer;
