/**
 * The Linux kernel's iSER initiator over soft-iWARP, in a virtual machine that needs nothing of the
 * host's kernel: CHAP both ways, fio with verify, TCP beside it on one port, a restart of the
 * daemon.
 */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { homedir } from 'node:os';
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
const CACHE = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
const LAB_DIR = process.env['LAB_DIR'] ?? path.join(CACHE, 'lunsmith-lab-guest-iser');

const STEPS = [
  'soft-iwarp',
  'discovery-over-iser',
  'wrong-secret-is-refused',
  'login-with-chap',
  'logout-with-chap',
  'wrong-mutual-secret-is-refused',
  'login-with-mutual-chap',
  'disk-appears',
  'transport-is-iser',
  'inquiry',
  'read-capacity',
  'lun-reset',
  'target-reset',
  'fio-verify-512',
  'fio-verify-4k',
  'fio-verify-64k',
  'fio-verify-256k',
  'fio-verify-1m',
  'fio-verify-4m',
  'login-over-tcp-beside',
  'both-sessions',
  'write-over-iser',
  'read-over-tcp',
  'write-over-tcp',
  'read-over-iser',
  'logout-over-tcp',
  'mkfs',
  'mount',
  'write-files',
  'umount',
  'fsck',
  'daemon-restarted',
  'fio-through-the-restart',
  'mount-again',
  'files-are-the-same',
  'umount-again',
  'logout',
  'disk-is-gone',
  'login-again',
  'logout-again',
];

function whyNot(): string | undefined {
  if (process.env['LUNSMITH_LAB_ISER'] !== '1') return 'runs by npm run test:lab -- iser only';
  if (process.getuid?.() !== 0) return 'building the guest needs root';
  if (!have('apt-get')) return 'the guest is built from Debian packages';
  return undefined;
}

/** Restarts the daemon for whoever connects, and says so when it is back. */
async function restarter(served: LunsmithProcess): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const restart = async (): Promise<void> => {
      await served.end('SIGTERM');
      await served.start();
      socket.end('done\n');
    };
    restart().catch((error: unknown) => socket.end(`${error}\n`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function serve(served: LunsmithProcess): Promise<Record<string, string>> {
  await served.start();
  const lun = await served.createLun('kernel', 256);
  const tpg = `/iscsi/${lun.target}/tpg1`;
  const [userid, password] = ['kernel', 'kernelsecret1'];
  const [mutualUserid, mutualPassword] = ['target', 'targetsecret1'];
  await served.configure(
    `${tpg}/portals/127.0.0.1:${lun.port} enable_iser true`,
    `${tpg} set attribute authentication=1 generate_node_acls=0`,
    `${tpg}/acls create ${INITIATOR}`,
    `${tpg}/acls/${INITIATOR} set auth userid=${userid} password=${password} ` +
      `mutual_userid=${mutualUserid} mutual_password=${mutualPassword}`,
    'saveconfig',
  );
  return {
    HOST: HOST_IN_GUEST,
    PORT: String(lun.port),
    TARGET: lun.target,
    INITIATOR,
    CHAP_USER: userid,
    CHAP_PASS: password,
    CHAP_USER_IN: mutualUserid,
    CHAP_PASS_IN: mutualPassword,
  };
}

const missing = whyNot();

if (missing === undefined) describe('the Linux iSER initiator', initiatorSteps);
else test('the Linux iSER initiator', unless(missing), () => {});

function initiatorSteps(): void {
  const served = new LunsmithProcess();
  const folder = import.meta.dirname;
  const results = new Map<string, string>();
  // The initiator allocates much for each connection, and gives it back late.
  const env = { LAB_DIR, LAB_ISER: '1', LAB_MEMORY: '2048' };
  let control: Server | undefined;
  let output = '';
  let status = -1;

  beforeAll(
    async () => {
      await mustRun('bash', [path.join(folder, 'vm/build.sh')], { timeoutMs: BUILD_MS, env });
      const environment = await serve(served);
      control = await restarter(served);
      const { port } = control.address() as AddressInfo;
      const all = { ...environment, CONTROL: String(port) };
      const pairs = Object.entries(all).map(([key, value]) => `${key}=${value}`);
      const script = path.join(folder, 'iser.sh');
      const args = [path.join(folder, 'vm/run_guest.sh'), String(GUEST_SECONDS), script, ...pairs];
      const outcome = await run('bash', args, { timeoutMs: (GUEST_SECONDS + 60) * 1000, env });
      status = outcome.status;
      output = `${outcome.stdout}\n${outcome.stderr}`;
      for (const [note] of outcome.stdout.matchAll(/^NOTE .*$/gm)) console.log(note);
      for (const match of outcome.stdout.matchAll(/^(PASS|FAIL|SKIP) (\S+)/gm)) {
        console.log(match[0]);
        results.set(match[2] ?? '', match[1] ?? '');
      }
    },
    BUILD_MS + (GUEST_SECONDS + 120) * 1000,
  );
  afterAll(async () => {
    control?.close();
    await served.stop();
  });

  test.each(STEPS)('%s', (step) => {
    expect(results.get(step), output).toBe('PASS');
  });

  test('nothing else failed, and the guest ended well', () => {
    expect([...results].filter(([, result]) => result !== 'PASS')).toEqual([]);
    expect(status, output).toBe(0);
  });
}
