/** What an administrator changes while an initiator is at work: the session stays and is told. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SessionInfo } from '../../src/objects/engine_port.ts';
import { logIn, whyNoLibiscsi, type LibiscsiSession } from '../support/libiscsi.mjs';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { eventually, freePort, have } from '../support/programs.ts';
import { iscsiUrl, type ServedLun } from '../support/served_target.ts';

const INITIATOR = 'iqn.2026-01.net.example:worker';
const STRANGER = 'iqn.2026-01.net.example:stranger';
const MIB = 1024 * 1024;
const BLOCK = 512;
const missing = await whyNoLibiscsi();

describe('while an initiator is logged in', () => {
  const served = new LunsmithProcess();
  let lun: ServedLun;
  let tpg = '';
  let acl = '';
  let at: LibiscsiSession;

  beforeAll(async () => {
    if (missing !== undefined) return;
    await served.start();
    lun = await served.createLun('live', 8);
    tpg = `/iscsi/${lun.target}/tpg1`;
    acl = `${tpg}/acls/${INITIATOR}`;
    await served.configure(
      `${tpg} set attribute generate_node_acls=0`,
      `${tpg}/acls create ${INITIATOR}`,
    );
    at = await logIn(iscsiUrl(lun), INITIATOR);
  });
  afterAll(() => served.stop());
  beforeEach((context) => context.skip(missing !== undefined, missing));

  const json = async (...words: readonly string[]): Promise<unknown> => {
    const { stdout, stderr, status } = await served.oneShot(...words, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const session = async (): Promise<SessionInfo> => {
    const { sessions } = (await json('sessions')) as { sessions: SessionInfo[] };
    expect(sessions).toHaveLength(1);
    return sessions[0]!;
  };
  const text = async (...words: readonly string[]) => (await served.oneShot(...words)).stdout;
  /** The initiator's words for what became of a command; empty for GOOD. */
  const words = (run: () => unknown): string => {
    try {
      run();
      return '';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const write = (byte: number, lba = 0) => words(() => at.write(lba, Buffer.alloc(BLOCK, byte)));
  /** The next command: its unit attention, if any; and one that must be GOOD. */
  const attention = (): string => {
    const told = words(() => at.read(0, BLOCK));
    expect(words(() => at.read(0, BLOCK))).toBe('');
    return told;
  };

  test('its session is a node with address, keys, and the I/O of each LUN', async () => {
    expect(write(1)).toBe('');
    at.read(0, 4 * BLOCK);
    const { sid, mappedLuns, ...rest } = await session();
    expect(rest).toMatchObject({
      initiator: INITIATOR,
      target: lun.target,
      authenticated: 'none',
      dynamic: false,
      parameters: { HeaderDigest: 'None', DataDigest: 'None', ErrorRecoveryLevel: '0' },
      connections: [{ address: '127.0.0.1', transport: 'TCP' }],
    });
    expect(rest.ageSeconds).toBeGreaterThanOrEqual(0);
    expect(mappedLuns[0]).toMatchObject({
      mappedLun: 0,
      storageObject: 'fileio/live',
      writeProtect: false,
      io: { writes: 1, writtenBytes: BLOCK, readBytes: 4 * BLOCK, queued: 0 },
    });
    const info = await text(`${tpg}/sessions/sid${sid}`, 'info');
    expect(info).toContain(`initiator: ${INITIATOR}\n`);
    expect(info).toMatch(/^lun 0: fileio\/live \(rw\) \d+ commands, .* 1 writes \(512 bytes\)/m);
    expect(await text(tpg, 'ls')).toContain(`sid${sid}`);
  });

  test('why explains its access, step by step', async () => {
    const said = await text('why', INITIATOR, 'lun=0');
    expect(said).toContain(`A node ACL names ${INITIATOR}`);
    expect(said).toContain('fileio/live');
    expect(said).not.toMatch(/^ {2}NO /m);
    const refused = await text('why', STRANGER);
    expect(refused).toMatch(/^ {2}NO /m);
    expect(refused).toContain(`acls create ${STRANGER}`);
  });

  test('write protection of a mapped LUN comes and goes', async () => {
    const { sid } = await session();
    await served.configure(`${acl}/mapped_lun0 set attribute write_protect=1`);
    attention();
    expect(write(2)).toMatch(/DATA_PROTECT|WRITE_PROTECT/i);
    await served.configure(`${acl}/mapped_lun0 set attribute write_protect=0`);
    attention();
    expect(write(3)).toBe('');
    expect((await session()).sid).toBe(sid);
  });

  test('a larger disk is told, and the new blocks are there', async () => {
    const { sid } = await session();
    const last = (16 * MIB) / BLOCK - 1;
    expect(write(4, last)).not.toBe('');
    await served.configure('/backstores/fileio/live resize 16M');
    expect(attention()).toMatch(/CAPACITY_DATA_HAS_CHANGED|UNIT_ATTENTION/i);
    expect(write(4, last)).toBe('');
    expect((await session()).sid).toBe(sid);
  });

  test('another name of the storage object', async () => {
    const { sid } = await session();
    await served.configure('/backstores/fileio/live rename lively');
    attention();
    expect(write(5)).toBe('');
    const now = await session();
    expect(now.sid).toBe(sid);
    expect(now.mappedLuns[0]?.storageObject).toBe('fileio/lively');
  });

  test('another file behind it: the same session and LUN, which is told', async () => {
    const { sid } = await session();
    expect(write(6)).toBe('');
    at.flush();
    copyFileSync(served.path('live.img'), served.path('copy.img'));
    await served.configure(`/backstores/fileio/lively relocate ${served.path('copy.img')}`);
    expect(attention()).toMatch(/UNIT_ATTENTION/i);
    expect(at.read(0, BLOCK)).toEqual(Buffer.alloc(BLOCK, 6));
    expect(write(7)).toBe('');
    const now = await session();
    expect(now.sid).toBe(sid);
    expect(now.mappedLuns[0]).toMatchObject({ mappedLun: 0, storageObject: 'fileio/lively' });
  });

  test('top shows what goes on', async (context) => {
    context.skip(!have('iscsi-perf'), 'libiscsi-bin is not installed');
    // Reads from a process of its own until it is stopped.
    const reader = spawn('iscsi-perf', ['-i', INITIATOR, iscsiUrl(lun)], { stdio: 'ignore' });
    try {
      await eventually('the reader is at work', async () => {
        const { sessions } = (await json('sessions')) as { sessions: SessionInfo[] };
        return sessions.some(({ mappedLuns }) => (mappedLuns[0]?.io.reads ?? 0) > 1000);
      });
      const { storageObjects, sessions } = (await json('top', 'sort=throughput')) as {
        storageObjects: { name: string; iops: number; readRate: number; latencyMs: number }[];
        sessions: { name: string; iops: number }[];
      };
      expect(storageObjects[0]).toMatchObject({ name: 'fileio/lively' });
      expect(storageObjects[0]!.iops).toBeGreaterThan(10);
      expect(storageObjects[0]!.readRate).toBeGreaterThan(10 * BLOCK);
      expect(storageObjects[0]!.latencyMs).toBeGreaterThan(0);
      expect(sessions).toHaveLength(2);
      expect(sessions[0]!.name).toContain(INITIATOR);
      expect(sessions[0]!.iops).toBeGreaterThan(10);
      expect(sessions[1]!.iops).toBe(0);
    } finally {
      const ended = once(reader, 'close');
      reader.kill('SIGKILL');
      await ended;
    }
    await eventually('its session has ended', async () => {
      const { sessions } = (await json('sessions')) as { sessions: SessionInfo[] };
      return sessions.length === 1;
    });
  });

  test('another portal: who is in stays in, who comes finds the new one', async () => {
    const { sid } = await session();
    const port = await freePort();
    await served.configure(`${tpg}/portals move 127.0.0.1 ${lun.port} new_port=${port}`);
    expect(write(8)).toBe('');
    expect((await session()).sid).toBe(sid);
    await expect(logIn(iscsiUrl(lun), STRANGER)).rejects.toThrow();
    await expect(logIn(iscsiUrl({ ...lun, port }), STRANGER)).rejects.toThrow();
    const { refused } = (await json('sessions', 'refused')) as { refused: object[] };
    expect(refused[0]).toMatchObject({
      initiator: STRANGER,
      address: '127.0.0.1',
      rule: expect.stringContaining('no node ACL') as unknown,
    });
    expect(await text('sessions', 'refused')).toContain(STRANGER);
  });

  test('kick ends it', async () => {
    const { sid } = await session();
    const { stdout, status } = await served.oneShot('sessions', 'kick', `sid=${sid}`);
    expect(status).toBe(0);
    expect(stdout).toContain(`Ended session ${sid} of ${INITIATOR}.`);
    expect(await text('sessions')).not.toContain(`sid: ${sid} `);
    expect((await served.oneShot('sessions', 'kick', `sid=${sid}`)).status).toBe(1);
  });
});
