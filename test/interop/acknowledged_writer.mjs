// Writes numbered blocks over libiscsi until the target dies, and prints the number of each block
// that was acknowledged as durable: after a write with FUA, or after a flush.
// Arguments: URL, initiator name, `fua` or `flush`, first block.
import { writeSync } from 'node:fs';
import { logIn } from '../support/libiscsi.mjs';
import { numberedChunk, CHUNK_BLOCKS, LUN_CHUNKS } from './numbered_chunk.mjs';

const FLUSH_EVERY = 8;
const [url, initiator, mode, first] = process.argv.slice(2);
const session = await logIn(url, initiator);
let waiting = [];
try {
  for (let number = 0; ; number += 1) {
    const lba = Number(first) + (number % LUN_CHUNKS) * CHUNK_BLOCKS;
    session.write(lba, numberedChunk(number), { fua: mode === 'fua' });
    waiting.push(number);
    if (mode === 'flush') {
      if (waiting.length < FLUSH_EVERY) continue;
      session.flush();
    }
    writeSync(1, `${waiting.join('\n')}\n`);
    waiting = [];
  }
} catch (error) {
  writeSync(2, `${error.message}\n`);
}
// The library may still hold threads or sockets of a dead connection.
process.exit(0);
