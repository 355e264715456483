// The files that every target serves; whoever made the folders removes them.
import path from 'node:path';
import { KIB, MIB } from './cases.mjs';
import { must } from './programs.mjs';

export const FILE_BYTES = 1024 * MIB;
/** Of a file that no case uses. */
const UNUSED_BYTES = 1024 * KIB;

export function makeFiles(load, folder, memoryFolder, cases) {
  const files = {
    file: path.join(folder, 'file.img'),
    cold: path.join(folder, 'cold.img'),
    memory: path.join(memoryFolder, 'memory.img'),
  };
  const media = new Set(cases.map((each) => each.medium));
  const size = (wanted) => String(wanted ? FILE_BYTES : UNUSED_BYTES);
  must(load, ['--fill', files.file, String(FILE_BYTES)]);
  must(load, ['--fill', files.cold, size(media.has('cold'))]);
  must(load, ['--fill', files.memory, size(media.has('ram'))]);
  return files;
}
