/** Shells come and go, the target stays; scripts tell the truth about their errors. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { have, run } from '../support/programs.ts';
import { iscsiUrl, type ServedLun } from '../support/served_target.ts';

describe('the life of shells and daemon', () => {
  const served = new LunsmithProcess();
  let lun: ServedLun;
  beforeAll(async () => {
    await served.start();
    lun = await served.createLun('alive', 16);
  });
  afterAll(() => served.stop());

  test('exit leaves the target serving', async (context) => {
    context.skip(!have('iscsi-inq'), 'libiscsi-bin is not installed');
    const left = await served.script(['cd /iscsi', 'exit']);
    expect(left.status).toBe(0);
    const inquiry = await run('iscsi-inq', [iscsiUrl(lun)]);
    expect(inquiry.status, inquiry.stderr).toBe(0);
  });

  test('a second shell sees the same tree', async () => {
    const first = await served.script(['ls']);
    const second = await served.oneShot('ls');
    expect(first.stdout).toContain(lun.target);
    expect(second.stdout).toBe(first.stdout);
  });

  const withError = (name: string) => [
    `/backstores/ramdisk create ${name}1 1M`,
    `/backstores/ramdisk create ${name}2 1M`,
    '/backstores/ramdisk destroy nothing',
    `/backstores/ramdisk create ${name}4 1M`,
    `/backstores/ramdisk create ${name}5 1M`,
  ];

  test('a script with an error in line 3 of 5 stops there, exits 1 and names line 3', async () => {
    const { status, stderr } = await served.script(withError('stop'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/line 3\b/);
    const { stdout } = await served.oneShot('ls', '/backstores/ramdisk');
    expect(stdout).toContain('stop2');
    expect(stdout).not.toContain('stop4');
  });

  test('--keep-going runs the rest of the script, and still exits 1', async () => {
    const { status, stderr } = await served.script(withError('go'), ['--keep-going']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/line 3\b/);
    const { stdout } = await served.oneShot('ls', '/backstores/ramdisk');
    expect(stdout).toContain('go5');
  });

  test('a one-shot command exits 0 or 1, its errors on stderr', async () => {
    const right = await served.oneShot('/backstores', 'ls');
    expect(right).toMatchObject({ status: 0, stderr: '' });
    const wrong = await served.oneShot('/nowhere', 'ls');
    expect(wrong).toMatchObject({ status: 1, stdout: '' });
    expect(wrong.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a clean stop and a new start bring all back', async () => {
    const before = (await served.oneShot('ls')).stdout;
    await served.configure('saveconfig');
    expect(await served.end('SIGTERM')).toBe(0);
    await served.start();
    expect((await served.oneShot('ls')).stdout).toBe(before);
  });
});
