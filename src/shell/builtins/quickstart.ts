/** `quickstart`: a working target from a few answers, and how to attach to it. */
import { dirname, resolve } from 'node:path';
import { ConfigError } from '../../objects/errors.ts';
import { normaliseName } from '../../objects/names.ts';
import type { Arguments, View } from '../../objects/node.ts';
import { canonicalAddress } from '../../objects/portal_address.ts';
import { parseSize } from '../../util/sizes.ts';
import { attachGuide } from '../attach_guide.ts';
import { atRoot } from '../builtin.ts';
import type { AnswerCheck, Builtin, Call, Dialogs, ShellContext } from '../builtin.ts';
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
  const path =
    args['path'] === undefined ? await newFile(shell, name) : resolve(String(args['path']));
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

/** Each answer is checked as it is given: five questions are too many to learn of the first. */
const checkSize: AnswerCheck = (answer) => {
  const size = parseSize(answer);
  return size.ok || size.reason;
};
const checkAddress: AnswerCheck = (answer) =>
  canonicalAddress(answer.trim()) !== undefined ||
  'An IPv4 or IPv6 address of this machine is needed';
const checkInitiator: AnswerCheck = (answer) => {
  const name = normaliseName(answer.trim());
  return name.ok || name.reason;
};

function pathCheck(shell: ShellContext, isNew: boolean): AnswerCheck {
  return async (answer) => {
    if (answer.trim() === '') return 'A path is needed';
    const path = resolve(answer.trim());
    const found = await shell.client.call('probe', { path });
    if (found.problem !== undefined) return found.problem;
    if (found.type === 'directory') return `${path} is a folder: give a file in it`;
    if (!isNew) return found.exists || `${path} does not exist`;
    if (found.exists) return `${path} exists already: give another name`;
    return found.parentExists || `There is no folder ${dirname(path)}`;
  };
}

async function asked(shell: ShellContext, ask: Dialogs, name: string): Promise<Answers> {
  const source = await ask.choose('Disk to serve', [
    { value: 'new', name: 'a new file' },
    { value: 'existing', name: 'an existing file or block device' },
  ]);
  const isNew = source === 'new';
  const suggestion = isNew ? await newFile(shell, name) : '';
  const answer = await ask.input('Path of it', suggestion, pathCheck(shell, isNew));
  const path = resolve(answer.trim());
  const size = isNew ? await ask.input('Size', DEFAULT_SIZE, checkSize) : '';
  const address = await ask.input(
    'Address to listen on (0.0.0.0 is all)',
    ALL_ADDRESSES,
    checkAddress,
  );
  const mode = await ask.choose('Who may use it', [
    { value: 'acl', name: 'one initiator, with generated CHAP secrets' },
    { value: 'demo', name: 'any initiator, without a password (demo mode)' },
  ]);
  const acl = mode === 'acl';
  const initiator = acl ? await ask.input('Name of the initiator', '', checkInitiator) : '';
  const mutual = acl && (await ask.confirm('Shall the target prove itself too?', true));
  const port = DEFAULT_PORT;
  const listen = address.trim();
  return { name, path, size, address: listen, port, mode, initiator: initiator.trim(), mutual };
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
