import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LunsmithProcess, PROGRAM } from '../support/lunsmith_process.ts';
import { eventually, freePort, have } from '../support/programs.ts';
import { attachLoop } from './loop_device.ts';
import type { LoopDevice } from './loop_device.ts';
import { editingOn, lastLine, PROMPT, promptOn } from './screen.ts';
import { Tmux } from './tmux.ts';

const INITIATOR = 'iqn.1991-05.com.microsoft:ibm-t410s';

let daemon: LunsmithProcess;
let tmux: Tmux;
let loop: LoopDevice | undefined;

beforeEach(async (context) => {
  context.skip(!have('tmux'), 'tmux is not installed');
  daemon = new LunsmithProcess();
  tmux = new Tmux();
  await daemon.start();
  await open();
});
afterEach(async () => {
  await tmux?.stop();
  await daemon?.stop();
  await loop?.remove();
  loop = undefined;
});

async function open(columns = 150): Promise<void> {
  const env = { ...daemon.env, NO_COLOR: '1', TERM: 'xterm-256color' };
  await tmux.start([process.execPath, PROGRAM], { columns, rows: 50, env });
  await ready();
}

const ready = () => promptOn(tmux);
const editing = (text: string) => editingOn(tmux, text);

async function bindable(address: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, address), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

const promptsIn = (text: string) =>
  text.split('\n').filter((shown) => /^(\* )?\/\S*>( |$)/.test(shown));

/** Types a line with `<TAB>` where TAB is pressed; what it wrote. */
async function line(text: string): Promise<string> {
  const before = promptsIn(await tmux.everything()).length;
  for (const [index, part] of text.split('<TAB>').entries()) {
    if (index > 0) await tmux.keys('Tab');
    if (part !== '') await tmux.type(part);
  }
  await tmux.keys('Enter');
  let shown = '';
  await eventually(`the end of ${text}`, async () => {
    shown = (await tmux.everything()).trimEnd();
    const prompts = promptsIn(shown);
    return prompts.length > before && PROMPT.test(shown.split('\n').at(-1) ?? '');
  });
  const typed = shown.lastIndexOf('\n', shown.lastIndexOf(`\n${promptsIn(shown).at(-2)}`) + 1);
  return shown.slice(typed);
}

/** Lines 1 to 9 of the walk-through: disk, target, LUN, portal. The target's name. */
async function makeTarget(device: string): Promise<string> {
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  await line('set global auto_add_default_portal=fa<TAB>');
  await line(`/backstores/iblock create my_disk ${device}`);
  expect(await line('/backstores/iblock del<TAB>my<TAB>')).toContain('Deleted storage object');
  await line('cd backst<TAB>');
  expect(await line(`iblock/ create name=my_disk dev=${device}`)).toContain(
    `Created block storage object my_disk using ${device}.`,
  );
  await line('set global auto_cd_after_create=true');
  const created = await line('/iscsi create');
  const target = /Created target (\S+)\./.exec(created)?.[1] ?? 'none';
  expect(await line('luns/ create /backst<TAB>')).toContain('Created LUN 0.');
  expect(await line('cd <')).toContain(`Taking you back to /iscsi/${target}/tpg1.`);
  // Another target on this machine may hold the port on all addresses.
  const isFree = await bindable(address, 3260);
  const port = isFree ? 3260 : await freePort();
  const portal = await line(`portals/ create ${address}${isFree ? '' : ` ${port}`}`);
  if (isFree) expect(portal).toContain('Using default IP port 3260');
  expect(portal).toContain(`Created network portal ${address}:${port}.`);
  expect(await line('ls')).toContain('[OK]');
  expect(await line('iser_enable')).toContain('iser operation has been enabled');
  expect(await line(`/iscsi/${target}/tpgt1/${address}:${port} ls`)).toContain('[iser]');
  await line('cd <');
  return target;
}

/** Lines 10 to 20: demo mode, an initiator, secrets. */
async function grantAccess(target: string): Promise<void> {
  const set = await line('set att<TAB>authen<TAB>0 demo_mode_w<TAB>0 generate<TAB>1 cache<TAB>1.');
  expect(set).toContain("Parameter authentication is now '0'.");
  expect(set).toContain("Parameter demo_mode_write_protect is now '0'.");
  expect(set).toContain("Parameter generate_node_acls is now '1'.");
  expect(set).toContain("Parameter cache_dynamic_acls is now '1'.");
  await line('cd /');
  await line('cd /isc<TAB>');
  expect(await line('ls')).toContain(target);
  await line(`cd ${target}/tpgt1`);
  expect(await line(`acls/ create ${INITIATOR}`)).toContain('Created mapped LUN 0.');
  await line('cd <');
  await line(`cd acls/${INITIATOR}`);
  await line(`set auth userid=${INITIATOR}`);
  expect(await line('set auth password=mytargetsecret')).toContain("now '********'.");
  const both = `userid=${INITIATOR} password=mytargetsecret`;
  await line(`set auth ${both} mutual_userid=${target} mutual_password=mymutualsecret`);
  expect(await line('get auth')).toContain(`mutual_userid=${target}`);
  const full = await line(`/iscsi/${target}/tgpt1/ set attribute demo_mode_write_protect=0`);
  expect(full).toContain("Parameter demo_mode_write_protect is now '0'.");
  await line('cd ../..');
  await line('set auth userid=rts-user');
  await line('set auth userid_mutual=mutual-rts-user password_mutual=aeae2e26-f043-42a7');
  expect(await line('get auth')).toContain('[ro]');
}

