/** libiscsi's small programs: what they discover, and what they read from a LUN. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { have, run } from '../support/programs.ts';
import { iscsiUrl, type ServedLun } from '../support/served_target.ts';

const MEGABYTES = 64;
const missing = have('iscsi-ls') ? undefined : 'libiscsi-bin is not installed';

describe('libiscsi discovers', () => {
  const served = new LunsmithProcess();
  let lun: ServedLun;
  const portal = () => `iscsi://127.0.0.1:${served.port}`;
  const withLogin = (login: string) => portal().replace('://', `://${login}@`);

  beforeAll(async () => {
    if (missing !== undefined) return;
    await served.start();
    lun = await served.createLun('disc', MEGABYTES);
  });
  afterAll(() => served.stop());
  beforeEach((context) => context.skip(missing !== undefined, missing));

  test('iscsi-ls -s lists the target with its portal and its LUN with its size', async () => {
    const { status, stdout, stderr } = await run('iscsi-ls', ['-s', portal()]);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(`Target:${lun.target} Portal:127.0.0.1:${served.port},1`);
    expect(stdout).toMatch(/Lun:0\s+Type:DIRECT_ACCESS \(Size:6[34]M\)/);
  });

  test('iscsi-inq shows a disk named after its storage object', async () => {
    const { status, stdout, stderr } = await run('iscsi-inq', [iscsiUrl(lun)]);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Peripheral Device Type:DIRECT_ACCESS');
    expect(stdout).toMatch(/Vendor:LUNSMITH/);
    expect(stdout).toMatch(/Product:disc\s/);
    expect(stdout).toContain('CmdQue:1');
  });

  test.each([
    ['00', '0', 'Supported'],
    ['80', '128', 'Unit Serial Number'],
    ['83', '131', 'Designator'],
    ['b0', '176', 'maximum transfer length'],
    ['b1', '177', 'rotation'],
    ['b2', '178', 'threshold'],
  ])('iscsi-inq reads VPD page %s', async (_name, page, content) => {
    const args = ['--evpd=1', `--pagecode=${page}`, iscsiUrl(lun)];
    const { status, stdout, stderr } = await run('iscsi-inq', args);
    expect(status, stderr).toBe(0);
    expect(stdout.toLowerCase()).toContain(content.toLowerCase());
  });

  test('iscsi-readcapacity16 gives the exact size', async () => {
    const { status, stdout, stderr } = await run('iscsi-readcapacity16', ['-s', iscsiUrl(lun)]);
    expect(status, stderr).toBe(0);
    expect(stdout.trim()).toBe(String(MEGABYTES * 1024 * 1024));
  });

  test('with discovery authentication, only the right secret sees targets', async () => {
    await served.configure(
      '/iscsi set discovery_auth enable=1 userid=finder password=findersecret1',
    );
    const right = await run('iscsi-ls', [withLogin('finder%findersecret1')]);
    expect(right.stdout).toContain(lun.target);

    for (const login of ['finder%wrongsecret12', 'nobody%findersecret1']) {
      const wrong = await run('iscsi-ls', ['-s', withLogin(login)]);
      expect(wrong.stdout).not.toContain('Target:');
      expect(wrong.stderr).toContain('(513)');
    }
    const none = await run('iscsi-ls', ['-s', portal()]);
    expect(none.stdout).not.toContain('Target:');

    await served.configure('/iscsi set discovery_auth enable=0');
    const open = await run('iscsi-ls', [portal()]);
    expect(open.stdout).toContain(lun.target);
  });
});
