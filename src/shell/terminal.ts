/** Where lines of a session come from: the prompt in a terminal, else plain node:readline. */
import { emitKeypressEvents } from 'node:readline';
import type * as Prompts from '@inquirer/prompts';
import { ConfigError } from '../objects/errors.ts';
import type { Dialogs } from './builtin.ts';
import { complete } from './complete.ts';
import type { Candidate, CandidateKind } from './complete.ts';
import { History } from './history.ts';
import { LineGate } from './line_gate.ts';
import { runLive } from './live_screen.ts';
import { isDumb, plainTerminal } from './plain_terminal.ts';
import { linePrompt } from './prompt.ts';
import { inColumns } from './render.ts';
import type { Shell } from './shell.ts';
import type { ColorName } from './style.ts';

export interface Terminal {
  readonly dialogs: Dialogs | undefined;
  /** A line; undefined at end of input. Ctrl-C gives an empty one. */
  readLine(prompt: string): Promise<string | undefined>;
  close(): void;
}

const isCancelled = (error: unknown) => error instanceof Error && error.name === 'ExitPromptError';
/** Rows of candidates at most: the prompt must stay on the screen. */
const ROWS_KEPT_FREE = 3;

/** Escape sequences for each key have no place in a pipe, nor where nobody understands them. */
const atTerminal = () => process.stdin.isTTY && process.stdout.isTTY && !isDumb(process.env);

export function openTerminal(shell: Shell): Terminal {
  return atTerminal() ? promptTerminal(shell) : plainTerminal(shell);
}

/** Questions without a command line around them; undefined without a terminal. */
export function openDialogs(shell: Shell): Terminal | undefined {
  return atTerminal() ? promptTerminal(shell) : undefined;
}

function promptTerminal(shell: Shell): Terminal {
  const history = new History(shell.store);
  let interrupts = 0;
  const gate = new LineGate(process.stdin, () => {
    interrupts += 1;
    if (interrupts > 1) {
      gate.close();
      process.exit(130);
    }
    shell.console.say('warning', 'The command is still running; Ctrl-C again leaves the shell.');
  });
  // Before the first prompt: without it Node appends what arrives in one chunk at the line's end.
  emitKeypressEvents(gate);

  const readLine = async (message: string): Promise<string | undefined> => {
    interrupts = 0;
    const answer = linePrompt(
      {
        message,
        history: history.lines,
        complete: (beforeCursor) => complete(shell, beforeCursor),
        renderChoices: (choices, hint) => renderChoices(shell, choices, hint),
        onCompleted: () => gate.openLine(true),
      },
      { input: gate },
    );
    gate.openLine(true);
    try {
      const line = await answer;
      if (line !== undefined) history.add(line);
      return line;
    } catch (error) {
      if (isCancelled(error)) return '';
      throw error;
    }
  };
  return { dialogs: dialogsOn(gate), readLine, close: () => gate.close() };
}

function renderChoices(
  shell: Shell,
  choices: readonly Candidate[],
  hint: string | undefined,
): string {
  const columns = shell.console.columns ?? 80;
  const below = hint === undefined ? [] : [hint.slice(0, columns)];
  if (choices.length === 0) return below.join('');
  const { preferences } = shell.store;
  const colors: Readonly<Record<CandidateKind, ColorName>> = {
    path: preferences.color_path,
    command: preferences.color_command,
    parameter: preferences.color_parameter,
    keyword: preferences.color_keyword,
  };
  const { painter } = shell.console;
  const items = choices.map(({ text, kind, note }) => {
    const tail = note === undefined ? '' : ` (${note})`;
    return { plain: text + tail, painted: painter.color(colors[kind], text) + tail };
  });
  const rows = inColumns(items, columns).split('\n');
  const room = Math.max(1, (process.stdout.rows ?? 24) - ROWS_KEPT_FREE - below.length);
  if (rows.length <= room) return [...rows, ...below].join('\n');
  const more = `(${choices.length} in all: type more of it)`;
  return [...rows.slice(0, room - 1), more, ...below].join('\n');
}

function dialogsOn(gate: LineGate): Dialogs {
  type Start<T> = (prompts: typeof Prompts, context: { input: LineGate }) => Promise<T>;
  const ask = async <T>(start: Start<T>): Promise<T> => {
    // On demand: the command line itself needs none of them.
    const prompts = await import('@inquirer/prompts');
    const answer = start(prompts, { input: gate });
    gate.openLine();
    try {
      return await answer;
    } catch (error) {
      if (isCancelled(error)) throw new ConfigError('Cancelled: nothing was changed');
      throw error;
    }
  };
  return {
    pickPath: (paths, current) =>
      ask(({ search }, context) =>
        search<string>(
          {
            message: 'Go to',
            source: (term) => pathChoices(paths, current, term ?? ''),
          },
          context,
        ),
      ),
    input: (message, initial, check) =>
      ask(({ input }, context) => input({ message, default: initial, validate: check }, context)),
    choose: (message, choices) =>
      ask(({ select }, context) => select({ message, choices }, context)),
    live: (screen) => runLive(screen, gate, process.stdout),
    secret: (message) =>
      ask(({ password }, context) => password({ message, mask: false }, context)),
    confirm: (message, initial) =>
      ask(({ confirm }, context) => confirm({ message, default: initial }, context)),
  };
}

/** The current node comes first, so that Enter alone stays. */
function pathChoices(paths: readonly string[], current: string, term: string) {
  const words = term.toLowerCase().split(/\s+/);
  const fitting = paths.filter((path) => words.every((word) => path.toLowerCase().includes(word)));
  const ordered = [...fitting].sort((a, b) => Number(b === current) - Number(a === current));
  return ordered.map((value) => ({ value, name: value }));
}
