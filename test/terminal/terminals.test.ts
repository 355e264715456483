/** Terminals of every kind, and what a person does in them besides typing commands. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Initiator } from '../loopback/initiator.ts';
import { LunsmithProcess, PROGRAM } from '../support/lunsmith_process.ts';
import { eventually, have } from '../support/programs.ts';
import { editingOn, lastLine, promptOn } from './screen.ts';
import { Tmux } from './tmux.ts';

const ESCAPE = '\u001b';

let daemon: LunsmithProcess;
let tmux: Tmux;
let initiator: Initiator | undefined;

beforeEach(async (context) => {
  context.skip(!have('tmux'), 'tmux is not installed');
  daemon = new LunsmithProcess();
  tmux = new Tmux();
  await daemon.start();
});
afterEach(async () => {
  initiator?.destroy();
  initiator = undefined;
  await tmux?.stop();
  await daemon?.stop();
});

async function open(env: Readonly<Record<string, string>>, columns = 100): Promise<void> {
  const all = { ...daemon.env, TERM: 'xterm-256color', NO_COLOR: '', ...env };
  await tmux.start([process.execPath, PROGRAM], { columns, rows: 40, env: all });
  await promptOn(tmux);
}

async function enter(text: string): Promise<void> {
  await tmux.type(text);
  await tmux.keys('Enter');
}

const shows = (text: string) =>
  tmux.waitFor(text, (lines) => lines.some((line) => line.includes(text)));

describe('colours', () => {
  test('a terminal has them, NO_COLOR leaves them out', async () => {
    await open({});
    await enter('ls');
    await shows('o- iscsi');
    expect(await tmux.everything(true)).toContain(`${ESCAPE}[`);
    await tmux.stop();
    tmux = new Tmux();
    await open({ NO_COLOR: '1' });
    await enter('ls; help nonesuch');
    await shows('Cannot find help topic');
    const text = (await tmux.everything(true)).split('/> ').slice(1).join('');
    expect(text).not.toContain(`${ESCAPE}[3`);
    expect(text).not.toContain(`${ESCAPE}[1m`);
  });
});

describe('a dumb terminal', () => {
  test('has a prompt, lines, Ctrl-C and Ctrl-D, and gets no escape sequence', async () => {
    const bytes = daemon.path('bytes');
    await open({ TERM: 'dumb' });
    await tmux.record(bytes);
    await enter('/backstores/ramdisk create one 1M');
    await shows('Created ramdisk one with size 1M.');
    await tmux.type('never run');
    await tmux.keys('C-c');
    await promptOn(tmux);
    await enter('cd /backstores/ramdisk');
    await enter('ls');
    await shows('o- one');
    await enter('set global color_mode=maybe');
    await shows("Syntax error, 'maybe' is not true|false.");
    await enter('/iscsi set discovery_auth userid=u password');
    await shows('there is no terminal to type it in');
    await promptOn(tmux);
    await tmux.keys('C-d');
    await tmux.waitFor('the end', (lines) => lastLine(lines) === '[status 0]');
    const written = readFileSync(bytes, 'utf8');
    expect(written).toContain('o- one');
    expect(written).not.toContain(ESCAPE);
    const history = readFileSync(`${daemon.env['LUNSMITH_HOME']}/history`, 'utf8');
    expect(history.split('\n')[0]).toBe('/backstores/ramdisk create one 1M');
    expect(history).not.toContain('never run');
  });
});

describe('a dangerous delete', () => {
  test('says who loses what, and does it only after yes', async () => {
    const { target, port } = await daemon.createLun('Served', 1);
    initiator = await Initiator.open(port);
    const keys = { InitiatorName: 'iqn.2026-01.net.example:me', TargetName: target };
    await initiator.login({ isid: '00023d000001', keys: { ...keys, SessionType: 'Normal' } });
    await open({ NO_COLOR: '1' }, 160);
    await enter(`/iscsi delete ${target}`);
    await tmux.waitFor('the question', (lines) => lines.some((line) => line.startsWith('?')));
    const question = (await tmux.screen()).join(' ');
    expect(question).toContain('1 open session ends (iqn.2026-01.net.example:me from 127.0.0.1)');
    expect(question).toMatch(/with it go .*1 LUN/);
    await tmux.keys('Enter');
    await shows('Nothing was changed');
    expect((await daemon.oneShot('ls', '/iscsi')).stdout).toContain(target);
    const refused = await daemon.oneShot('/iscsi', 'delete', target);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('With force=true it is done all the same');
    await promptOn(tmux);
    await enter(`/iscsi delete ${target}`);
    await tmux.waitFor('the question', (lines) => lastLine(lines).startsWith('?'));
    await enter('y');
    await shows(`Deleted Target ${target}.`);
    await initiator.closed;
  });
});

describe('editing', () => {
  test('a line longer than the screen survives a resize, wide characters and Home', async () => {
    await open({ NO_COLOR: '1' }, 100);
    const words = `# ${'日本語'.repeat(30)} ${'abc '.repeat(20)}end`;
    await tmux.type(words);
    await shows('end');
    await tmux.resize(60, 30);
    await tmux.keys('Home');
    await tmux.type('pwd ');
    await tmux.keys('End');
    await tmux.type('!');
    await tmux.keys('Enter');
    await promptOn(tmux);
    expect((await tmux.screen()).at(-2)).toBe('/');
    const history = readFileSync(`${daemon.env['LUNSMITH_HOME']}/history`, 'utf8');
    expect(history).toBe(`pwd ${words}!\n`);
  });

  test('Ctrl-R and Up find lines with their secrets left out', async () => {
    await open({ NO_COLOR: '1' });
    await enter('/iscsi set discovery_auth userid=u password=TopSecret1');
    await shows("Parameter password is now '********'.");
    await promptOn(tmux);
    await enter('pwd');
    await promptOn(tmux);
    await tmux.keys('Up', 'Up');
    await editingOn(tmux, '/iscsi set discovery_auth userid=u password=…');
    await tmux.keys('C-c');
    await promptOn(tmux);
    await tmux.keys('C-r');
    await tmux.type('discovery');
    await shows('password=…');
    await tmux.keys('C-g');
    await promptOn(tmux);
    const shown = (await tmux.everything()).split('TopSecret1');
    expect(shown).toHaveLength(2);
  });

  test('a command wrapped by a backslash, and a set wrapped by the paste, run whole', async () => {
    await open({ NO_COLOR: '1' });
    await tmux.paste(
      '/backstores/ramdisk create \\\n  one 1M\ncd /backstores/ramdisk/one\n' +
        'set attribute is_nonrot=1\nemulate_rsoc=0\n',
    );
    await shows('Created ramdisk one with size 1M.');
    await shows("Parameter emulate_rsoc is now '0'.");
  });

  test('Ctrl-D on a line that is begun does not leave the shell', async () => {
    await open({ NO_COLOR: '1' });
    await tmux.type('pwd');
    await tmux.keys('C-d');
    await tmux.keys('Enter');
    await eventually('it ran', async () => (await tmux.screen()).at(-2) === '/');
    await tmux.keys('C-d');
    await tmux.waitFor('the end', (lines) => lastLine(lines) === '[status 0]');
  });

  test('the picker of cd is left by Ctrl-C without going anywhere', async () => {
    await open({ NO_COLOR: '1' });
    await enter('cd');
    await shows('❯ /');
    await tmux.type('nowhere at all');
    await tmux.waitFor('nothing fits', (lines) => !lines.some((line) => line.includes('❯')));
    await tmux.keys('C-c');
    await tmux.waitFor('the prompt', (lines) => lastLine(lines) === '/>');
  });
});
