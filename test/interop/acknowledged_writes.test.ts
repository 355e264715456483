/**
 * What was acknowledged as durable survives kill -9 of the daemon. The machine survives here, and
 * with it the page cache; so strace shows in addition that the data was synced (fdatasync, or a
 * descriptor with O_DSYNC) before the status was sent.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { logIn, whyNoLibiscsi } from '../support/libiscsi.mjs';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { eventually, have, run } from '../support/programs.ts';
import { iscsiUrl, type ServedLun } from '../support/served_target.ts';
import { CHUNK_BLOCKS, CHUNK_BYTES, LUN_CHUNKS, numberedChunk } from './numbered_chunk.mjs';

const INITIATOR = 'iqn.2026-01.net.example:writer';
const WRITER = path.join(import.meta.dirname, 'acknowledged_writer.mjs');
/** So many acknowledgements before the daemon is killed. */
const ENOUGH = 300;
const missing = await whyNoLibiscsi();

let served: LunsmithProcess;
beforeEach(async (context) => {
  context.skip(missing !== undefined, missing);
  served = new LunsmithProcess();
});
afterEach(() => served?.stop());

interface Writer {
  readonly initiator: string;
  readonly firstBlock: number;
  readonly acknowledged: () => number[];
  readonly closed: Promise<unknown>;
}

/** Each writer has its own part of the LUN. */
function startWriter(lun: ServedLun, mode: 'fua' | 'flush', at: number): Writer {
  const initiator = `${INITIATOR}${at}`;
  const firstBlock = at * LUN_CHUNKS * CHUNK_BLOCKS;
  const args = [WRITER, iscsiUrl(lun), initiator, mode, String(firstBlock)];
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  writer.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  writer.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const acknowledged = (): number[] => {
    const numbers = output.split('\n').slice(0, -1).map(Number);
    const early = writer.exitCode !== null && numbers.length < ENOUGH;
    if (early) throw new Error(`The writer has ended: ${complaint}`);
    return numbers;
  };
  return { initiator, firstBlock, acknowledged, closed: once(writer, 'close') };
}

/** Kills the daemon once every writer has heard of enough writes. */
async function writeUntilKilled(writers: readonly Writer[]): Promise<void> {
  await eventually(
    `${ENOUGH} writes are acknowledged to each writer`,
    () => writers.every(({ acknowledged }) => acknowledged().length >= ENOUGH),
    60_000,
  );
  await served.end('SIGKILL');
  await Promise.all(writers.map(({ closed }) => closed));
}

async function expectAcknowledged(lun: ServedLun, writer: Writer): Promise<void> {
  const { initiator, firstBlock } = writer;
  const session = await logIn(iscsiUrl(lun), initiator);
  // A chunk may have been overwritten by the one after a whole round, acknowledged or not.
  const newest = new Map(writer.acknowledged().map((number) => [number % LUN_CHUNKS, number]));
  for (const [chunk, number] of newest) {
    const data = session.read(firstBlock + chunk * CHUNK_BLOCKS, CHUNK_BYTES);
    const expected = data.readUInt32BE(0) > number ? number + LUN_CHUNKS : number;
    expect(data.equals(numberedChunk(expected)), `write ${number}`).toBe(true);
  }
  session.logOut();
}

/** Each session in a data thread of its own. */
describe.each([1, 2])('kill -9 under write load, data threads and sessions: %i', (count) => {
  test.each(['fua', 'flush'] as const)(
    'configuration and every write acknowledged by %s are back after a restart',
    async (mode) => {
      await served.stop();
      served = new LunsmithProcess(String(count));
      await served.start();
      const lun = await served.createLun('durable', 32);
      await served.configure('/backstores/fileio create second ' + served.path('b.img') + ' 1M');
      await served.configure('saveconfig');
      const before = (await served.oneShot('ls')).stdout;
      const writers = Array.from({ length: count }, (_, at) => startWriter(lun, mode, at));
      await writeUntilKilled(writers);

      await served.start();
      expect((await served.oneShot('ls')).stdout).toBe(before);
      for (const writer of writers) await expectAcknowledged(lun, writer);
    },
  );
});

