/**
 * The units that `service install` writes, under the real systemd as PID 1: readiness, restore,
 * order, clean stop, socket activation, a crash. The build of this repository runs in the guest.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unless } from '../support/unless.ts';
import { BUILD_MS, runInGuest, whyNoGuest, type GuestResult } from './lab_guest.ts';

const GUEST_SECONDS = 600;
const ROOT = path.resolve(import.meta.dirname, '../..');
/** Of the guest; the last is what Node itself is linked with. */
const PACKAGES = 'systemd,systemd-sysv,libstdc++6';
const STEPS_AT_LEAST = 50;

const missing = whyNoGuest('LUNSMITH_LAB_SYSTEMD', 'npm run test:lab -- systemd');
if (missing === undefined) describe('the service under systemd', systemdSteps);
else test('the service under systemd', unless(missing), () => {});

const PROGRAM = 'dist/src/bin/lunsmith.js';

/** What an installed package holds; its modules are mounted into it. */
function stage(folder: string): void {
  for (const name of ['dist', 'packaging', 'saveconfig', 'package.json']) {
    cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  }
  // As npm does with what package.json names in `bin`.
  chmodSync(path.join(folder, PROGRAM), 0o755);
  mkdirSync(path.join(folder, 'node_modules'));
}

function systemdSteps(): void {
  const staged = mkdtempSync(path.join(tmpdir(), 'lunsmith-systemd-'));
  let guest: GuestResult;

  beforeAll(
    async () => {
      stage(staged);
      const node = realpathSync(process.execPath);
      const mounts = {
        '/opt/lunsmith': staged,
        '/opt/lunsmith/node_modules': realpathSync(path.join(ROOT, 'node_modules')),
        '/opt/node': path.dirname(node),
      };
      guest = await runInGuest({
        script: 'systemd.sh',
        seconds: GUEST_SECONDS,
        image: { name: 'systemd', packages: PACKAGES },
        lab: {
          LAB_MOUNTS: Object.entries(mounts)
            .map(([there, here]) => `${there}=${here}`)
            .join(' '),
        },
        env: {
          GUEST_SYSTEMD: '1',
          NODE: `/opt/node/${path.basename(node)}`,
          MODULES: '/opt/lunsmith/node_modules',
          PROGRAM: `/opt/lunsmith/${PROGRAM}`,
        },
      });
      for (const [step, result] of guest.results) console.log(`${result} ${step}`);
    },
    BUILD_MS + (GUEST_SECONDS + 120) * 1000,
  );
  afterAll(() => rmSync(staged, { recursive: true, force: true }));

  test('installs, starts, restores, stops and recovers as its units say', () => {
    expect(
      [...guest.results].filter(([, result]) => result !== 'PASS'),
      guest.output,
    ).toEqual([]);
    expect(guest.results.size, guest.output).toBeGreaterThanOrEqual(STEPS_AT_LEAST);
    expect(guest.status, guest.output).toBe(0);
  });
}
