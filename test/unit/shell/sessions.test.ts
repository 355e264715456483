import { describe, expect, test } from 'vitest';
import { NO_IO } from '../../../src/objects/engine_port.ts';
import { complete } from '../../../src/shell/complete.ts';
import { fittingWidths } from '../../../src/shell/table.ts';
import { EXAMPLE, SESSION, TARGET, testShell } from './kit.ts';

const TPG = `/iscsi/${TARGET}/tpg1`;
const REFUSED = {
  initiator: 'iqn.1994-05.com.redhat:stranger',
  target: TARGET,
  address: '192.0.2.9',
  rule: 'no node ACL for this initiator, generate_node_acls=0',
  statusClass: 2,
  statusDetail: 2,
  count: 3,
  ageSeconds: 61,
};

async function shellWithSession(columns?: number) {
  const kit = testShell(columns === undefined ? {} : { columns });
  await kit.run(...EXAMPLE);
  kit.client.sessions = [SESSION];
  return kit;
}

describe('sessions as nodes', () => {
  test('stand below their TPG while somebody is logged in', async () => {
    const { client, run } = await shellWithSession(100);
    const tree = await run(`${TPG} ls`);
    expect(tree).toMatch(/ {2}o- sessions \.+ \[Sessions: 1\]\n/);
    expect(tree).toMatch(
      / {4}o- sid3 \.* ?\[iqn\.1994-05\.com\.redhat:c1, 192\.0\.2\.7, CHAP, LUNs: 1\]\n/,
    );
    client.sessions = [];
    expect(await run(`${TPG} ls`)).not.toContain('sessions');
    expect(await run(`${TPG}/sessions status`)).toContain('Sessions: 0');
  });

  test('belong to the TPG that they logged in to', async () => {
    const { client, run } = await shellWithSession();
    client.sessions = [{ ...SESSION, tpgTag: 2 }];
    expect(await run(`${TPG}/sessions/sid3 info`)).toContain('No such path');
  });

  test('info shows connections, negotiated keys and I/O of each LUN', async () => {
    const { client, run } = await shellWithSession();
    const io = { ...NO_IO, commands: 9, reads: 4, readBytes: 2048, errors: 1 };
    const mappedLuns = [{ ...SESSION.mappedLuns[0]!, io }];
    client.sessions = [{ ...SESSION, mappedLuns, parameters: { HeaderDigest: 'CRC32C' } }];
    const lines = (await run(`${TPG}/sessions/sid3 info`)).split('\n');
    expect(lines).toContain('authenticated: CHAP');
    expect(lines).toContain('HeaderDigest: CRC32C');
    expect(lines).toContain('connection 0: 192.0.2.7 port 40000 to 0.0.0.0:3260 (TCP) LOGGED_IN');
    expect(lines).toContain(
      'lun 0: fileio/disk1 (rw) 9 commands, 4 reads (2048 bytes), 0 writes (0 bytes), 1 errors',
    );
  });

  test('info says of each LUN what state its path is in, unless it is the best', async () => {
    const { run } = await shellWithSession();
    const group = '/backstores/fileio/disk1/alua/default_tg_pt_gp';
    expect(await run(`${TPG}/sessions/sid3 info`)).toContain('lun 0: fileio/disk1 (rw) ');
    await run(`${group} set alua alua_access_state=1`);
    const said = await run(`${TPG}/sessions/sid3 info`);
    expect(said).toContain('lun 0: fileio/disk1 (rw, Active/non-optimized) ');
  });

  test('info and summary say what limits hold, and what waits for them', async () => {
    const { client, run } = await shellWithSession();
    const acl = { maxIops: 0, maxBandwidth: 10_485_760, delayed: 7 };
    const own = { maxIops: 100, maxBandwidth: 0, delayed: 2 };
    client.sessions = [{ ...SESSION, limits: { waiting: 5, session: own, acl } }];
    const lines = (await run(`${TPG}/sessions/sid3 info`)).split('\n');
    expect(lines).toContain('limit of the session: 100 commands/s; commands waited 2 times');
    expect(lines).toContain(
      'limit of the ACL, all its sessions together: 10.0MiB/s; commands waited 7 times',
    );
    expect(lines).toContain('waiting for a limit: 5 commands');
    expect(await run(`${TPG} ls`)).toContain('limited, 5 commands wait');
  });

  test('`sessions` in a TPG is its child, elsewhere the command', async () => {
    const { run, shell } = await shellWithSession();
    await run(`cd ${TPG}`, 'sessions');
    expect(shell.cwd).toBe(`${TPG}/sessions`);
    expect(await run('cd /', 'sessions')).toContain('sid: 3');
  });

  test('paths to them complete', async () => {
    const { shell } = await shellWithSession();
    const { candidates } = await complete(shell, `${TPG}/sessions/`);
    expect(candidates.map(({ text }) => text)).toContain(`${TPG}/sessions/sid3`);
  });
});

