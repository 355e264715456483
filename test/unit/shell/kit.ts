/** A shell against a daemon in memory, for the unit tests of this folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { NO_IO, type SessionInfo } from '../../../src/objects/engine_port.ts';
import { Shell } from '../../../src/shell/shell.ts';
import { MemoryClient } from '../../shell/memory_client.ts';
import { MemoryOutput } from '../../shell/memory_output.ts';

export function temporaryHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'lunsmith-shell-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

export interface TestShell {
  readonly shell: Shell;
  readonly client: MemoryClient;
  readonly out: MemoryOutput;
  /** Run lines; what the last one wrote. */
  run(...lines: readonly string[]): Promise<string>;
}

export function testShell(
  options: { client?: MemoryClient; home?: string; columns?: number } = {},
): TestShell {
  const client = options.client ?? new MemoryClient();
  const out = new MemoryOutput(options.columns === undefined ? {} : { columns: options.columns });
  const shell = new Shell({ client, home: options.home ?? temporaryHome(), out });
  const run = async (...lines: readonly string[]) => {
    let last = '';
    for (const line of lines) {
      out.take();
      await shell.runLine(line);
      last = out.take();
    }
    return last;
  };
  return { shell, client, out, run };
}

export const TARGET = 'iqn.2024-01.com.example:t';
/** A fileio disk, a target with its LUN, one initiator. */
export const EXAMPLE = [
  '/backstores/fileio create disk1 /srv/disk1.img 8M',
  '/backstores/ramdisk create ram1 8M',
  `/iscsi create ${TARGET}`,
  `/iscsi/${TARGET}/tpg1/luns create /backstores/fileio/disk1`,
  `/iscsi/${TARGET}/tpg1/acls create iqn.1994-05.com.redhat:c1`,
] as const;

/** The initiator of `EXAMPLE`, logged in. */
export const SESSION: SessionInfo = {
  sid: 3,
  tsih: 3,
  isid: '00023d000001',
  type: 'Normal',
  state: 'LOGGED_IN',
  initiator: 'iqn.1994-05.com.redhat:c1',
  initiatorAlias: 'client',
  target: TARGET,
  tpgTag: 1,
  authenticated: 'CHAP',
  dynamic: false,
  ageSeconds: 5,
  parameters: {},
  connections: [
    {
      cid: 0,
      address: '192.0.2.7',
      port: 40000,
      portal: '0.0.0.0:3260',
      transport: 'TCP',
      state: 'LOGGED_IN',
    },
  ],
  mappedLuns: [{ mappedLun: 0, storageObject: 'fileio/disk1', writeProtect: false, io: NO_IO }],
};
