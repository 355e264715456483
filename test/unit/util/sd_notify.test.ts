import { mkdtempSync, rmSync, writeFileSync, chmodSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { notifySystemd } from '../../../src/util/sd_notify.ts';
import { unless } from '../../support/unless.ts';

interface Koffi {
  load(name: string): { func(prototype: string): (...args: unknown[]) => number };
}

/** koffi is optional: without it there is nobody to receive a datagram in this process. */
function loadKoffi(): Koffi | undefined {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    return undefined;
  }
}
const koffi = loadKoffi();

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'lunsmith-notify-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function receiver(name: string) {
  const libc = (koffi as Koffi).load('libc.so.6');
  const fd = libc.func('int socket(int, int, int)')(AF_UNIX, SOCK_DGRAM, 0);
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(name)]);
  libc.func('int bind(int, void *, uint32_t)')(fd, address, address.length);
  const recv = libc.func('int64_t recv(int, void *, size_t, int)');
  return {
    next(): string {
      const into = Buffer.alloc(256);
      const length = Number(recv(fd, into, into.length, MSG_DONTWAIT));
      return length < 0 ? '' : into.toString('utf8', 0, length);
    },
    close: () => libc.func('int close(int)')(fd),
  };
}

const lacking =
  process.platform !== 'linux'
    ? 'there is no systemd'
    : koffi === undefined
      ? 'koffi is not installed'
      : undefined;

describe('sd_notify', unless(lacking), () => {
  test('a state reaches the socket, by path and by abstract name', () => {
    const file = path.join(folder, 'notify');
    const byPath = receiver(file);
    notifySystemd('READY=1\nSTATUS=Serving', file);
    expect(byPath.next()).toBe('READY=1\nSTATUS=Serving');
    byPath.close();
    const name = `lunsmith-test-${process.pid}`;
    const abstract = receiver(`\0${name}`);
    notifySystemd('STOPPING=1', `@${name}`);
    expect(abstract.next()).toBe('STOPPING=1');
    abstract.close();
  });

  test('without a socket, and with one that nobody serves, nothing throws', () => {
    notifySystemd('READY=1', '');
    notifySystemd('READY=1', undefined);
    vi.stubEnv('PATH', folder);
    notifySystemd('READY=1', path.join(folder, 'nobody'));
    notifySystemd('READY=1', `/${'x'.repeat(200)}`);
  });

  test('where the socket cannot be reached, the program of systemd is asked', async () => {
    const script = path.join(folder, 'systemd-notify');
    const seen = path.join(folder, 'seen');
    writeFileSync(script, `#!/bin/sh\necho "$@" > ${seen}.tmp\nmv ${seen}.tmp ${seen}\n`);
    chmodSync(script, 0o755);
    vi.stubEnv('PATH', `${folder}:/bin:/usr/bin`);
    notifySystemd('READY=1\nSTATUS=Serving', path.join(folder, 'nobody'));
    await vi.waitFor(() => expect(existsSync(seen)).toBe(true), { timeout: 10_000 });
    expect(readFileSync(seen, 'utf8')).toBe(
      `--no-block --pid=${process.pid} READY=1 STATUS=Serving\n`,
    );
  });
});
