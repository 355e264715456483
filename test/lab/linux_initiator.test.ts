/**
 * The Linux kernel's own initiator, in a virtual machine that needs nothing of the host's kernel:
 * discovery, mutual CHAP, both digests, fio with verify, a file system, logout.
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LunsmithProcess } from '../support/lunsmith_process.ts';
import { have, mustRun, run } from '../support/programs.ts';
import { unless } from '../support/unless.ts';

const MINUTE_MS = 60_000;
const BUILD_MS = 15 * MINUTE_MS;
const GUEST_SECONDS = 900;
const INITIATOR = 'iqn.2026-01.net.example:kernel';
/** The host's 127.0.0.1 as QEMU's user network shows it to the guest. */
const HOST_IN_GUEST = '10.0.2.2';

const STEPS = [
  'discovery',
  'wrong-secret-is-refused',
  'wrong-mutual-secret-is-refused',
  'login-with-mutual-chap',
  'disk-appears',
  'header-digest',
  'data-digest',
  'inquiry',
  'vpd-sv',
  'vpd-di',
  'vpd-sn',
  'vpd-bl',
  'vpd-bdc',
  'vpd-lbpv',
  'read-capacity',
  'report-luns',
  'mode-sense',
  'report-opcodes',
  'verify',
  'write-same',
  'unmap',
  'synchronize-cache',
  'lun-reset',
  'target-reset',
  'discard',
  'fio-with-verify',
  'mkfs',
  'mount',
  'write-files',
  'umount',
  'fsck',
  'mount-again',
  'files-are-the-same',
  'fstrim',
  'umount-again',
  'no-kernel-errors',
  'logout',
  'disk-is-gone',
  'login-again',
  'logout-again',
];

function whyNot(): string | undefined {
  if (process.env['LUNSMITH_LAB'] !== '1') return 'runs in CI and by npm run test:lab only';
  if (process.getuid?.() !== 0) return 'building the guest needs root';
  if (!have('apt-get')) return 'the guest is built from Debian packages';
  return undefined;
}

describe('the Linux initiator', unless(whyNot()), () => {
  let served: LunsmithProcess;
  const folder = import.meta.dirname;
  const results = new Map<string, string>();
  let output = '';
  let status = -1;

  beforeAll(
    async () => {
      await mustRun('bash', [path.join(folder, 'vm/build.sh')], { timeoutMs: BUILD_MS });
      served = new LunsmithProcess();
      await served.start();
      const lun = await served.createLun('kernel', 256);
      const tpg = `/iscsi/${lun.target}/tpg1`;
      await served.configure(
        `${tpg} set attribute authentication=1 generate_node_acls=0`,
        `${tpg} set parameter HeaderDigest=CRC32C,None`,
        `${tpg} set parameter DataDigest=CRC32C,None`,
        `${tpg}/acls create ${INITIATOR}`,
        `${tpg}/acls/${INITIATOR} set auth userid=kernel password=kernelsecret1 ` +
          'mutual_userid=target mutual_password=targetsecret1',
      );
      const environment = {
        HOST: HOST_IN_GUEST,
        PORT: String(lun.port),
        TARGET: lun.target,
        INITIATOR,
        CHAP_USER: 'kernel',
        CHAP_PASS: 'kernelsecret1',
        CHAP_USER_IN: 'target',
        CHAP_PASS_IN: 'targetsecret1',
      };
      const pairs = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
      const script = path.join(folder, 'initiator.sh');
      const args = [path.join(folder, 'vm/run_guest.sh'), String(GUEST_SECONDS), script, ...pairs];
      const outcome = await run('bash', args, { timeoutMs: (GUEST_SECONDS + 60) * 1000 });
      status = outcome.status;
      output = `${outcome.stdout}\n${outcome.stderr}`;
      for (const match of outcome.stdout.matchAll(/^(PASS|FAIL|SKIP) (\S+)/gm)) {
        results.set(match[2] ?? '', match[1] ?? '');
      }
    },
    BUILD_MS + (GUEST_SECONDS + 120) * 1000,
  );
  afterAll(() => served.stop());

  test.each(STEPS)('%s', (step) => {
    expect(results.get(step), output).toBe('PASS');
  });

  test('nothing else failed, and the guest ended well', () => {
    expect([...results].filter(([, result]) => result !== 'PASS')).toEqual([]);
    expect(status, output).toBe(0);
  });
});