/** Lines 21 to 28: discovery, preferences, saving, the tree. */
async function finish(device: string): Promise<void> {
  await line('cd /iscsi');
  await line('set discovery_auth enable=1 userid=mytargetuid password=mytargetsecret');
  await line('set discovery_auth mutual_userid=mymutualuid mutual_password=mymutualsecret');
  expect(await line('get discovery_auth')).toContain('mutual_userid=mymutualuid');
  expect(await line('set global auto_cd_after_create=false')).toContain("is now 'false'.");
  await line('cd /');
  expect(await line('iser/ info')).toContain('Fabric module name: iser');
  expect(await line('/saveconfig')).toContain(`Configuration saved to ${daemon.config}`);
  expect(await line('saveconfig')).toContain('Configuration saved to');
  await line('yes');
  const tree = await line('ls');
  expect(tree).toContain('mutual disc auth, Targets: 1');
  expect(tree).toContain(`[${device}`);
}

describe('the shell in a terminal', () => {
  test('the seed walk-through, typed, with TAB', async (context) => {
    const made = await attachLoop(daemon.path('disk.raw'), 16 * 1024 * 1024);
    context.skip(typeof made === 'string', typeof made === 'string' ? made : '');
    if (typeof made === 'string') return;
    loop = made;
    const target = await makeTarget(made.path);
    await grantAccess(target);
    await finish(made.path);
    await tmux.type('exit');
    await tmux.keys('Enter');
    await tmux.waitFor('the end', (lines) => lastLine(lines) === '[status 0]');
    expect(readFileSync(daemon.config, 'utf8')).toContain(target);
    // The target is served on: a second shell sees the same tree.
    expect((await daemon.oneShot('ls', '/iscsi')).stdout).toContain(target);
    const history = readFileSync(`${daemon.env['LUNSMITH_HOME']}/history`, 'utf8');
    expect(history).toContain('set auth password=…');
    expect(history).not.toMatch(/mytargetsecret|mymutualsecret|aeae2e26/);
  }, 120_000);

  test('TAB completes, and shows the choices in columns under the prompt', async () => {
    await tmux.type('b');
    await tmux.keys('Tab');
    await tmux.waitFor('choices', (lines) =>
      /^backstores\/ +begin +bookmarks$/.test(lastLine(lines)),
    );
    await tmux.type('a');
    await tmux.waitFor('no choices', (lines) => lastLine(lines) === '/> ba');
    await tmux.keys('Tab');
    await editing('/> backstores/');
    await tmux.type('fi');
    await tmux.keys('Tab');
    await tmux.type('help create');
    await editing('/> backstores/fileio help create');
    await tmux.keys('Enter');
    await tmux.waitFor('the page', (lines) => lines.includes('DESCRIPTION'));
  });

  test('a paste of many lines runs whole', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const lines = names.map((name) => `/backstores/ramdisk create ${name} 1M\n`);
    await tmux.paste(lines.join(''));
    await tmux.waitFor('all created', (shown) =>
      names.every((name) => shown.includes(`Created ramdisk ${name} with size 1M.`)),
    );
    await ready();
  });

  test('history: Up, Ctrl-P, Ctrl-N, Ctrl-R, also of an earlier session', async () => {
    await line('cd /backstores');
    await line('cd /iscsi');
    await line('pwd');
    await tmux.keys('Up', 'Up');
    await editing('/iscsi> cd /iscsi');
    await tmux.keys('C-p');
    await editing('/iscsi> cd /backstores');
    await tmux.keys('C-n');
    await editing('/iscsi> cd /iscsi');
    await tmux.keys('C-c');
    await ready();
    await tmux.keys('C-d');
    await tmux.waitFor('the end', (lines) => lastLine(lines) === '[status 0]');
    await tmux.stop();
    tmux = new Tmux();
    await open();
    await tmux.keys('C-r');
    await tmux.type('backst');
    await tmux.waitFor('the match', (lines) => lines.at(-2) === '/> cd /backstores');
    await tmux.keys('Enter');
    await tmux.waitFor('it ran', (lines) => lastLine(lines) === '/backstores>');
  });

  test('Ctrl-C gives up the line, editing keys and wide characters work', async () => {
    await tmux.type('create nonsense');
    await tmux.keys('C-c');
    await ready();
    await tmux.type('# 日本語');
    await tmux.keys('Home');
    await tmux.type('pwd ');
    await editing('/> pwd # 日本語');
    await tmux.keys('Enter');
    await ready();
    expect((await tmux.screen()).slice(-3, -1)).toEqual(['/> pwd # 日本語', '/']);
  });

  test('a resize redraws the line, and the tree takes the new width', async () => {
    await tmux.resize(80, 40);
    await line('ls');
    const root = (await tmux.screen()).find((shown) => shown.startsWith('o- / '));
    expect(root).toHaveLength(80);
  });

  test('Ctrl-Z suspends, and the line is still there after fg', async (context) => {
    context.skip(!have('bash'), 'bash is not installed');
    await tmux.stop();
    tmux = new Tmux();
    const env = { ...daemon.env, NO_COLOR: '1', TERM: 'xterm-256color', PS1: '$ ' };
    await tmux.start(['bash', '--norc', '-i'], { columns: 150, rows: 50, env });
    await tmux.type(`${process.execPath} ${PROGRAM}`);
    await tmux.keys('Enter');
    await ready();
    await tmux.type('ls');
    await editing('/> ls');
    await tmux.keys('C-z');
    await tmux.waitFor('the job', (lines) => lines.some((shown) => shown.includes('Stopped')));
    await tmux.type('fg');
    await tmux.keys('Enter');
    await tmux.waitFor('the line', (lines) => lastLine(lines) === '/> ls');
    await tmux.type(' /iscsi');
    await tmux.keys('Enter');
    await tmux.waitFor('the tree', (lines) => lines.some((shown) => shown.startsWith('o- iscsi ')));
    await ready();
  });

  test('cd without a path offers all nodes', async () => {
    await tmux.type('cd');
    await tmux.keys('Enter');
    await tmux.waitFor('the nodes', (lines) => lines.some((shown) => shown.includes('❯ /')));
    await tmux.type('ramd');
    await tmux.waitFor('the node', (lines) =>
      lines.some((shown) => shown === '❯ /backstores/ramdisk'),
    );
    await tmux.keys('Enter');
    await tmux.waitFor('there', (lines) => lastLine(lines) === '/backstores/ramdisk>');
  });

  test('quickstart asks, and Ctrl-C in it changes nothing', async () => {
    await tmux.type('quickstart');
    await tmux.keys('Enter');
    await tmux.waitFor('the first question', (lines) =>
      lines.some((shown) => shown.includes('Disk to serve')),
    );
    await tmux.keys('C-c');
    await tmux.waitFor('a prompt', (lines) => PROMPT.test(lastLine(lines)));
    expect(await tmux.everything()).toContain('Cancelled: nothing was changed');
    expect((await daemon.oneShot('ls', '/iscsi')).stdout).toContain('Targets: 0');
  });
});

