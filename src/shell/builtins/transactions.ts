/** `begin commit rollback diff undo redo history`: changes staged, compared and taken back. */
import type { HistoryEntry, Source } from '../../control/protocol.ts';
import { diff as planOf } from '../../objects/diff.ts';
import { ConfigError } from '../../objects/errors.ts';
import { absolutePath } from '../../objects/kinds/fileio.ts';
import { describePlan, planText, type PlanLine } from '../../objects/plan_text.ts';
import { JSON_FLAG, type Builtin, type Call } from '../builtin.ts';
import { checkCandidate, commitCandidate } from '../commit.ts';
import { originOf } from '../origin.ts';

const flag = (help: string) =>
  ({ kind: 'bool', style: 'truefalse', default: false, help }) as const;
const COUNT = (help: string) => ({ kind: 'uint', min: 1, max: 10_000, default: 1, help }) as const;

/** What plans look like on the screen; nothing to do is said, too. */
export function planOnScreen(changes: readonly PlanLine[]): string {
  return changes.length === 0 ? 'no changes' : planText(changes).join('\n');
}

const begin: Builtin = {
  help:
    'Begins a transaction.\n' +
    'The commands that follow change a candidate of the configuration in this shell; what is\n' +
    'served stays as it is until `commit`. `rollback` discards them, `undo` takes back the\n' +
    'last one, `diff` shows what they come to. With the preference auto_commit=false a\n' +
    'transaction begins by itself.',
  params: {},
  seeAlso: ['commit', 'rollback', 'diff'],
  run: async ({ shell }) => {
    if (shell.mirror.candidate !== undefined) {
      throw new ConfigError('A transaction is open already: commit or rollback ends it');
    }
    if (shell.oneShot) {
      throw new ConfigError('A transaction needs a shell: one command commits by itself');
    }
    await shell.mirror.begin();
    shell.console.say('info', 'Changes are staged from here on; commit applies them.');
  },
};

function candidateOf({ shell }: Call) {
  const { candidate } = shell.mirror;
  if (candidate === undefined) {
    throw new ConfigError('No transaction is open: begin starts one');
  }
  return candidate;
}

const commit: Builtin = {
  help:
    'Applies what is staged, as a whole or not at all.\n' +
    '`commit check` only tells what would be done. What other shells changed meanwhile is\n' +
    'kept; where both changed the same thing, nothing is applied and both are shown.',
  params: {
    action: {
      kind: 'choice',
      values: ['check'],
      default: 'check',
      help: 'check: only tell what would be done.',
    },
    json: JSON_FLAG,
  },
  seeAlso: ['begin', 'diff', 'rollback'],
  run: async (call) => {
    const { shell, args } = call;
    const candidate = candidateOf(call);
    if (args['action'] === 'check') {
      const { changes } = await checkCandidate(shell, candidate);
      if (args['json'] === true) return shell.console.json({ applied: false, changes });
      return shell.console.display(planOnScreen(changes));
    }
    const { changes, problems, revision } = await commitCandidate(shell, candidate);
    if (args['json'] === true) {
      shell.console.json({ applied: true, changes, problems, revision });
    } else {
      shell.console.display(changes.length === 0 ? 'no changes' : planText(changes).join('\n'));
      if (revision !== undefined) shell.console.say('info', `Committed as revision ${revision}.`);
    }
    if (problems.length > 0) {
      const head = `Committed, ${problems.length} recoverable errors:`;
      throw new ConfigError([head, ...problems].join('\n'));
    }
  },
};

const rollback: Builtin = {
  help: 'Discards what is staged and ends the transaction.',
  params: {},
  seeAlso: ['begin', 'commit', 'undo'],
  run: (call) => {
    const { count } = candidateOf(call);
    call.shell.mirror.candidate = undefined;
    const what = count === 1 ? '1 staged command' : `${count} staged commands`;
    call.shell.console.say('info', `Discarded ${what}.`);
  },
};

const SOURCE_PARAMS = {
  savefile: {
    kind: 'text',
    lengthMax: 4096,
    default: '',
    files: 'any',
    help: 'A configuration file.',
  },
  backup: {
    kind: 'uint',
    min: 1,
    max: 10_000,
    default: 1,
    backups: true,
    help: 'A backup by its number in `saveconfig list`; 1 is the newest.',
  },
  last: flag('What ran before the daemon was started last.'),
} as const;
export { SOURCE_PARAMS };

