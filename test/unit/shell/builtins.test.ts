import { describe, expect, test } from 'vitest';
import { ROOT } from '../../../src/objects/tree.ts';
import type { TreeNode } from '../../../src/objects/node.ts';
import { BUILTINS } from '../../../src/shell/builtins/table.ts';
import { commandsAt } from '../../../src/shell/command_line.ts';
import { EXAMPLE, SESSION, TARGET, testShell } from './kit.ts';

describe('sessions', () => {
  test('list has one line each, with the target', async () => {
    const { client, run } = testShell();
    client.sessions = [SESSION];
    expect(await run('sessions')).toBe(
      `alias: client\tsid: 3 type: Normal session-state: LOGGED_IN\ttarget: ${TARGET}/tpg1\n`,
    );
  });

  test('escape sequences of a peer do not reach the terminal', async () => {
    const { client, run } = testShell();
    const initiatorAlias = 'x\u001b]0;owned\u0007';
    client.sessions = [{ ...SESSION, initiatorAlias, initiator: 'iqn\u009b2J' }];
    expect(await run('sessions detail')).toMatch(/^alias: x\?\]0;owned\?\t[^]*name: iqn\?2J /);
  });

  test('detail names initiator, disks and connections', async () => {
    const { client, run } = testShell();
    client.sessions = [SESSION, { ...SESSION, sid: 4, authenticated: 'none', dynamic: true }];
    expect((await run('sessions detail 3')).split('\n').slice(1)).toEqual([
      '    name: iqn.1994-05.com.redhat:c1 (authenticated)',
      '    mapped-lun: 0 backstore: fileio/disk1 mode: rw',
      '    address: 192.0.2.7 (TCP)  cid: 0 connection-state: LOGGED_IN',
      '',
    ]);
    expect(await run('sessions detail 4')).toContain('(NOT AUTHENTICATED, dynamic)');
  });
});

describe('set global busy_poll', () => {
  test('tells the daemon, which reads it again; of others it hears nothing', async () => {
    const { client, run } = testShell();
    client.busyPoll = '200';
    expect(await run('set global busy_poll=200')).toBe("Parameter busy_poll is now '200'.\n");
    await run('set global color_mode=false');
    expect(client.calls.filter((method) => method === 'preferences')).toHaveLength(1);
  });

  test('says so when the daemon has another user, whose preferences it follows', async () => {
    const { client, run } = testShell();
    client.busyPoll = 'auto';
    expect(await run('set global busy_poll=off')).toContain(
      "the daemon follows its own user's preferences: busy_poll=auto there",
    );
  });

  test('takes what is declared only', async () => {
    expect(await testShell().run('set global busy_poll=7')).toContain('auto');
  });
});

describe('help', () => {
  /** Every node of a tree with one of each kind. */
  async function everyNode() {
    const shell = testShell();
    await shell.run(...EXAMPLE);
    const view = await shell.shell.mirror.view();
    const nodes: TreeNode[] = [];
    const walk = (node: TreeNode) => {
      nodes.push(node);
      node.kind.children(view.document, node).forEach(walk);
    };
    walk(ROOT);
    return { ...shell, nodes };
  }

  test('there is a page for every command of every node', async () => {
    const { shell, run, nodes } = await everyNode();
    for (const node of nodes) {
      shell.moveTo('/');
      const names = commandsAt(node, BUILTINS);
      expect(names.length).toBeGreaterThan(9);
      const path = [];
      for (let at: TreeNode | undefined = node; at?.parent !== undefined; at = at.parent) {
        path.unshift(at.name);
      }
      for (const name of names) {
        const page = await run(`/${path.join('/')} help ${name}`);
        expect(page).toMatch(new RegExp(`^\nSYNTAX\n======\n${name} `));
        expect(page).toContain('DESCRIPTION');
      }
    }
  });

  test('lists required parameters bare and optional ones in brackets', async () => {
    const { run } = testShell();
    expect(await run('/backstores/fileio help')).toMatch(
      /\n {2}- create name file_or_dev \[size\] \[write_back\] \[sparse\] \[wwn\]/,
    );
  });

  test('an attribute says type, range, default, unit and when it takes effect', async () => {
    const { run } = testShell();
    await run(...EXAMPLE);
    const page = await run(`/iscsi/${TARGET}/tpg1 help login_timeout`);
    expect(page).toContain('Values:       5..30 seconds');
    expect(page).toContain('Default:      15');
    expect(page).toContain('Unit:         seconds');
    expect(page).toContain('Takes effect: from the next login');
  });

  test('a group shows all its attributes', async () => {
    const { run } = testShell();
    const page = await run('/iscsi help discovery_auth');
    for (const name of ['enable', 'userid', 'mutual_password']) {
      expect(page).toContain(`\n${name}\n${'='.repeat(name.length)}\n`);
    }
  });

  test('every declared line of help fits into 100 columns', () => {
    for (const { help, params } of Object.values(BUILTINS)) {
      for (const line of [help, ...Object.values(params).map((p) => p.help)]
        .join('\n')
        .split('\n')) {
        expect(line.length).toBeLessThanOrEqual(100);
      }
    }
  });
});

describe('messages', () => {
  test('levels below loglevel_console are not shown', async () => {
    const { run } = testShell();
    await run('set global loglevel_console=error');
    expect(await run('/backstores/ramdisk create r 1M')).toBe('');
    expect(await run('nonesuch')).toContain('Command not found');
  });

  test('restoreconfig clear_existing=false keeps what exists', async () => {
    const { client, run } = testShell();
    await run(...EXAMPLE, 'saveconfig');
    expect(await run('restoreconfig clear_existing=false')).toContain('exist not restoring');
    expect(Object.keys(client.document.backstores.fileio)).toEqual(['disk1']);
  });

  test('saveconfig resolves a file name in the folder of the shell', async () => {
    const { client, run } = testShell();
    await run('saveconfig here.yaml');
    expect([...client.saved.keys()]).toEqual([`${process.cwd()}/here.yaml`]);
  });
});
