/**
 * What was acknowledged as durable survives kill -9 of the daemon. The machine survives here, and
 * with it the page cache; so strace shows in addition that fdatasync comes before the status.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
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

/** The numbers acknowledged until the daemon was killed under the writer. */
async function writeUntilKilled(lun: ServedLun, mode: 'fua' | 'flush'): Promise<number[]> {
  const args = [WRITER, iscsiUrl(lun), INITIATOR, mode];
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  writer.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  writer.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const closed = once(writer, 'close');
  const acknowledged = () => output.split('\n').slice(0, -1).map(Number);
  await eventually(`${ENOUGH} writes are acknowledged ${complaint}`, () => {
    if (writer.exitCode !== null) throw new Error(`The writer has ended: ${complaint}`);
    return acknowledged().length >= ENOUGH;
  });
  await served.end('SIGKILL');
  await closed;
  return acknowledged();
}

describe('kill -9 under write load', () => {
  test.each(['fua', 'flush'] as const)(
    'configuration and every write acknowledged by %s are back after a restart',
    async (mode) => {
      await served.start();
      const lun = await served.createLun('durable', 32);
      await served.configure('/backstores/fileio create second ' + served.path('b.img') + ' 1M');
      await served.configure('saveconfig');
      const before = (await served.oneShot('ls')).stdout;
      const acknowledged = await writeUntilKilled(lun, mode);
      expect(acknowledged.length).toBeGreaterThanOrEqual(ENOUGH);

      await served.start();
      expect((await served.oneShot('ls')).stdout).toBe(before);
      const session = await logIn(iscsiUrl(lun), INITIATOR);
      // A chunk may have been overwritten by the one after a whole round, acknowledged or not.
      const newest = new Map(acknowledged.map((number) => [number % LUN_CHUNKS, number]));
      for (const [chunk, number] of newest) {
        const data = session.read(chunk * CHUNK_BLOCKS, CHUNK_BYTES);
        const expected = data.readUInt32BE(0) > number ? number + LUN_CHUNKS : number;
        expect(data.equals(numberedChunk(expected)), `write ${number}`).toBe(true);
      }
      session.logOut();
    },
  );
});

interface TracedCall {
  readonly name: string;
  readonly text: string;
}

/** The system calls in the order in which they ended. */
function completedCalls(trace: string): TracedCall[] {
  return trace.split('\n').flatMap((line) => {
    const match = /^\d+\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()/.exec(line);
    return match?.[1] === undefined || line.includes('<unfinished')
      ? []
      : [{ name: match[1], text: line }];
  });
}

describe('under strace', () => {
  /** Opens, writes, syncs, and what goes to sockets, with enough bytes to know a SCSI Response. */
  const CALLS =
    'trace=openat,pwrite64,pwritev,pwritev2,fdatasync,fsync,write,writev,sendto,sendmsg';

  test.for(['fua', 'flush', 'write_through'] as const)(
    'data is synced before the status is sent: %s',
    async (mode, context) => {
      context.skip(!have('strace'), 'strace is not installed');
      const usable = (await run('strace', ['-o', '/dev/null', 'true'])).status === 0;
      context.skip(!usable, 'this machine does not permit strace');
      const trace = served.path('trace');
      await served.start(['strace', '-f', '-s', '64', '-o', trace, '-e', CALLS]);
      const lun = await served.createLun('traced', 16);
      if (mode === 'write_through') {
        await served.configure(`/backstores/fileio/traced set attribute emulate_write_cache=0`);
      }
      const session = await logIn(iscsiUrl(lun), INITIATOR);
      const begin = readFileSync(trace, 'utf8').length;
      session.write(8, numberedChunk(7), { fua: mode === 'fua' });
      if (mode === 'flush') session.flush();
      const part = readFileSync(trace, 'utf8').slice(begin);
      session.logOut();

      const calls = completedCalls(part);
      const written = calls.findIndex(({ name }) => name.startsWith('pwrite'));
      const isSync = ({ name, text }: TracedCall) =>
        /^f(data)?sync$/.test(name) && text.endsWith('= 0');
      const synced = calls.findIndex((call, index) => index > written && isSync(call));
      // SCSI Response is opcode 0x21, `!`; the last one answers the command that must hold.
      const answered = calls.findLastIndex(({ text }) => /"!\\2/.test(text));
      expect(written, part).toBeGreaterThanOrEqual(0);
      expect(synced, part).toBeGreaterThan(written);
      expect(answered, part).toBeGreaterThan(synced);
    },
  );
});
