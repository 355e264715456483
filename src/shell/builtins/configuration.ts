/** `saveconfig restoreconfig clearconfig version`: the configuration as a whole. */
import { absolutePath } from '../../objects/kinds/fileio.ts';
import { EMPTY_DOCUMENT } from '../../objects/document.ts';
import { ConfigError } from '../../objects/errors.ts';
import { storageObjects } from '../../objects/rules.ts';
import { atRoot, JSON_FLAG } from '../builtin.ts';
import type { Builtin, ShellContext } from '../builtin.ts';
import { originOf } from '../origin.ts';
import { planOnScreen, SOURCE_PARAMS, sourceOf } from './transactions.ts';

const file = (help: string) =>
  ({ kind: 'text', lengthMax: 4096, default: '', help, files: 'any' }) as const;

const name = (help: string) => ({ kind: 'text', lengthMax: 300, default: '', help }) as const;
const flag = (help: string) =>
  ({ kind: 'bool', style: 'truefalse', default: false, help }) as const;

/** The kind of a storage object's node. */
const BACKSTORE = /^(block|fileio|ramdisk)_object$/;

async function listBackups(shell: ShellContext, json: boolean): Promise<void> {
  const { folder, backups } = await shell.client.call('backups', {});
  if (json) return shell.console.json({ folder, backups });
  if (backups.length === 0) return shell.console.display(`(no backups in ${folder})`);
  const lines = backups.map(({ number, time, name: file }) => {
    const [, day = '', clock = ''] = /^(\d{8})-(.*)$/.exec(time) ?? [];
    const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)} ${clock}`;
    return `${String(number).padStart(4)}  ${date}  ${folder}/${file}`;
  });
  return shell.console.display(lines.join('\n'));
}

const saveconfig: Builtin = {
  help:
    'Saves the configuration, so that the daemon restores it when it starts.\n' +
    'Without a file name the configuration file of the daemon is written, and what stood there\n' +
    'is kept as a backup. At a storage object only that one is saved, with the targets that\n' +
    'export it. `saveconfig list` lists the backups: `diff backup=N` compares one,\n' +
    '`restoreconfig backup=N` restores it.',
  params: {
    savefile: {
      ...file('The file to write; the default is the configuration file. list: the backups.'),
      suggest: () => ['list'],
    },
    force: flag('Save an empty configuration over one that is not.'),
    json: { ...JSON_FLAG, help: 'With list: print JSON.' },
  },
  seeAlso: ['restoreconfig', 'diff'],
  at: (node) => atRoot(node) || BACKSTORE.test(node.kind.id),
  run: async ({ shell, node, args }) => {
    const savefile = args['savefile'];
    const json = args['json'] === true;
    if (savefile === 'list') return listBackups(shell, json);
    if (json) throw new ConfigError('json=true is for saveconfig list: saving has no answer');
    const goal = savefile === undefined ? undefined : absolutePath(String(savefile));
    const backstore = BACKSTORE.exec(node.kind.id)?.[1];
    if (backstore === undefined) return shell.save(goal, args['force'] === true);
    const file = await shell.saveObject(`${backstore}/${node.name}`, goal);
    const name = `${backstore}:${node.name}`;
    return shell.console.say('info', `Storage Object '${name}' config saved to ${file}.`);
  },
};

const restoreconfig: Builtin = {
  help:
    'Restores a saved configuration.\n' +
    'What exists is kept, and what collides with it is refused, unless clear_existing=true\n' +
    'replaces the configuration. backup=N and last=true replace it unless told otherwise.\n' +
    '`target` and `storage_object` restore only those, with the storage objects they need;\n' +
    'with clear_existing=true they replace what they are named like.',
  params: {
    savefile: file('The file to read; the default is the configuration file.'),
    clear_existing: flag('Replace the present configuration.'),
    target: {
      ...name('Restore only this target, with its storage objects.'),
      saved: 'targets',
      suggest: ({ view }) => Object.keys(view.document.iscsi.targets),
    },
    storage_object: {
      ...name('Restore only this storage object.'),
      saved: 'storage_objects',
      suggest: ({ view }) => [...storageObjects(view.document)].map(([reference]) => reference),
    },
    backup: SOURCE_PARAMS.backup,
    last: SOURCE_PARAMS.last,
    dry_run: flag('Only show what would change.'),
    json: { ...JSON_FLAG, help: 'With dry_run: print JSON.' },
  },
  seeAlso: ['saveconfig', 'clearconfig', 'diff'],
  at: atRoot,
  run: async (call) => {
    const { shell, args } = call;
    const { target, storage_object, dry_run: dryRun = false } = args;
    if (dryRun !== true && shell.mirror.candidate !== undefined) {
      throw new ConfigError('A transaction is open: commit or rollback first');
    }
    if (args['json'] === true && dryRun !== true) throw new ConfigError('json needs dry_run');
    const source = sourceOf(call);
    // A whole state of earlier is wanted as it was, unless part of it is named.
    const whole = 'backup' in source || 'last' in source;
    const part = target !== undefined || storage_object !== undefined;
    const report = await shell.client.call('restore', {
      ...source,
      clear:
        args['clear_existing'] === undefined ? whole && !part : args['clear_existing'] === true,
      ...(target !== undefined && { target: String(target) }),
      ...(storage_object !== undefined && { storageObject: String(storage_object) }),
      ...(dryRun === true && { dryRun }),
      by: originOf(shell.commandLine),
    });
    if (dryRun === true) {
      if (args['json'] === true) return shell.console.json(report.changes);
      return shell.console.display(planOnScreen(report.changes));
    }
    if (report.changes.length > 0) {
      shell.mirror.drop();
      shell.noteChanged(report.revision, report.warning);
    }
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

const FABRICS = new Set(['iscsi', 'iser']);
/** Where targetcli has it. */
const hasVersion: NonNullable<Builtin['at']> = (node) =>
  atRoot(node) || FABRICS.has(node.kind.id) || BACKSTORE.test(node.kind.id);

const version: Builtin = {
  help: 'Shows the version of lunsmith, also of its part at a fabric or storage object.',
  params: { json: JSON_FLAG },
  at: hasVersion,
  run: async ({ shell, node, args }) => {
    const { version: number } = await shell.mirror.daemon();
    const { id } = node.kind;
    const backstore = BACKSTORE.exec(id)?.[1];
    const text =
      backstore !== undefined
        ? `Backstore plugin ${backstore} ${number}`
        : FABRICS.has(id)
          ? `Target fabric module ${id}: lunsmith ${number}, in user space`
          : `lunsmith version ${number}`;
    if (args['json'] === true) shell.console.json({ program: 'lunsmith', version: number, text });
    else shell.console.display(text);
  },
};

export const CONFIGURATION = { clearconfig, restoreconfig, saveconfig, version } as const;