/** The one configuration that the arguments name; none of them: the configuration file. */
export function sourceOf({ args }: Pick<Call, 'args'>): Source {
  const { savefile, backup, last } = args;
  const named = [savefile !== undefined, backup !== undefined, last === true];
  if (named.filter(Boolean).length > 1) {
    throw new ConfigError('Name one of savefile, backup and last');
  }
  if (savefile !== undefined) return { file: absolutePath(String(savefile)) };
  if (backup !== undefined) return { backup: Number(backup) };
  return last === true ? { last: true } : {};
}

const diff: Builtin = {
  help:
    'Shows what differs.\n' +
    'In a transaction: what commit would do. Otherwise: what was changed since the\n' +
    'configuration was saved. With a file, backup=N or last=true: what restoring it would do.',
  params: { ...SOURCE_PARAMS, json: JSON_FLAG },
  seeAlso: ['commit', 'saveconfig', 'restoreconfig'],
  run: async (call) => {
    const { shell, args, view } = call;
    const source = sourceOf(call);
    const { candidate } = shell.mirror;
    const own = Object.keys(source).length === 0 && candidate !== undefined;
    const changes = own
      ? describePlan(planOf(candidate.base.document, candidate.document), view.runtime)
      : (await shell.client.call('compare', source)).changes;
    if (args['json'] === true) shell.console.json(changes);
    else shell.console.display(planOnScreen(changes));
  },
};

/** Of several changes that are one entry, its command is that of the last. */
const also = ({ first }: HistoryEntry) =>
  first === undefined ? '' : ` and others since revision ${first}`;

const entryWords = (entry: HistoryEntry) => {
  const { command, revision, user, client } = entry;
  const who = [user, client].filter((word) => word !== '').join(', ');
  const what = `${command === '' ? `revision ${revision}` : command}${also(entry)}`;
  return `${what}${who === '' ? '' : ` (${who})`}`;
};

function stepBack(what: 'undo' | 'redo'): Builtin['run'] {
  const word = what === 'undo' ? 'Undone' : 'Redone';
  return async ({ shell, args }) => {
    const count = Number(args['count'] ?? 1);
    const { candidate } = shell.mirror;
    if (candidate !== undefined) {
      const commands = what === 'undo' ? candidate.undo(count) : candidate.redo(count);
      for (const command of commands) shell.console.say('info', `${word}: ${command}`);
      return;
    }
    const by = originOf(shell.commandLine);
    const { of, revision, warning } = await shell.client.call(what, { count, by });
    shell.noteChanged(revision, warning);
    const told = what === 'undo' ? [...of].reverse() : of;
    for (const entry of told) shell.console.say('info', `${word}: ${entryWords(entry)}`);
  };
}

const undo: Builtin = {
  help:
    'Takes back the last changes, whoever made them.\n' +
    'In a transaction: the last staged commands. Backing files and their data stay; what a\n' +
    'deleted ramdisk held does not come back.',
  params: { count: COUNT('How many changes.') },
  seeAlso: ['redo', 'history'],
  run: stepBack('undo'),
};

const redo: Builtin = {
  help: 'Brings back what undo took back.',
  params: { count: COUNT('How many changes.') },
  seeAlso: ['undo', 'history'],
  run: stepBack('redo'),
};

function when(time: string): string {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function historyLine(entry: HistoryEntry): string {
  const { revision, time, user, client, command, kind, of = [], undone } = entry;
  const which = of.length === 0 ? '' : ` of ${of.join(', ')}`;
  const what = kind === 'undo' || kind === 'redo' ? `${command}${which}` : command;
  const who = [user, client].filter((word) => word !== '').join(' ');
  const mark = undone ? ' (undone)' : '';
  return `${String(revision).padStart(6)}  ${when(time)}  ${who}  ${what}${also(entry)}${mark}`;
}

const history: Builtin = {
  help:
    'Shows the latest changes: revision, time, who, what.\n' +
    'The history is kept with the configuration, across restarts of the daemon.',
  params: {
    count: { ...COUNT('How many changes to show.'), default: 20 },
    json: JSON_FLAG,
  },
  seeAlso: ['undo', 'diff'],
  run: async ({ shell, args }) => {
    const entries = await shell.client.call('history', { limit: Number(args['count'] ?? 20) });
    if (args['json'] === true) return shell.console.json(entries);
    if (entries.length === 0) return shell.console.display('(no changes yet)');
    return shell.console.display(entries.map(historyLine).join('\n'));
  },
};

export const TRANSACTIONS = { begin, commit, diff, history, redo, rollback, undo } as const;
