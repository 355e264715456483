/**
 * Two data threads, of which one fails: the daemon ends at once with a failure, for its service
 * manager to start it again, and what was acknowledged in either thread is there. One that hangs is
 * reported, the other goes on, and the daemon's stop ends.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logIn, whyNoLibiscsi, type LibiscsiSession } from '../support/libiscsi.mjs';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { eventually } from '../support/programs.ts';
import { iscsiUrl, type ServedLun } from '../support/served_target.ts';

const PRELOAD = pathToFileURL(
  path.resolve(import.meta.dirname, '../support/thread_in_trouble.mjs'),
);
const missing = await whyNoLibiscsi();

let served: LunsmithProcess;
let lun: ServedLun;
beforeEach(async (context) => {
  context.skip(missing !== undefined, missing);
  served = new LunsmithProcess('2');
});
afterEach(() => served?.stop());

const troubleOf = (trouble: object): Record<string, string> => ({
  NODE_OPTIONS: `--import=${PRELOAD.href} --max-old-space-size=64`,
  LUNSMITH_TEST_TROUBLE: JSON.stringify(trouble),
});

/** A session in each thread, one after the other. */
async function twoSessions(): Promise<LibiscsiSession[]> {
  const names = ['iqn.2026-01.net.example:a', 'iqn.2026-01.net.example:b'];
  const sessions: LibiscsiSession[] = [];
  for (const name of names) sessions.push(await logIn(iscsiUrl(lun), name));
  return sessions;
}

/** The daemon with one LUN, saved, and a thread that fails once the file that is given exists. */
async function serveUntil(kind: string, thread: number): Promise<string> {
  const when = served.path('trouble');
  await served.start(troubleOf({ thread, kind, when }));
  lun = await served.createLun('disk', 16);
  await served.configure('saveconfig');
  return when;
}

/** A session with the daemon that is started once more. */
async function afterwards(): Promise<LibiscsiSession> {
  await served.start();
  // It answers once all that was saved is served.
  await served.configure('ls');
  return logIn(iscsiUrl(lun), 'iqn.2026-01.net.example:a');
}

const block = (byte: number) => Buffer.alloc(512, byte);

test.each([
  ['throw', 0, 'trouble that a test has made'],
  ['exit', 1, 'status 3'],
  ['memory', 1, 'memory limit'],
])('%s in data thread %i: the daemon ends, acknowledged writes stay', async (kind, thread, why) => {
  const when = await serveUntil(kind, thread);
  const sessions = await twoSessions();
  for (const [at, session] of sessions.entries()) session.write(at, block(at + 1), { fua: true });
  writeFileSync(when, '');
  expect(await served.ended()).toBe(1);
  expect(served.log()).toContain(`data thread ${thread + 1} of 2 has ended: `);
  expect(served.log()).toContain(why);
  const again = await afterwards();
  expect(again.read(0, 1024)).toEqual(Buffer.concat([block(1), block(2)]));
  again.logOut();
});

test('a data thread that cannot start ends the daemon, which says why', async () => {
  // It may answer on its socket before the end.
  await served.start(troubleOf({ thread: 1, kind: 'throw' })).catch(() => {});
  expect(await served.ended()).toBe(1);
  expect(served.log()).toContain('data thread 2 of 2 has ended: ');
  expect(served.log()).toContain('trouble that a test has made');
});

test('a thread that hangs is reported, the other goes on, the daemon stops', async () => {
  const when = await serveUntil('hang', 1);
  const sessions = await twoSessions();
  writeFileSync(when, '');
  await eventually('the thread is reported', () => /does not answer/.test(served.log()), 30_000);
  expect(served.log()).toContain('data thread 2 of 2 does not answer: its sessions stand still');
  // Connections take turns, beginning with the second thread.
  sessions[1]?.write(0, block(7));
  // The administrator can look, and is told why nothing can be changed.
  expect(await served.configure('ls', 'info')).toContain('disk');
  const refused = await served.script(['/backstores/ramdisk create more 1M']);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('data thread 2 of 2 does not answer');
  expect(await served.configure('/backstores ls')).not.toContain('more');
  const began = performance.now();
  const status = await served.end('SIGTERM', 60_000);
  expect(status).toBe(1);
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(served.log()).toContain('what was not flushed there may be lost');
  const again = await afterwards();
  expect(again.read(0, 512)).toEqual(block(7));
  again.logOut();
}, 100_000);
