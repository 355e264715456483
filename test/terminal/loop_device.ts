/** A block device over a file, where this machine permits it. */
import { truncateSync, writeFileSync } from 'node:fs';
import { have, run } from '../support/programs.ts';

export interface LoopDevice {
  readonly path: string;
  remove(): Promise<void>;
}

/** The device, or why there is none. */
export async function attachLoop(file: string, bytes: number): Promise<LoopDevice | string> {
  if (process.getuid?.() !== 0) return 'a loop device needs root';
  if (!have('losetup')) return 'losetup is not installed';
  writeFileSync(file, '');
  truncateSync(file, bytes);
  const { status, stdout, stderr } = await run('losetup', ['--find', '--show', file]);
  if (status !== 0) return `no loop device here: ${stderr.trim()}`;
  const path = stdout.trim();
  return { path, remove: async () => void (await run('losetup', ['--detach', path])) };
}
