/** `top` and `watch` without a terminal, and the screen that draws itself anew. */
import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { NO_IO, type IoCounters, type RuntimeState } from '../../../src/objects/engine_port.ts';
import type { Dialogs } from '../../../src/shell/builtin.ts';
import { topLive } from '../../../src/shell/builtins/live.ts';
import { runLive, type LiveScreen } from '../../../src/shell/live_screen.ts';
import { ratesBetween, sorted, type LimitName } from '../../../src/shell/rates.ts';
import { painter } from '../../../src/shell/style.ts';
import { topScreen } from '../../../src/shell/top_screen.ts';
import { IDLE_RUNTIME } from '../../fixtures/documents.ts';
import { EXAMPLE, SESSION, testShell } from './kit.ts';

const io = (values: Partial<IoCounters>): IoCounters => ({ ...NO_IO, ...values });
const sessionWith = (sid: number, values: Partial<IoCounters>) => ({
  ...SESSION,
  sid,
  mappedLuns: [0, 1].map((mappedLun) => ({
    mappedLun,
    storageObject: 'fileio/disk1',
    writeProtect: false,
    io: io(values),
  })),
});
/** What has counters is a storage object, too. */
const runtimeWith = (parts: Partial<RuntimeState>): RuntimeState => ({
  ...IDLE_RUNTIME,
  storageObjects: Object.fromEntries(Object.keys(parts.io ?? {}).map((name) => [name, OK])),
  ...parts,
});
const OK = { ok: true };

describe('rates', () => {
  test('are differences per second, latency the mean of the period', () => {
    const before = { commands: 100, reads: 50, readBytes: 1000, busyMs: 500 };
    const after = { commands: 120, reads: 60, writes: 6, readBytes: 5000, busyMs: 540, queued: 7 };
    const rates = ratesBetween(
      { atMs: 1000, runtime: runtimeWith({ io: { 'fileio/disk1': io(before) } }) },
      { atMs: 3000, runtime: runtimeWith({ io: { 'fileio/disk1': io(after) } }) },
    );
    expect(rates.luns).toEqual([
      { name: 'fileio/disk1', iops: 8, readRate: 2000, writeRate: 0, latencyMs: 2, queued: 7 },
    ]);
  });

  test('what is new or was made anew counts from zero; what is gone is not shown', () => {
    const rates = ratesBetween(
      { atMs: 0, runtime: runtimeWith({ io: { a: io({ reads: 900 }), gone: io({ reads: 1 }) } }) },
      { atMs: 1000, runtime: runtimeWith({ io: { a: io({ reads: 5 }), b: io({ reads: 3 }) } }) },
    );
    expect(rates.luns.map(({ name, iops }) => [name, iops])).toEqual([
      ['a', 5],
      ['b', 3],
    ]);
  });

  test('a disk without any command yet is shown, with nothing but zeros', () => {
    const idle = runtimeWith({ storageObjects: { 'ramdisk/quiet': OK } });
    const { luns } = ratesBetween({ atMs: 0, runtime: idle }, { atMs: 1000, runtime: idle });
    expect(luns).toMatchObject([{ name: 'ramdisk/quiet', iops: 0, latencyMs: 0, queued: 0 }]);
  });

  test('a session is the sum of its LUNs; discovery has none', () => {
    const discovery = { ...SESSION, sid: 9, type: 'Discovery' as const };
    const rates = ratesBetween(
      { atMs: 0, runtime: runtimeWith({ sessions: [sessionWith(3, { writes: 1 })] }) },
      { atMs: 500, runtime: runtimeWith({ sessions: [sessionWith(3, { writes: 4 }), discovery] }) },
    );
    expect(rates.sessions).toMatchObject([
      { name: '3 iqn.1994-05.com.redhat:c1 192.0.2.7', iops: 12 },
    ]);
  });

  test('what a limit held back since the last look is said with the limit', () => {
    const acl = (delayed: number) => ({
      waiting: 1,
      acl: { maxIops: 9, maxBandwidth: 0, delayed },
    });
    const sample = (atMs: number, ofAcl: number, ofLun: number) => ({
      atMs,
      runtime: runtimeWith({
        io: { busy: io({ delayed: ofLun }), free: io({ reads: 1 }) },
        sessions: [{ ...sessionWith(3, { delayed: ofLun }), limits: acl(ofAcl) }],
      }),
    });
    const both = ratesBetween(sample(0, 1, 5), sample(1000, 4, 6));
    expect(both.luns).toMatchObject([{ limitedBy: ['lun'] }, { name: 'free' }]);
    expect(both.luns[1]).not.toHaveProperty('limitedBy');
    expect(both.sessions).toMatchObject([{ limitedBy: ['acl', 'lun'] }]);
    const quiet = ratesBetween(sample(0, 4, 6), sample(1000, 4, 6));
    expect(quiet.sessions).toMatchObject([{ limitedBy: [] }]);
  });

  test('no time between two looks is no endless rate', () => {
    const sample = { atMs: 5, runtime: runtimeWith({ io: { a: io({ reads: 5 }) } }) };
    expect(ratesBetween(sample, sample).luns[0]?.iops).toBe(0);
  });

  test('sorting puts the most first, and equal ones by name', () => {
    const rate = (name: string, iops: number, latencyMs: number) => ({
      name,
      iops,
      latencyMs,
      readRate: 0,
      writeRate: iops,
      queued: 0,
    });
    const rates = [rate('d10', 1, 9), rate('d2', 1, 3), rate('c', 5, 4)];
    const names = (key: Parameters<typeof sorted>[1]) =>
      sorted(rates, key)
        .map(({ name }) => name)
        .join(' ');
    expect(names('iops')).toBe('c d2 d10');
    expect(names('latency')).toBe('d10 c d2');
    expect(names('name')).toBe('c d2 d10');
    expect(names('queue')).toBe('c d2 d10');
  });
});

