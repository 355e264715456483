/** Tests that need what is not on every machine: each that is skipped says why. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestOptions } from 'vitest';
import { NO_READ_NOW, SYSCALLS } from '../../src/target/storage/syscalls.ts';
import { SOCKET_CALLS } from '../../src/target/transport/socket_calls.ts';
import { have } from './programs.ts';

/** For `test` and `describe`: skipped for that reason, run where there is none. */
export function unless(reason: string | undefined): TestOptions {
  if (reason === undefined) return {};
  // scripts/reporter.mjs prints it.
  const meta: object = { reason };
  return { skip: true, meta };
}

export function lacking(program: string): string | undefined {
  return have(program) ? undefined : `${program} is not installed`;
}

const withoutCalls = (calls: object | null): string | undefined =>
  calls === null ? 'koffi is not installed, or not for this machine' : undefined;

export const NO_SYSCALLS = withoutCalls(SYSCALLS);
export const NO_SOCKET_CALLS = withoutCalls(SOCKET_CALLS);
export const NO_RING = NO_SYSCALLS ?? 'the kernel gives this process no io_uring';

/** Files of some file systems, tmpfs is one, cannot be asked for what needs no wait. */
function withoutReadsNow(): string | undefined {
  if (SYSCALLS === null) return NO_SYSCALLS;
  const folder = mkdtempSync(path.join(tmpdir(), 'asked-'));
  const file = path.join(folder, 'file');
  writeFileSync(file, 'x');
  const fd = openSync(file, 'r');
  const bytes = SYSCALLS.readNow(fd, Buffer.alloc(1), 0);
  closeSync(fd);
  rmSync(folder, { recursive: true });
  return bytes === NO_READ_NOW ? `${tmpdir()} has no reads that never wait` : undefined;
}

export const NO_READS_NOW = withoutReadsNow();
