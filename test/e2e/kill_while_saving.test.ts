/**
 * kill -9 at each system call of a save that changes something: whichever it is, the file is the
 * old or the new one, whole, and the next save works.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { lacking, unless } from '../support/unless.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODULE = join(ROOT, 'dist/src/saveconfig/save.js');
const PROGRAM = join(ROOT, 'test/support/save_when_told.mjs');
const OLD = 'old: configuration\n'.repeat(500);
const NEW = 'new: configuration\n'.repeat(700);
/** All with which a save changes files; `openat` makes them. */
const CALLS = ['openat', 'write', 'fsync', 'fchmod', 'mkdir', 'rename', 'unlink', 'close'] as const;
/** A save makes far fewer calls of one kind. */
const MOST = 60;
const MINUTES = 5;

function whyNot(): string | undefined {
  if (!existsSync(MODULE)) return 'it needs a build (npm run build)';
  const probe = spawnSync('strace', ['-o', '/dev/null', '-e', 'trace=none', 'true']);
  return probe.status === 0 ? undefined : 'this machine does not permit strace';
}
const missing = lacking('strace') ?? whyNot();

interface Saved {
  /** The call that was to be its end never came: the save was through. */
  readonly survived: boolean;
}

/** A process saves over `file` and is killed when it enters its `nth` call of that kind. */
async function killedAt(file: string, call: string, nth: number): Promise<Saved> {
  const child = spawn(process.execPath, [PROGRAM, pathToFileURL(MODULE).href, file, NEW], {
    // One thread for files: calls are counted by thread.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  const inject = [`trace=${call}`, `inject=${call}:signal=KILL:when=${nth}`];
  const options = ['-f', '-p', String(child.pid), ...inject.flatMap((word) => ['-e', word])];
  const strace = spawn('strace', options, { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  strace.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  while (!told.includes('attached')) await once(strace.stderr, 'data');
  const detached = once(strace, 'exit');
  child.stdin.write('go');
  await ended;
  await detached;
  return { survived: said.includes('saved') };
}

describe('kill -9 at a system call of a save', unless(missing), () => {
  test.each(CALLS)(
    '%s: the file is the old or the new one, whole',
    async (call) => {
      const outcomes = new Set<string>();
      for (let nth = 1; nth <= MOST; nth += 1) {
        const folder = mkdtempSync(join(tmpdir(), 'lunsmith-kill-'));
        const file = join(folder, 'saveconfig.yaml');
        writeFileSync(file, OLD, { mode: 0o600 });
        const { survived } = await killedAt(file, call, nth);
        const text = readFileSync(file, 'utf8');
        const which = text === OLD ? 'old' : text === NEW ? 'new' : `broken: ${text.slice(0, 80)}`;
        expect(['old', 'new']).toContain(which);
        if (survived) {
          expect(which).toBe('new');
          // What the dead left behind is gone after a save.
          const kept = readdirSync(folder).filter((name) => name.endsWith('.tmp'));
          expect(kept).toEqual([]);
        }
        outcomes.add(survived ? 'survived' : which);
        rmSync(folder, { recursive: true });
        if (survived) break;
      }
      // Some call was its end, and at last none was.
      expect(outcomes).toContain('survived');
      if (call !== 'mkdir' && call !== 'unlink') expect(outcomes).toContain('old');
    },
    MINUTES * 60_000,
  );
});
