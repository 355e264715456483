/** `quickstart`: a working target from a few answers, and how to attach to it. */
import { dirname } from 'node:path';
import { ConfigError } from '../../objects/errors.ts';
import type { Arguments, View } from '../../objects/node.ts';
import { attachGuide } from '../attach_guide.ts';
import { atRoot } from '../builtin.ts';
import type { Builtin, Call, Dialogs, ShellContext } from '../builtin.ts';
import { planQuickstart } from '../quickstart.ts';
import type { Answers, Planned } from '../quickstart.ts';

const text = (help: string) => ({ kind: 'text', lengthMax: 4096, default: '', help }) as const;
const DEFAULT_SIZE = '10GiB';
const DEFAULT_PORT = 3260;
const ALL_ADDRESSES = '0.0.0.0';

const quickstart: Builtin = {
  help:
    'Sets up a working target from a few answers.\n' +
    'Makes or takes a disk, creates a target with one LUN and one portal, lets in either every\n' +
    'initiator (mode=demo) or one with generated CHAP secrets (mode=acl), saves, and shows the\n' +
    'commands that attach Linux, QEMU and Windows. With any parameter given it asks nothing,\n' +
    'and takes a default for what is missing.',
  params: {
    size: text('Size of a new sparse file: 10G. Leave out to serve an existing file or device.'),
    path: { ...text('File or block device.'), files: 'any' },
    name: text('Name of the storage object.'),
    address: {
      ...text('IP address to listen on; 0.0.0.0 is all.'),
      suggest: async ({ host }) => [ALL_ADDRESSES, ...(await host.addresses())],
    },
    port: {
      kind: 'uint',
      min: 1,
      max: 65535,
      default: DEFAULT_PORT,
      help: 'TCP port to listen on.',
    },
    mode: {
      kind: 'choice',
      values: ['demo', 'acl'],
      default: 'demo',
      help: 'demo: any initiator, no password. acl: one initiator, with CHAP.',
    },
    initiator: text('Name of the initiator, with mode=acl: iqn.1991-05.com.microsoft:laptop.'),
    mutual: {
      kind: 'bool',
      style: 'truefalse',
      default: false,
      help: 'The target proves itself to the initiator too.',
    },
  },
  at: atRoot,
  run: async (call) => {
    const { shell } = call;
    const answers = await answersOf(call);
    let planned: Planned | undefined;
    const outcome = await shell.change('/', async (context) => {
      planned = await planQuickstart(context, shell.root, answers);
      return planned.outcome;
    });
    shell.report(outcome);
    if (planned === undefined) return;
    if (answers.mode === 'demo') {
      shell.console.say(
        'warning',
        'Demo mode: every initiator that reaches this address may read and write the disk, ' +
          'without a password.',
      );
    }
    await shell.save(undefined);
    const { target, credentials } = planned;
    shell.console.display(
      attachGuide({
        target,
        address: await reachable(shell, answers.address),
        port: answers.port,
        initiator: answers.mode === 'acl' ? answers.initiator : undefined,
        credentials,
      }),
    );
  },
};

/** An address that others can connect to, when the target listens on all. */
async function reachable(shell: ShellContext, address: string): Promise<string> {
  const bare = address.replace(/^\[|\]$/g, '');
  if (!['0.0.0.0', '::', '::0'].includes(bare)) return bare;
  const local = await shell.client.call('addresses', {});
  const outside = local.filter((one) => !/^(127\.|::1$|fe80:|0\.0\.0\.0$|::0?$)/i.test(one));
  return outside.find((one) => one.includes('.')) ?? outside[0] ?? '127.0.0.1';
}

async function answersOf({ shell, view, args }: Call): Promise<Answers> {
  const name = args['name'] === undefined ? freeName(view) : String(args['name']);
  if (Object.keys(args).length > 0) return given(shell, args, name);
  if (shell.dialogs === undefined) {
    throw new ConfigError(
      'quickstart has no terminal to ask in: give its answers, as size=10G or path=/dev/sdb',
    );
  }
  return asked(shell, shell.dialogs, name);
}

async function given(shell: ShellContext, args: Arguments, name: string): Promise<Answers> {
  const initiator = String(args['initiator'] ?? '');
  const mode = args['mode'] ?? (initiator === '' ? 'demo' : 'acl');
  if (mode === 'acl' && initiator === '') {
    throw new ConfigError('Missing required parameter initiator: mode=acl lets in one initiator');
  }
  if (mode === 'demo' && initiator !== '') {
    throw new ConfigError(
      'mode=demo lets in every initiator: leave out initiator or take mode=acl',
    );
  }
  const path = args['path'] === undefined ? await newFile(shell, name) : String(args['path']);
  const size = args['size'] ?? (args['path'] === undefined ? DEFAULT_SIZE : '');
  return {
    name,
    path,
    size: String(size),
    address: String(args['address'] ?? ALL_ADDRESSES),
    port: Number(args['port'] ?? DEFAULT_PORT),
    mode: mode === 'acl' ? 'acl' : 'demo',
    initiator,
    mutual: args['mutual'] === true,
  };
}

const filled = (words: string) => (answer: string) => answer.trim() !== '' || words;

async function asked(shell: ShellContext, ask: Dialogs, name: string): Promise<Answers> {
  const source = await ask.choose('Disk to serve', [
    { value: 'new', name: 'a new file' },
    { value: 'existing', name: 'an existing file or block device' },
  ]);
  const isNew = source === 'new';
  const suggestion = isNew ? await newFile(shell, name) : '';
  const path = await ask.input('Path of it', suggestion, filled('A path is needed'));
  const size = isNew ? await ask.input('Size', DEFAULT_SIZE, filled('A size is needed')) : '';
  const address = await ask.input(
    'Address to listen on (0.0.0.0 is all)',
    ALL_ADDRESSES,
    filled('An address is needed'),
  );
  const mode = await ask.choose('Who may use it', [
    { value: 'acl', name: 'one initiator, with generated CHAP secrets' },
    { value: 'demo', name: 'any initiator, without a password (demo mode)' },
  ]);
  const acl = mode === 'acl';
  const initiator = acl
    ? await ask.input('Name of the initiator', '', filled('A name is needed: iqn.…'))
    : '';
  const mutual = acl && (await ask.confirm('Shall the target prove itself too?', true));
  const port = DEFAULT_PORT;
  return { name, path, size, address, port, mode, initiator: initiator.trim(), mutual };
}

function freeName({ document }: View): string {
  const { block, fileio, ramdisk } = document.backstores;
  const taken = new Set([block, fileio, ramdisk].flatMap((objects) => Object.keys(objects)));
  let number = 1;
  while (taken.has(`disk${number}`)) number += 1;
  return `disk${number}`;
}

/** A file for the disk in a folder of the daemon's machine that exists. */
async function newFile(shell: ShellContext, name: string): Promise<string> {
  const { configFile } = await shell.mirror.daemon();
  const besideConfig = dirname(configFile);
  const usual = besideConfig.startsWith('/etc') ? ['/srv', '/var/lib'] : [];
  for (const folder of [...usual, besideConfig, process.cwd()]) {
    const file = `${folder}/${name}.img`;
    const { exists, parentExists } = await shell.client.call('probe', { path: file });
    if (parentExists && !exists) return file;
  }
  throw new ConfigError('No folder for a new file found: give path=/FOLDER/NAME.img');
}

export const QUICKSTART = { quickstart } as const;
