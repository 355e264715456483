/** Storage that never answers: a file behind a process that has stopped answering the kernel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { Backstore } from '../../src/target/storage/backstore.ts';
import { openFileio } from '../../src/target/storage/fileio.ts';
import { flushOf, readFrom, writeTo } from '../compliance/backstore.ts';
import { unless } from '../support/unless.ts';

const SERVER = fileURLToPath(new URL('../support/fuse_file.mjs', import.meta.url));
const BYTES = 1024 * 1024;

function whyNoFuse(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root mounts';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return 'there is no /dev/fuse';
  }
}

/** The process behind a file, and what it says. */
class FuseFile {
  readonly said: string[] = [];
  readonly #child: ChildProcess;
  #heard: (() => void) | null = null;

  constructor(path: string) {
    this.#child = spawn(process.execPath, [SERVER, path, String(BYTES)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.said.push(line);
      this.#heard?.();
    });
    this.#child.on('exit', () => this.#heard?.());
  }

  async until(word: string): Promise<void> {
    while (!this.said.includes(word)) {
      if (this.#child.exitCode !== null) throw new Error('the file could not be mounted');
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }

  tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

describe('storage that hangs', unless(whyNoFuse()), () => {
  const media: Backstore[] = [];
  let fuse: FuseFile | null = null;
  let folder = '';
  afterEach(async () => {
    fuse?.tell('go');
    for (const medium of media.splice(0)) await medium.close();
    await fuse?.end();
    rmSync(folder, { recursive: true });
  });

  async function openOn(path: string): Promise<Backstore> {
    const opened = await openFileio({ path, size: BYTES, writeBack: true })(() => {});
    if (!opened.ok) throw new Error(opened.fault.reason);
    media.push(opened.backstore);
    return opened.backstore;
  }

  async function setup() {
    folder = mkdtempSync(join(tmpdir(), 'hung-'));
    const [hangs, works] = [join(folder, 'hangs'), join(folder, 'works')];
    writeFileSync(hangs, '');
    writeFileSync(works, Buffer.alloc(BYTES));
    fuse = new FuseFile(hangs);
    await fuse.until('mounted');
    return { hung: await openOn(hangs), healthy: await openOn(works), file: fuse };
  }

  const block = Buffer.alloc(4096, 0x5a);

  test('takes neither the event loop nor a thread from other media', async () => {
    const { hung, healthy, file } = await setup();
    expect(await writeTo(hung, block, 0)).toBeNull();
    file.tell('hang');
    await file.until('hangs');
    const stuck = Array.from({ length: 40 }, (_, at) => [
      readFrom(hung, Buffer.alloc(4096), (at + 50) * 4096),
      writeTo(hung, block, at * 4096),
      writeTo(hung, block, at * 4096, true),
    ]).flat();
    const flushed = flushOf(hung);
    await file.until('waiting');
    let answered = false;
    void Promise.race(stuck).then(() => (answered = true));
    for (let at = 0; at < 32; at++) {
      expect(await writeTo(healthy, block, at * 4096, at % 2 === 0)).toBeNull();
      expect(await readFrom(healthy, Buffer.alloc(4096), at * 4096)).toBeNull();
    }
    expect(await flushOf(healthy)).toBeNull();
    expect([answered, file.said.includes('gave up')]).toEqual([false, false]);
    file.tell('go');
    for (const fault of await Promise.all([...stuck, flushed])) expect(fault).toBeNull();
    const into = Buffer.alloc(4096);
    expect(await readFrom(hung, into, 39 * 4096)).toBeNull();
    expect(into.equals(block)).toBe(true);
  });
});