describe('the screen of top', () => {
  const many = Array.from({ length: 40 }, (_, n) => ({
    name: `fileio/disk${n}`,
    iops: n,
    readRate: n * 1024 * 1024,
    writeRate: 0,
    latencyMs: n / 10,
    queued: 0,
  }));
  const options = { sort: 'iops', painter: painter(false), note: 'q: leave' } as const;

  test.each([
    [80, 24],
    [132, 50],
    [40, 6],
  ])('fits %i columns and %i rows', (columns, rows) => {
    const lines = topScreen({ luns: many, sessions: many }, { ...options, columns, rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  });

  test('has a column for limits where one held something back', () => {
    const [first, second, third] = many.map((rate) => ({ ...rate, limitedBy: [] as LimitName[] }));
    const luns = [
      { ...first!, limitedBy: ['lun'] as const },
      { ...second!, limitedBy: ['acl', 'lun'] as const },
      third!,
    ];
    const lines = topScreen({ luns, sessions: many }, { ...options, columns: 80, rows: 24 });
    expect(lines.slice(2, 6).map((line) => line.split(/ +/).at(-1))).toEqual([
      'LIMITED',
      '-',
      'acl+',
      'lun',
    ]);
    expect(lines.filter((line) => line.includes('LIMITED'))).toHaveLength(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('shows sums, and the busiest first', () => {
    const lines = topScreen({ luns: many, sessions: [] }, { ...options, columns: 80, rows: 24 });
    expect(lines[0]).toBe(
      '780 IOPS, read 780.0MiB/s, write 0B/s, 0 queued  sorted by iops  q: leave',
    );
    expect(lines[3]).toMatch(/^fileio\/disk39 +39\.0 +39\.0MiB +0B +3\.9ms +0$/);
    expect(lines.at(-1)).toBe('(none)');
  });
});

class FakeTerminal extends EventEmitter {
  columns = 40;
  rows = 5;
  text = '';
  write(text: string): void {
    this.text += text;
  }
}

function live(screen: Partial<LiveScreen>) {
  const terminal = new FakeTerminal();
  let keys: ((text: string) => void) | undefined;
  const takeKeys = (listener: (text: string) => void) => {
    keys = listener;
    return () => (keys = undefined);
  };
  const whole = { intervalMs: 60_000, draw: async () => [], key: () => {}, ...screen };
  const done = runLive(whole, { takeKeys }, terminal);
  return { terminal, done, press: (text: string) => keys?.(text), taken: () => keys !== undefined };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a live screen', () => {
  test.each(['q', '\u0003', '\u001b'])('is left by %j, and the terminal restored', async (key) => {
    const { terminal, done, press, taken } = live({ draw: async () => ['one', 'two'] });
    await turn();
    expect(terminal.text).toContain('one\u001b[K\r\ntwo\u001b[K\u001b[J');
    press(key);
    await done;
    expect(terminal.text.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
    expect(taken()).toBe(false);
    expect(terminal.listenerCount('resize')).toBe(0);
  });

  test('draws anew for a key, an elapsed interval and another size', async () => {
    const sizes: number[] = [];
    const pressed: string[] = [];
    const { terminal, done, press } = live({
      intervalMs: 1,
      draw: async ({ columns }) => {
        sizes.push(columns);
        return [];
      },
      key: (character) => pressed.push(character),
    });
    await expect.poll(() => sizes.length).toBeGreaterThan(2);
    terminal.columns = 99;
    terminal.emit('resize');
    await expect.poll(() => sizes).toContain(99);
    press('l');
    press('\u001b[A');
    press('q');
    await done;
    expect(pressed).toEqual(['l']);
  });

  test('a failure restores the terminal and is told', async () => {
    const { terminal, done } = live({ draw: () => Promise.reject(new Error('daemon gone')) });
    await expect(done).rejects.toThrow('daemon gone');
    expect(terminal.text.endsWith('\u001b[?1049l')).toBe(true);
  });
});

function withScreen(kit: ReturnType<typeof testShell>) {
  const screens: LiveScreen[] = [];
  const refuse = () => Promise.reject(new Error('not asked'));
  const dialogs: Dialogs = {
    pickPath: refuse,
    input: refuse,
    choose: refuse,
    confirm: refuse,
    secret: refuse,
    live: async (screen) => void screens.push(screen),
  };
  kit.shell.dialogs = dialogs;
  return screens;
}

describe('watch', () => {
  test('shows a command again and again, within the size', async () => {
    const kit = testShell({ columns: 80 });
    const screens = withScreen(kit);
    await kit.run(...EXAMPLE, 'watch interval=5 /backstores ls');
    expect(screens[0]?.intervalMs).toBe(5000);
    const lines = await screens[0]!.draw({ columns: 80, rows: 4 });
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('every 5s: /backstores ls');
    expect(lines[2]).toContain('o- backstores');
    expect(kit.out.text).toBe('');
  });

  test('runs nothing that changes something', async () => {
    const kit = testShell();
    const screens = withScreen(kit);
    kit.client.sessions = [SESSION];
    await kit.run(...EXAMPLE);
    for (const line of ['/backstores/ramdisk delete ram1', 'sessions kick 3', 'watch ls', 'cd /']) {
      expect(await kit.run(`watch ${line}`)).toContain('Only commands that show something');
    }
    expect(await kit.run('watch nonesuch')).toContain('Command not found nonesuch');
    expect(await kit.run('watch')).toContain('Missing required parameter command');
    expect(screens).toEqual([]);
    expect(kit.client.sessions).toEqual([SESSION]);
    expect(Object.keys(kit.client.document.backstores.ramdisk)).toEqual(['ram1']);
  });
});

describe('top', () => {
  test('in a terminal sorts by the keys', async () => {
    const kit = testShell();
    const screen = topLive(kit.shell, 'iops', 0);
    kit.client.io = { a: io({ reads: 1 }), b: io({ queued: 5 }) };
    await screen.draw({ columns: 80, rows: 24 });
    screen.key('d');
    const lines = await screen.draw({ columns: 80, rows: 24 });
    expect(lines[0]).toContain('sorted by queue');
    expect(lines[3]).toMatch(/^b .* 5$/);
  });

  test('without one looks twice and ends', async () => {
    const kit = testShell();
    kit.client.io = { 'fileio/disk1': io({ queued: 2 }) };
    expect(await kit.run('top sort=queue')).toMatch(/^fileio\/disk1 .* 2$/m);
  });
});
