/** `apply`: a configuration file becomes what is served, and nothing that it names alike moves. */
import { readFileSync } from 'node:fs';
import { ConflictError } from '../../control/protocol.ts';
import { diff } from '../../objects/diff.ts';
import type { Document } from '../../objects/document.ts';
import { applyEdits } from '../../objects/edits.ts';
import type { BackingInfo } from '../../objects/engine_port.ts';
import { ConfigError } from '../../objects/errors.ts';
import { absolutePath } from '../../objects/kinds/fileio.ts';
import type { CommandContext } from '../../objects/node.ts';
import { describePlan, planText, type PlanLine } from '../../objects/plan_text.ts';
import type { Step } from '../../objects/plan.ts';
import { atRoot, type Builtin, type Call, type ShellContext } from '../builtin.ts';
import type { NewFiles } from '../transaction.ts';

const flag = (help: string) =>
  ({ kind: 'bool', style: 'truefalse', default: false, help }) as const;

/** As `diff` does: there are changes. */
const STATUS_CHANGES = 2;

interface Text {
  readonly text: string;
  /** As errors name it. */
  readonly name: string;
}

function readText(file: string): Text {
  const fromInput = file === '-';
  const name = fromInput ? 'standard input' : absolutePath(file);
  try {
    return { text: readFileSync(fromInput ? 0 : name, 'utf8'), name };
  } catch (error) {
    throw new ConfigError(`Cannot read ${name}: ${(error as Error).message}`);
  }
}

/** What the text makes of the configuration that the command sees. */
async function wantedDocument(
  shell: ShellContext,
  { view }: CommandContext,
  text: Text,
  prune: boolean,
): Promise<Document> {
  const { candidate } = shell.mirror;
  const base = candidate === undefined ? {} : { base: candidate.document };
  const { revision, edits } = await shell.client.call('read', { ...text, prune, ...base });
  const seen = await shell.mirror.running();
  // Another shell was faster: the edits belong to a document that this shell has not seen yet.
  if (candidate === undefined && (seen.revision !== revision || seen.document !== view.document)) {
    throw new ConflictError('The configuration has changed meanwhile');
  }
  return applyEdits(view.document, edits);
}

/** Files of new fileio objects that are not there yet, and what must not be there instead. */
async function missingFiles(
  steps: readonly Step[],
  probe: (path: string) => Promise<BackingInfo>,
): Promise<NewFiles> {
  const files: NewFiles[number][] = [];
  for (const { subject, path, before, after } of steps) {
    if (subject !== 'storage_object' || path[1] !== 'fileio' || before !== undefined) continue;
    const { path: file, size } = after as { path: string; size: number };
    const { exists, parentExists } = await probe(file);
    if (!exists && parentExists) files.push({ path: file, size, sparse: true });
  }
  return files;
}

const changeWord = (n: number) => (n === 1 ? '1 change' : `${n} changes`);

interface Wishes {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
}

/** Shows the plan and asks; false: nothing is to be done. */
async function agreed(
  shell: ShellContext,
  changes: readonly PlanLine[],
  files: NewFiles,
  { dryRun, yes, json }: Wishes,
): Promise<boolean> {
  if (!json) {
    const created = files.map(({ path }) => `+ create file ${path} (sparse)`);
    const lines = [...created, ...planText(changes)];
    shell.console.display(lines.length === 0 ? 'no changes' : lines.join('\n'));
  }
  if (changes.length === 0) return false;
  if (dryRun) {
    shell.exitStatus = STATUS_CHANGES;
    return false;
  }
  const asks = !yes && shell.mirror.candidate === undefined && shell.dialogs !== undefined;
  if (!asks) return true;
  if (await shell.dialogs.confirm(`Apply ${changeWord(changes.length)}?`, false)) return true;
  throw new ConfigError('Cancelled: nothing was changed');
}

async function runApply({ shell, args }: Call): Promise<void> {
  const wishes: Wishes = {
    dryRun: args['dry_run'] === true,
    yes: args['yes'] === true,
    json: args['json'] === true,
  };
  const text = readText(String(args['file']));
  let changes: readonly PlanLine[] = [];
  let applied = false;
  await shell.change('/', async (context) => {
    const { view } = context;
    const document = await wantedDocument(shell, context, text, args['prune'] === true);
    const steps = diff(view.document, document);
    changes = describePlan(steps, view.runtime);
    const createFiles = await missingFiles(steps, (path) => context.host.probe(path));
    applied = await agreed(shell, changes, createFiles, wishes);
    return applied ? { document, createFiles, messages: [] } : { messages: [] };
  });
  if (wishes.json) {
    const { dryRun } = wishes;
    const answer = { file: text.name, dryRun, applied, changes };
    return shell.console.json(answer);
  }
  if (!applied) return;
  const word = shell.mirror.candidate === undefined ? 'Applied' : 'Staged';
  shell.console.say('info', `${word} ${changeWord(changes.length)}.`);
}

const apply: Builtin = {
  help:
    'Makes the configuration what a YAML file says.\n' +
    'What the file does not name stays as it is, unless --prune removes it. Running it again\n' +
    'changes nothing. --dry-run only shows the plan; as a command of the system shell it then\n' +
    'ends with status 2 when there is something to do. At a terminal it asks before it acts,\n' +
    'unless --yes. The file of a new fileio object is made when it is missing.\n' +
    '\n' +
    'Example: apply -f san.yaml --prune --dry-run',
  params: {
    file: {
      kind: 'text',
      lengthMax: 4096,
      default: '',
      required: true,
      files: 'any',
      help: 'The YAML file; - is standard input.',
    },
    dry_run: flag('Only show the plan.'),
    prune: flag('Remove what the file does not name.'),
    json: flag('Print the plan as JSON.'),
    yes: flag('Do not ask.'),
  },
  seeAlso: ['diff', 'restoreconfig', 'undo'],
  at: atRoot,
  run: runApply,
};

export const APPLY = { apply } as const;
