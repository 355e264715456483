/** `saveconfig restoreconfig clearconfig version`: the configuration as a whole. */
import { absolutePath } from '../../objects/kinds/fileio.ts';
import { EMPTY_DOCUMENT } from '../../objects/document.ts';
import { ConfigError } from '../../objects/errors.ts';
import { atRoot } from '../builtin.ts';
import type { Builtin } from '../builtin.ts';

const file = (help: string) =>
  ({ kind: 'text', lengthMax: 4096, default: '', help, files: 'any' }) as const;

const saveconfig: Builtin = {
  help:
    'Saves the configuration, so that the daemon restores it when it starts.\n' +
    'Without a file name the configuration file of the daemon is written, and what stood there\n' +
    'is kept as a backup.',
  params: { savefile: file('The file to write; the default is the configuration file.') },
  seeAlso: ['restoreconfig'],
  at: atRoot,
  run: ({ shell, args }) => {
    const savefile = args['savefile'];
    return shell.save(savefile === undefined ? undefined : absolutePath(String(savefile)));
  },
};

const restoreconfig: Builtin = {
  help:
    'Restores a saved configuration.\n' +
    'What exists is kept, and what collides with it is refused, unless clear_existing=true\n' +
    'replaces the configuration.',
  params: {
    savefile: file('The file to read; the default is the configuration file.'),
    clear_existing: {
      kind: 'bool',
      style: 'truefalse',
      default: false,
      help: 'Replace the present configuration.',
    },
  },
  seeAlso: ['saveconfig', 'clearconfig'],
  at: atRoot,
  run: async ({ shell, args }) => {
    const savefile = args['savefile'];
    const report = await shell.client.call('restore', {
      clear: args['clear_existing'] === true,
      ...(savefile !== undefined && { file: absolutePath(String(savefile)) }),
    });
    shell.noteReplaced();
    const { problems } = report;
    if (problems.length === 0) {
      shell.console.say('info', `Configuration restored from ${report.file}`);
      return;
    }
    const lines = [`Configuration restored, ${problems.length} recoverable errors:`, ...problems];
    throw new ConfigError(lines.join('\n'));
  },
};

const clearconfig: Builtin = {
  help:
    'Removes all targets and storage objects from the configuration.\n' +
    'Backing files and devices keep their data. Initiators lose their disks at once.',
  params: {
    confirm: {
      kind: 'bool',
      style: 'truefalse',
      default: false,
      help: 'Must be true: a precaution.',
    },
  },
  at: atRoot,
  run: async ({ shell, args }) => {
    if (args['confirm'] !== true) {
      throw new ConfigError('As a precaution, confirm=True needs to be set');
    }
    await shell.change('/', () => ({ document: EMPTY_DOCUMENT, messages: [] }));
    shell.console.say('info', 'All configuration cleared');
  },
};

const version: Builtin = {
  help: 'Shows the version of lunsmith.',
  params: {},
  at: atRoot,
  run: async ({ shell }) => {
    const { version: number } = await shell.mirror.daemon();
    shell.console.display(`lunsmith version ${number}`);
  },
};

export const CONFIGURATION = { clearconfig, restoreconfig, saveconfig, version } as const;