describe('kick', () => {
  test('ends the session of a node, or of a number, and says how to keep it out', async () => {
    const { client, run } = await shellWithSession();
    const said = await run(`${TPG}/sessions/sid3 kick`);
    expect(said).toContain('Ended session 3 of iqn.1994-05.com.redhat:c1.');
    expect(said).toContain('to keep it out, delete its node ACL');
    expect(client.sessions).toEqual([]);
    client.sessions = [{ ...SESSION, dynamic: true }];
    expect(await run('sessions kick sid=3')).toContain('set attribute generate_node_acls=0');
    expect(client.sessions).toEqual([]);
  });

  test('refuses what is not there', async () => {
    const { client, run } = await shellWithSession();
    expect(await run('sessions kick')).toContain('Missing required parameter sid');
    expect(await run('sessions kick 7')).toContain('no session found with sid 7');
    expect(await run(`${TPG}/sessions kick 7`)).toContain('no session found with sid 7');
    expect(await run('kick 3')).toContain('Command not found kick');
    expect(client.sessions).toEqual([SESSION]);
  });
});

describe('sessions refused', () => {
  test('one line each for programs, a table for people', async () => {
    const { client, run } = testShell();
    expect(await run('sessions refused')).toBe('(no refused logins)\n');
    client.refusedLogins = [REFUSED];
    expect(await run('sessions refused')).toBe(
      `initiator: ${REFUSED.initiator} address: 192.0.2.9 target: ${TARGET} times: 3 ` +
        `last: 1m 1s ago reason: ${REFUSED.rule}\n`,
    );
    const wide = testShell({ columns: 160 });
    wide.client.refusedLogins = [REFUSED];
    const table = await wide.run('sessions refused');
    for (const word of ['TIMES', '1m 1s', REFUSED.initiator, '192.0.2.9', REFUSED.rule]) {
      expect(table).toContain(word);
    }
  });

  test('control characters of a peer do not reach the terminal', async () => {
    const { client, run } = testShell({ columns: 120 });
    client.refusedLogins = [{ ...REFUSED, initiator: 'iqn\u001b]0;x\u0007' }];
    // eslint-disable-next-line no-control-regex -- the escape is what must not come through
    expect(await run('sessions refused')).not.toMatch(/\u001b|\u0007/);
  });
});

describe('tables', () => {
  test('no line is wider than the terminal, and nothing is cut', async () => {
    const { client, run } = testShell({ columns: 60 });
    client.sessions = [SESSION];
    const lines = (await run('sessions')).trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    const cells = lines.slice(3, -1).map((line) => line.split('│').map((cell) => cell.trim()));
    const column = (index: number) => cells.map((row) => row[index] ?? '').join('');
    expect(column(2)).toBe(SESSION.initiator);
    expect(column(4)).toBe(`${TARGET}/tpg1`);
  });

  test('a terminal too narrow for any table ends in narrow columns, not in a loop', () => {
    expect(fittingWidths([40, 40], 5)).toEqual([8, 8]);
    expect(fittingWidths([3, 40], 30)).toEqual([5, 22]);
  });
});

describe('why', () => {
  test('asks all TPGs at the root, one at a TPG, and shows the remedy', async () => {
    const { run } = await shellWithSession();
    await run(`/iscsi/${TARGET} create 2`);
    const all = await run('why IQN.1994-05.com.redhat:c1');
    expect(all).toContain(`${TPG}\n  yes The TPG is enabled`);
    expect(all).toContain(`/iscsi/${TARGET}/tpg2\n`);
    expect(all).toContain('It is logged in now: session 3, from 192.0.2.7');
    const one = await run(`${TPG}/acls why iqn.1994-05.com.redhat:other lun=0`);
    expect(one).not.toContain('tpg2');
    expect(one).toContain(`change it: ${TPG}/acls create iqn.1994-05.com.redhat:other`);
    expect(one).toContain('It cannot log in.');
  });

  test('completes initiators that are known, logged in, or were refused', async () => {
    const { client, shell } = await shellWithSession();
    client.refusedLogins = [REFUSED];
    const { candidates } = await complete(shell, 'why iqn.1994');
    expect(candidates.map(({ text }) => text)).toEqual([
      'iqn.1994-05.com.redhat:c1',
      'iqn.1994-05.com.redhat:stranger',
    ]);
  });
});
