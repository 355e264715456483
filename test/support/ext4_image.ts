/** A real file system with real files in it, made without privileges. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { mustRun } from './programs.ts';

const FILES = 40;
const FILE_BYTES = 200_001;

/** Deterministic bytes that do not compress or repeat. */
function bytes(seed: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let part = 0; part * 32 < length; part += 1) {
    parts.push(createHash('sha256').update(`${seed}/${part}`).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

export async function makeExt4Image(folder: string, megabytes: number): Promise<string> {
  const content = path.join(folder, 'content');
  mkdirSync(path.join(content, 'deep/er'), { recursive: true });
  for (let index = 0; index < FILES; index += 1) {
    const where = index % 2 === 0 ? '.' : 'deep/er';
    writeFileSync(path.join(content, where, `file${index}`), bytes(index, FILE_BYTES));
  }
  const image = path.join(folder, 'ext4.raw');
  await mustRun('mke2fs', ['-q', '-t', 'ext4', '-d', content, image, `${megabytes}M`]);
  return image;
}

export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