describe('screens of their own', () => {
  test('top shows the disks until q, and the prompt is there again', async () => {
    await line('/backstores/ramdisk create scratch 8M');
    await tmux.type('top interval=1');
    await tmux.keys('Enter');
    await tmux.waitFor('top', (lines) =>
      lines.some((shown) => shown.startsWith('ramdisk/scratch')),
    );
    await tmux.keys('n');
    await tmux.waitFor('the order', (lines) => (lines[0] ?? '').includes('sorted by name'));
    await tmux.keys('q');
    await ready();
    expect(await line('pwd')).toContain('\n/\n');
  });

  test('watch follows a change, and Ctrl-C leaves it, not the shell', async () => {
    await tmux.type('watch interval=1 /backstores ls');
    await tmux.keys('Enter');
    await tmux.waitFor('watch', (lines) => (lines[0] ?? '').startsWith('every 1s'));
    await daemon.configure('/backstores/ramdisk create other 8M');
    await tmux.waitFor('the change', (lines) => lines.some((shown) => shown.includes('o- other')));
    await tmux.keys('C-c');
    await ready();
  });
});

const asks = (question: string) => (lines: readonly string[]) =>
  lines.some((shown) => shown.startsWith('?') && shown.includes(question));

test('a secret is typed without being shown, and is nowhere on the screen', async () => {
  await tmux.type('/iscsi set discovery_auth userid=u password');
  await tmux.keys('Enter');
  await tmux.waitFor('the question', asks('(not shown)'));
  await tmux.type('Typed-Secret1');
  await tmux.keys('Enter');
  await tmux.waitFor('the second', asks('the same again'));
  await tmux.type('Typed-Secret1');
  await tmux.keys('Enter');
  await ready();
  const shown = await line('/iscsi get discovery_auth password show_secrets=true');
  expect(shown).toContain('password=Typed-Secret1');
  const before = (await tmux.everything()).split('show_secrets=true')[0] ?? '';
  expect(before).not.toContain('Typed-Secret1');
  expect(before).toContain("Parameter password is now '********'.");
});
