/**
 * Deep queues of reads and writes at once, each block carrying its place and generation: no
 * acknowledged write is lost, and no read gives another command's bytes, whatever buffers are used
 * again. The initiator is the load generator of bench/.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, closeSync, writeSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { have, mustRun, run } from '../support/programs.ts';

const SOURCE = path.resolve(import.meta.dirname, '../../bench/load.c');
const TARGET = 'iqn.2026-01.net.example:verify';
const MEBIBYTE = 1024 * 1024;
const FILE_BYTES = 256 * MEBIBYTE;
const LUN = { file: '0', writeThrough: '1', ramdisk: '2' } as const;

const missing = have('cc') ? undefined : 'cc';

describe.each(['1', '2'])('concurrent commands keep every byte, data threads: %s', (threads) => {
  const served = new LunsmithProcess(threads);
  const program = () => served.path('load');
  const disk = (name: string) => served.path(`${name}.img`);

  beforeAll(async () => {
    if (missing !== undefined) return;
    await served.start();
    await mustRun('cc', ['-O2', '-o', program(), SOURCE, '-lpthread']);
    for (const name of ['file', 'through']) {
      await mustRun(program(), ['--fill', disk(name), String(FILE_BYTES)]);
    }
    const tpg = `/iscsi/${TARGET}/tpg1`;
    await served.configure(
      'set global auto_add_default_portal=false',
      `/backstores/fileio create file ${disk('file')} write_back=true`,
      `/backstores/fileio create through ${disk('through')} write_back=false`,
      '/backstores/ramdisk create ram 64M',
      `/iscsi create ${TARGET}`,
      `${tpg}/luns create /backstores/fileio/file lun=${LUN.file}`,
      `${tpg}/luns create /backstores/fileio/through lun=${LUN.writeThrough}`,
      `${tpg}/luns create /backstores/ramdisk/ram lun=${LUN.ramdisk}`,
      `${tpg}/portals create 127.0.0.1 ${served.port}`,
      `${tpg} set attribute authentication=0 demo_mode_write_protect=0 generate_node_acls=1`,
    );
  }, 120_000);
  afterAll(() => served.stop());
  test('as many data threads run', async () => {
    expect((await served.oneShot('status')).stdout).toContain(`Data threads: ${threads}\n`);
  });
  test('another number is said to hold from the next start, with the one that runs', async () => {
    const said = await served.configure('set global data_threads=3', 'status');
    expect(said).toContain('data_threads takes effect at the next start of the daemon');
    const next = "data_threads=3 from the daemon's next start";
    expect(said).toContain(`Data threads: ${threads}; ${next}\n`);
    const back = await served.configure(`set global data_threads=${threads}`, 'status');
    expect(back).toContain(`Data threads: ${threads}\n`);
  });

  beforeEach((context) => context.skip(missing !== undefined, `${missing} is not installed`));

  const common = (): string[] => [
    ...['--portal', `127.0.0.1:${served.port}`, '--target', TARGET],
    ...['--verify', '--write', '50', '--warmup', '0', '--seconds', '1.5'],
  ];
  const verify = async (args: readonly string[]): Promise<number> => {
    const { status, stdout, stderr } = await run(program(), [...common(), ...args]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number>;
    expect(report['errors']).toBe(0);
    return report['commands'] ?? 0;
  };

  test.each([
    ['4 KiB', ['--lun', LUN.file, '--depth', '32']],
    ['4 KiB, digests', ['--lun', LUN.file, '--depth', '32', '--digests']],
    ['512 bytes, 4 sessions', ['--lun', LUN.file, '--size', '512', '--sessions', '4']],
    ['64 KiB', ['--lun', LUN.file, '--size', '65536', '--sessions', '2']],
    ['1 MiB', ['--lun', LUN.file, '--size', '1048576', '--depth', '8']],
    ['1 MiB, digests', ['--lun', LUN.file, '--size', '1048576', '--depth', '8', '--digests']],
    ['4 KiB in a row', ['--lun', LUN.file, '--depth', '32', '--sequential']],
    ['4 KiB in a row, 2 sessions', ['--lun', LUN.file, '--sessions', '2', '--sequential']],
    ['4 KiB in a row, write-through', ['--lun', LUN.writeThrough, '--sequential']],
    ['16 KiB, write-through', ['--lun', LUN.writeThrough, '--size', '16384']],
    ['4 KiB, ramdisk', ['--lun', LUN.ramdisk, '--sessions', '2']],
    ['64 KiB, ramdisk', ['--lun', LUN.ramdisk, '--size', '65536', '--depth', '16']],
  ])('%s', async (_name, args) => {
    expect(await verify(args)).toBeGreaterThan(0);
  });

  test('while the page cache is dropped under it again and again', async () => {
    const dropping = { on: true };
    const drops = (async () => {
      for (; dropping.on;) await mustRun(program(), ['--drop', disk('file')]);
    })();
    expect(await verify(['--lun', LUN.file, '--depth', '32', '--size', '8192'])).toBeGreaterThan(0);
    dropping.on = false;
    await drops;
  });

  test('the check itself notices a block that somebody else has changed', async () => {
    const args = [...common(), '--lun', LUN.file, '--depth', '4', '--region', String(MEBIBYTE)];
    const child = spawn(program(), args, { stdio: ['ignore', 'ignore', 'ignore'] });
    const ended = once(child, 'close');
    expect(existsSync(disk('file'))).toBe(true);
    const fd = openSync(disk('file'), 'r+');
    const noise = Buffer.alloc(4096, 0x77);
    const timer = setInterval(() => {
      for (let at = 0; at < MEBIBYTE; at += noise.length) writeSync(fd, noise, 0, noise.length, at);
    }, 20);
    const [status] = (await ended) as [number | null];
    clearInterval(timer);
    closeSync(fd);
    expect(status).toBe(2);
  });
});
