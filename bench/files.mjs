// The files that every target serves, and the room that they need.
import { Buffer } from 'node:buffer';
import { closeSync, mkdirSync, openSync, statfsSync, writeSync } from 'node:fs';
import path from 'node:path';
import { KIB, MIB } from './cases.mjs';
import { placeOf } from './measure.mjs';
import { must } from './programs.mjs';

export const FILE_BYTES = 1024 * MIB;
/** Of a file that no case uses. */
const UNUSED_BYTES = 1024 * KIB;
const MANY = 1000;
const MANY_BYTES = MIB;
const TMPFS_MAGIC = 0x0102_1994;

/** A file of each medium, in full where a case uses it; `memory` is where that one is to be. */
export async function filledFiles(load, folder, memory, media) {
  const files = {
    file: path.join(folder, 'file.img'),
    cold: path.join(folder, 'cold.img'),
    memory,
  };
  const fill = (file, wanted) =>
    must(load, ['--fill', file, String(wanted ? FILE_BYTES : UNUSED_BYTES)]);
  await fill(files.file, true);
  await fill(files.cold, media.has('cold'));
  await fill(files.memory, media.has('ram'));
  return files;
}

export const makeFiles = (load, folder, memoryFolder, media) =>
  filledFiles(load, folder, path.join(memoryFolder, 'memory.img'), media);

/** Written in full: a hole would not be in the page cache. */
export function manyFiles(folder) {
  const content = Buffer.alloc(MANY_BYTES, 0x5a);
  const within = path.join(folder, 'many');
  mkdirSync(within);
  return Array.from({ length: MANY }, (_, at) => {
    const file = path.join(within, `${at}.img`);
    const fd = openSync(file, 'wx', 0o600);
    // In pieces, as bench/load.c fills its files.
    for (let from = 0; from < MANY_BYTES; from += 4 * KIB) writeSync(fd, content, from, 4 * KIB);
    closeSync(fd);
    return file;
  });
}

/** Every block of our ramdisk once, so that no case pays for the first touch of its memory. */
export function fillMemory(load, target) {
  const pass = ['--once', '--sequential', '--write', '100', '--size', String(MIB), '--depth', '8'];
  return must(load, [...placeOf(target, target.serving('ram')), ...pass]);
}

/** The media that a stage uses; those of `fairness` are files, memory and the cold file. */
export function mediaOf(cases, parts = []) {
  const more = parts.includes('fairness') ? ['file', 'ram', 'cold'] : [];
  return new Set([...cases.map((each) => each.medium), ...more]);
}

/** Bytes of the files that a stage fills in either folder, for these targets. */
export function filesOf({ cases, parts }, targets) {
  const media = mediaOf(cases, parts);
  const has = (medium) => (media.has(medium) ? 1 : 0);
  const many = media.has('many');
  const sets = 1 + (targets.includes('beside') ? 1 : 0);
  const two = cases.some((one) => one.targets.includes('lunsmith2')) ? 1 : 0;
  const another = targets.includes('lunsmith2') ? two : 0;
  const disk = (1 + has('cold')) * sets + another;
  // Each set of targets serves the same 1,000 files.
  return {
    disk: disk * FILE_BYTES + (many ? MANY * MANY_BYTES : 0),
    memory: has('ram') * sets * FILE_BYTES,
  };
}

const gib = (bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** Throws before anything is started where a folder has too little room; warns of what misleads. */
export function checkRoom(stages, targets, folder, memoryFolder) {
  // The files of one stage are gone before those of the next are made.
  const wanted = stages.map((stage) => filesOf(stage, targets));
  const most = (field) => Math.max(0, ...wanted.map((each) => each[field]));
  for (const [place, bytes] of [
    [folder, most('disk')],
    [memoryFolder, most('memory')],
  ]) {
    const { bavail, bsize } = statfsSync(place);
    if (bavail * bsize >= bytes) continue;
    const remedy = place === folder ? 'set TMPDIR to a folder with more' : 'choose cases by --only';
    throw new Error(`${place} has room for ${gib(bavail * bsize)}, needs ${gib(bytes)}: ${remedy}`);
  }
  if (statfsSync(folder).type === TMPFS_MAGIC) {
    console.error(`${folder} is in memory: cached and cold files need a disk, set TMPDIR to one`);
  }
}
