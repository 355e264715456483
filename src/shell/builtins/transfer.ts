/** `import export`: configurations of other targets. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { absolutePath } from '../../objects/kinds/fileio.ts';
import { ConfigError } from '../../objects/errors.ts';
import type { Arguments } from '../../objects/node.ts';
import { atRoot, JSON_FLAG } from '../builtin.ts';
import type { Builtin, ShellContext } from '../builtin.ts';
import type { ImportAnswers, MissingPolicy } from '../import_file.ts';
import type { Format } from '../../saveconfig/import/recognise.ts';

const file = (help: string) => ({ kind: 'text', lengthMax: 4096, default: '', help }) as const;
const flag = (help: string) =>
  ({ kind: 'bool', style: 'truefalse', default: false, help }) as const;
const FROM = ['lio-json', 'lio', 'tgt', 'istgt', 'netbsd'] as const satisfies readonly Format[];
const MISSING = ['keep', 'refuse', 'skip', 'create'] as const satisfies readonly MissingPolicy[];

const FATE: Readonly<Record<MissingPolicy, string | undefined>> = {
  keep: 'is served once it is there',
  refuse: undefined,
  skip: 'left out with its LUNs',
  create: 'an empty file is made',
};

function show(shell: ShellContext, answers: ImportAnswers, policy: MissingPolicy): void {
  const { imported, missing } = answers;
  const carried = imported.carried.map((line) => `  ${line}`);
  shell.console.display(['Carried over:', ...carried].join('\n'));
  const lines = imported.notCarried.map(({ file: name, line, what, why }) => {
    const place = line === undefined ? name : `${name}:${line}`;
    return `  ${place}: ${what}: ${why}`;
  });
  if (lines.length > 0) shell.console.display(['Not carried over:', ...lines].join('\n'));
  const fate = FATE[policy];
  if (fate === undefined || missing.length === 0) return;
  const absent = missing.map(({ reference, path }) => `  ${reference} (${path}): ${fate}`);
  shell.console.display(['Not on this machine:', ...absent].join('\n'));
}

function given(args: Arguments, name: string): string | undefined {
  const value = args[name];
  return value === undefined ? undefined : absolutePath(String(value));
}

const importConfig: Builtin = {
  help:
    'Adds the configuration of another iSCSI target to the running one.\n' +
    'Reads saveconfig.json of LIO, .lio of Datera, targets.conf of tgt and dumps of tgt-admin,\n' +
    'istgt.conf with auth.conf, and the targets file of NetBSD. Shows what is carried over, and\n' +
    'line by line what cannot be and why. What exists already is never replaced.\n' +
    'What cannot work here yet (a device is missing, a port is taken) comes along, and is told\n' +
    'with status 1.',
  params: {
    file: { ...file('The file to read, where this shell runs.'), required: true, files: 'any' },
    from: {
      kind: 'choice',
      values: FROM,
      default: FROM[0],
      help: 'Whose configuration it is; recognised when left out.',
    },
    dry_run: flag('Only show what would be carried over.'),
    json: { ...JSON_FLAG, help: 'With dry_run: print JSON.' },
    auth: { ...file('Logins of istgt; the default is the file that it names.'), files: 'any' },
    missing: {
      kind: 'choice',
      values: MISSING,
      default: 'keep',
      help: 'What to do when a file or device is not on this machine; keep: it is awaited.',
    },
  },
  seeAlso: ['export', 'restoreconfig'],
  at: atRoot,
  run: async ({ shell, view, args }) => {
    const [{ importFile, resolveMissing }, { withImported }] = await Promise.all([
      import('../import_file.ts'),
      import('../../saveconfig/import/merge_imported.ts'),
    ]);
    const path = given(args, 'file') ?? '';
    const from = FROM.find((one) => one === args['from']);
    const answers = await importFile(shell.client, path, { from, auth: given(args, 'auth') });
    const policy = MISSING.find((one) => one === args['missing']) ?? 'keep';
    const json = args['json'] === true;
    if (json && args['dry_run'] !== true) throw new ConfigError('json needs dry_run');
    if (!json) show(shell, answers, policy);
    const resolved = resolveMissing(answers, policy);
    if (args['dry_run'] === true) {
      withImported(view.document, resolved.document);
      if (!json) return shell.console.display('Dry run: nothing is changed.');
      const { carried, notCarried } = answers.imported;
      const { format, missing } = answers;
      return shell.console.json({ file: path, format, carried, notCarried, missing });
    }
    const { problems = [] } = await shell.change('/', ({ view }) => ({
      document: withImported(view.document, resolved.document),
      messages: [],
      tolerant: true,
      ...(resolved.createFiles.length > 0 && { createFiles: resolved.createFiles }),
    }));
    if (problems.length > 0) {
      const count = `${problems.length} recoverable errors`;
      throw new ConfigError([`Configuration imported, ${count}:`, ...problems].join('\n'));
    }
    shell.console.say('info', `Configuration imported from ${path} (${answers.format})`);
  },
};

const exportConfig: Builtin = {
  help:
    'Writes the running configuration in the form of another target.\n' +
    'lio-json is saveconfig.json of targetcli-fb. Without a file it is printed. Secrets stand\n' +
    'in it in clear: a file gets mode 0600.',
  params: {
    file: { ...file('The file to write, where this shell runs.'), files: 'any' },
    to: {
      kind: 'choice',
      values: ['lio-json'],
      default: 'lio-json',
      help: 'The form to write.',
    },
    force: flag('Replace a file that exists.'),
  },
  seeAlso: ['import', 'saveconfig'],
  at: atRoot,
  run: async ({ shell, view, args }) => {
    const { toLioJson } = await import('../../saveconfig/export/lio_json.ts');
    const text = toLioJson(view.document);
    const path = given(args, 'file');
    if (path === undefined) return shell.console.display(text);
    writeNew(path, text, args['force'] === true);
    return shell.console.say('info', `Configuration exported to ${path}`);
  },
};

function writeNew(path: string, text: string, replace: boolean): void {
  try {
    const descriptor = openSync(path, replace ? 'w' : 'wx', 0o600);
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const hint = code === 'EEXIST' ? ': it exists, use force=true to replace it' : `: ${code}`;
    throw new ConfigError(`Cannot write ${path}${hint}`);
  }
}

export const TRANSFER = { import: importConfig, export: exportConfig } as const;