interface TracedCall {
  readonly name: string;
  readonly text: string;
}

/** Writes, syncs, and what goes to sockets, with enough bytes to know a SCSI Response. */
const CALLS = 'trace=pwrite64,pwritev,pwritev2,fdatasync,fsync,write,writev,sendto,sendmsg';

/** The system calls in the order in which they ended. */
function completedCalls(trace: string): TracedCall[] {
  return trace.split('\n').flatMap((line) => {
    const match = /^\d+\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()/.exec(line);
    return match?.[1] === undefined || line.includes('<unfinished')
      ? []
      : [{ name: match[1], text: line }];
  });
}

/** The line on which a call began: strace writes two when threads take turns. */
function startOf(trace: string, call: TracedCall | undefined): string {
  if (call === undefined || !call.text.includes('resumed>')) return call?.text ?? '';
  const thread = call.text.split(' ', 1)[0] ?? '';
  const lines = trace.split('\n').filter((line) => line.startsWith(`${thread} `));
  return lines.find((line) => line.includes(`${call.name}(`)) ?? '';
}

/** Whether what is written through this descriptor is durable when the call returns. */
function isDurable(pid: number, call: string): boolean {
  const fd = /^\d+\s+(?:<\.\.\. )?pwrite\w*\((\d+),/.exec(call)?.[1];
  if (fd === undefined) return false;
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1];
  return (Number.parseInt(flags ?? '0', 8) & constants.O_DSYNC) !== 0;
}

/** strace on all threads of a process; resolves once each is traced. */
async function traceProcess(pid: number, output: string): Promise<ChildProcess> {
  const options = ['-f', '-s', '64', '-o', output, '-e', CALLS, '-p', String(pid)];
  const tracer = spawn('strace', options, { stdio: 'ignore' });
  const isTraced = (thread: string) =>
    !readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8').includes('TracerPid:\t0');
  await eventually('every thread of the daemon is traced', () =>
    readdirSync(`/proc/${pid}/task`).every(isTraced),
  );
  return tracer;
}

describe('under strace', () => {
  test.for(['fua', 'flush', 'write_through'] as const)(
    'data is durable before the status is sent: %s',
    async (mode, context) => {
      context.skip(!have('strace'), 'strace is not installed');
      const usable = (await run('strace', ['-o', '/dev/null', 'true'])).status === 0;
      context.skip(!usable, 'this machine does not permit strace');
      await served.start();
      const pid = served.pid ?? 0;
      const lun = await served.createLun('traced', 16);
      if (mode === 'write_through') {
        await served.configure('/backstores/fileio/traced set attribute emulate_write_cache=0');
      }
      const session = await logIn(iscsiUrl(lun), INITIATOR);
      const file = served.path('trace');
      const tracer = await traceProcess(pid, file);
      session.write(8, numberedChunk(7), { fua: mode === 'fua' });
      if (mode === 'flush') session.flush();
      tracer.kill('SIGINT');
      await once(tracer, 'exit');
      session.logOut();

      const trace = readFileSync(file, 'utf8');
      const calls = completedCalls(trace);
      const isSync = ({ name, text }: TracedCall) =>
        /^f(data)?sync$/.test(name) && text.endsWith('= 0');
      const written = calls.findIndex(({ name }) => name.startsWith('pwrite'));
      expect(written, trace).toBeGreaterThanOrEqual(0);
      const synced = calls.findIndex((call, index) => index > written && isSync(call));
      const durable = isDurable(pid, startOf(trace, calls[written])) ? written : synced;
      // SCSI Response is opcode 0x21, `!`; the last one answers the command that must hold.
      const answered = calls.findLastIndex(({ text }) => /"!\\2/.test(text));
      expect(durable, trace).toBeGreaterThanOrEqual(written);
      expect(answered, trace).toBeGreaterThan(durable);
    },
  );
});
