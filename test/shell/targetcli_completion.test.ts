/** What targetcli offered behind TAB is offered here, too; each exception has a reason. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { complete } from '../../src/shell/complete.ts';
import { Shell } from '../../src/shell/shell.ts';
import { MemoryClient } from './memory_client.ts';
import { MemoryOutput } from './memory_output.ts';
import { FIXTURES } from './targetcli/replay.ts';

interface Recorded {
  readonly typed: string;
  readonly offered: readonly string[];
}

const TPG = '/iscsi/iqn.2024-01.com.example:pty/tpg1';
const SETUP = [
  '/backstores/fileio create p1 /srv/p1.img 4M',
  '/backstores/ramdisk create p2 4M',
  '/iscsi create iqn.2024-01.com.example:pty',
  `${TPG}/luns create /backstores/fileio/p1`,
  `${TPG}/acls create iqn.1994-05.com.redhat:c1`,
  'bookmarks add b1',
];

/** Candidates that are not offered, and why. */
const LEFT_OUT: readonly { why: string; typed?: RegExp; offered: RegExp }[] = [
  { why: 'no such fabric or backstore here', offered: /(loopback|vhost|xen-pvscsi|pscsi)\/$/ },
  { why: 'no such preference here', offered: /^(auto_use_daemon|daemon_use_batch_mode)=?$/ },
  { why: 'b is no beginning of it', typed: /^b$/, offered: /^@b1$/ },
  { why: 'behind a path comes a command', typed: /^\/\S+ $/, offered: /^@/ },
  { why: 'nobody writes the name of this one', offered: /^(group|path|topic|bookmark|depth)=$/ },
  { why: 'the number typed is no storage object', typed: /create 3 $/, offered: /^3$/ },
  { why: 'any number is a depth', typed: /^ls depth=$/, offered: /^\d$/ },
  { why: 'no node below it', typed: /^\/backstores\/$/, offered: /^\/backstores\/block\/$/ },
];

test('TAB offers what targetcli offers', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lunsmith-tab-'));
  try {
    const client = new MemoryClient();
    for (const path of ['/srv/p1.img', '/srv/existing.img']) {
      client.files.set(path, { type: 'file', size: 2 ** 22 });
    }
    const shell = new Shell({ client, home, out: new MemoryOutput() });
    for (const line of SETUP) expect(await shell.runLine(line), line).toMatchObject({ ok: true });
    const recorded = JSON.parse(
      readFileSync(join(FIXTURES, 'completion.json'), 'utf8'),
    ) as readonly Recorded[];
    const missing: string[] = [];
    const used = new Set<unknown>();
    for (const { typed, offered } of recorded) {
      const { start, candidates } = await complete(shell, typed);
      const ours = candidates.map(({ text }) => (typed.slice(0, start) + text).trimEnd());
      for (const one of offered.filter((word) => !ours.some((line) => line.endsWith(word)))) {
        const reason = LEFT_OUT.find(
          (rule) => rule.offered.test(one) && rule.typed?.test(typed) !== false,
        );
        if (reason === undefined) missing.push(`${typed}<TAB> ${one}`);
        used.add(reason);
      }
    }
    expect(missing).toEqual([]);
    expect(LEFT_OUT.filter((rule) => !used.has(rule))).toEqual([]);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
