/**
 * The target of the Linux kernel loads what we export: targetcli's own restoreconfig takes the
 * file without a word, its tree shows what ours does, and what it saves imports as that document.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toLioJson } from '../../src/saveconfig/export/lio_json.ts';
import { fromYaml } from '../../src/saveconfig/from_yaml.ts';
import { readLioJson } from '../../src/saveconfig/import/lio_json.ts';
import { file, imported, surroundings } from '../unit/saveconfig/import/import_kit.ts';
import { unless } from '../support/unless.ts';
import { BUILD_MS, runInGuest, whyNoGuest, type GuestResult } from './lab_guest.ts';

const GUEST_SECONDS = 300;
/** LIO's own shell, and what it speaks to. */
const IMAGE = { name: 'peers', packages: 'targetcli-fb,dbus,kmod' };
const MIB = 1024 * 1024;

const YAML = `
version: 1
backstores:
  fileio:
    cached:
      path: /srv/cached.img
      size: 64MiB
      write_back: true
      wwn: 3f2b8a01-37a5-4a4b-8a5b-3e4c0f5d6a01
      attributes: { emulate_tpu: true, max_unmap_lba_count: 8192, emulate_model_alias: true }
    through:
      path: /srv/through.img
      size: 16MiB
      write_back: false
      wwn: 3f2b8a02-37a5-4a4b-8a5b-3e4c0f5d6a02
      attributes: { emulate_model_alias: true }
  ramdisk:
    memory:
      size: 8MiB
      wwn: 3f2b8a03-37a5-4a4b-8a5b-3e4c0f5d6a03
iscsi:
  discovery_auth:
    enable: true
    userid: finder
    password: findersecret1
    mutual_userid: found
    mutual_password: foundsecret1
  targets:
    "iqn.2026-01.net.example:lab":
      tpgs:
        1:
          enabled: true
          attributes: { authentication: true, login_timeout: 20, default_cmdsn_depth: 32 }
          parameters: { HeaderDigest: CRC32C, MaxBurstLength: 524288 }
          auth:
            userid: everybody
            password: everysecret1
          portals: ["10.0.2.15:3260", "10.0.2.16:3261"]
          luns:
            0: backstores/fileio/cached
            1: backstores/fileio/through
          acls:
            "iqn.1993-08.org.debian:01:kernel":
              attributes: { dataout_timeout: 5 }
              auth:
                userid: kernel
                password: kernelsecret1
                mutual_userid: target
                mutual_password: targetsecret1
              mapped_luns:
                0: { lun: 0, write_protect: false }
                7: { lun: 1, write_protect: true }
            "iqn.1993-08.org.debian:01:other": {}
        2:
          enabled: false
          luns:
            3: backstores/ramdisk/memory
`;

const missing = whyNoGuest('LUNSMITH_LAB_LIO', 'npm run test:lab -- lio');
if (missing === undefined) describe("the Linux kernel's target", lioSteps);
else test("the Linux kernel's target", unless(missing), () => {});

function lioSteps(): void {
  const given = mkdtempSync(path.join(tmpdir(), 'lunsmith-lio-'));
  const exported = fromYaml(YAML, 'lab.yaml', { identity: 'lab' });
  let guest: GuestResult;

  beforeAll(
    async () => {
      writeFileSync(path.join(given, 'saveconfig.json'), toLioJson(exported), { mode: 0o600 });
      guest = await runInGuest({
        script: 'lio.sh',
        seconds: GUEST_SECONDS,
        image: IMAGE,
        lab: { LAB_MOUNTS: `/given=${given}` },
        env: { GIVEN: '/given/saveconfig.json' },
      });
    },
    BUILD_MS + (GUEST_SECONDS + 120) * 1000,
  );
  afterAll(() => rmSync(given, { recursive: true, force: true }));

  test('restores our export without a complaint, and its tree and files show each part', () => {
    expect(
      [...guest.results].filter(([, result]) => result !== 'PASS'),
      guest.output,
    ).toEqual([]);
    expect(guest.results.size, guest.output).toBeGreaterThan(20);
    expect(guest.status, guest.output).toBe(0);
  });

  test('saves what imports as the document that was exported', () => {
    const [, text = ''] = /^--- saved\n(.*)^--- end$/ms.exec(guest.stdout) ?? [];
    const there = {
      '/srv/cached.img': file(64 * MIB),
      '/srv/through.img': file(16 * MIB),
    };
    const { document } = imported(readLioJson, { file: 'saved.json', text }, surroundings(there));
    expect(document).toEqual(exported);
  });
}
