/** Media of files that gather the reads and writes of one turn; closed after each test. */
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';
import type { StorageFault } from '../../../../src/target/storage/backstore.ts';
import { FdMedium } from '../../../../src/target/storage/fd_medium.ts';
import { IoSlots } from '../../../../src/target/storage/io_slots.ts';
import { SYSCALLS, type Syscalls } from '../../../../src/target/storage/syscalls.ts';
import { INPUT_TURN } from '../../../../src/util/input_turn.ts';

export const SECTOR = 512;
export const SECTORS = 256;
export const PATTERN = Buffer.from(
  Array.from({ length: SECTORS * SECTOR }, (_, index) => (index * 7) % 253),
);
let folder = '';
/** Closed after the test; one that the test closes is taken out. */
export const opened: FdMedium[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gathered-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const medium of opened.splice(0)) await medium.close();
  rmSync(folder, { recursive: true });
});

/** `ring`: of this thread; else reads are calls of their own. */
export function openMedium(syscalls: Syscalls | null = SYSCALLS, ring = false): FdMedium {
  const path = join(folder, `disk${opened.length}.img`);
  fs.writeFileSync(path, PATTERN);
  const medium = new FdMedium({
    path,
    fd: fs.openSync(path, 'r+'),
    durableFd: fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_DSYNC),
    sizeBytes: PATTERN.length,
    readOnly: false,
    writeCache: true,
    hold: null,
    lost: () => {},
    local: true,
    ...(ring ? {} : { ring: null }),
    syscalls,
    slots: new IoSlots(16),
    nowMs: () => 0,
  });
  opened.push(medium);
  return medium;
}

export function inTurn(run: () => void): void {
  INPUT_TURN.begin();
  run();
  INPUT_TURN.end();
}

/** As SCSI does: with others where the medium takes it, else at once, else the long way. */
export function write(
  medium: FdMedium,
  from: Buffer,
  at: number,
  done: (f: StorageFault | null) => void,
) {
  const long = (): void => medium.write(Buffer.from(from), at, false, done);
  const over = (all: boolean): void => (all ? done(null) : long());
  if (medium.writeThisTurn(from, at, over)) return;
  if (medium.writeAtOnce(from, at)) done(null);
  else long();
}

export const block = (fill: number, sectors = 1): Buffer => Buffer.alloc(sectors * SECTOR, fill);
export const rows = Array.from({ length: 8 }, (_, at) => at);

/** What the file of the first one holds. */
export const firstFile = (): Buffer => fs.readFileSync(join(folder, 'disk0.img'));
