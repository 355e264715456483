import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installService } from '../../../src/bin/service.ts';
import { lacking, unless } from '../../support/unless.ts';

const PROGRAM = ['/usr/bin/node', '/opt/50% off $x/lunsmith.js'];
const START = 'ExecStart=/usr/bin/node "/opt/50%% off $$x/lunsmith.js" daemon';
const UNITS = ['lunsmith.service', 'lunsmith.socket'];

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'lunsmith-service-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const read = (name: string) => readFileSync(path.join(root, name), 'utf8');

describe('service install', () => {
  test('writes units, completion and man pages that everybody may read', () => {
    const text = installService({ print: false, root }, PROGRAM, 1000);
    const files = text.trimEnd().split('\n');
    expect(files).toHaveLength(7);
    for (const file of files) {
      expect(file.startsWith(root)).toBe(true);
      expect(statSync(file).mode & 0o777).toBe(0o644);
      expect(statSync(file).size).toBeGreaterThan(100);
      expect(readFileSync(file, 'utf8')).not.toContain('@PROGRAM@');
    }
    expect(read('etc/systemd/system/lunsmith.service')).toContain(START);
  });

  test('can be repeated', () => {
    const once = installService({ print: false, root }, PROGRAM, 0);
    expect(installService({ print: false, root }, PROGRAM, 0)).toBe(once);
  });

  test('--print shows every file and writes none', () => {
    const text = installService({ print: true, root: '/' }, PROGRAM, 1000);
    expect(text).toContain('# /etc/systemd/system/lunsmith.socket\n[Unit]');
    expect(text).toContain(START);
    expect(text).toContain('# /usr/local/share/man/man8/lunsmith.8');
  });

  test('only root writes to the system; a folder that cannot be made is named', () => {
    expect(() => installService({ print: false, root: '/' }, PROGRAM, 1000)).toThrow(/Only root/);
    const file = path.join(root, 'file');
    writeFileSync(file, '');
    expect(() => installService({ print: false, root: file }, PROGRAM, 0)).toThrow(
      `Cannot write ${file}/etc/systemd/system/lunsmith.service: `,
    );
  });

  test('the service tells when it serves, and serves before what mounts its disks', () => {
    installService({ print: false, root }, PROGRAM, 0);
    const unit = read('etc/systemd/system/lunsmith.service');
    for (const line of [
      'Type=notify',
      'Before=remote-fs-pre.target',
      'Wants=remote-fs-pre.target',
      'RuntimeDirectoryPreserve=yes',
      'Also=lunsmith.socket',
    ]) {
      expect(unit.split('\n')).toContain(line);
    }
    // Each of these would keep the daemon from devices, from files in home or from its own code.
    expect(unit).not.toMatch(
      /^(PrivateDevices|ProtectHome|PrivateTmp|ProtectClock|DeviceAllow|MemoryDenyWriteExecute)=/m,
    );
    const socket = read('etc/systemd/system/lunsmith.socket');
    expect(socket).toContain('ListenStream=/run/lunsmith/control.sock\nSocketMode=0600\n');
  });

  test('systemd finds nothing wrong with the units', unless(lacking('systemd-analyze')), () => {
    installService({ print: false, root }, [process.execPath, '/bin/true'], 0);
    const units = UNITS.map((name) => path.join(root, 'etc/systemd/system', name));
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], {
      encoding: 'utf8',
    });
    const about = stderr.split('\n').filter((line) => /lunsmith/.test(line));
    expect(about).toEqual([]);
  });
});
