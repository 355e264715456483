/** The three ways of using a shell: a terminal, a script on a stream, one command. */
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { continues } from './grammar.ts';
import { notices, promptMarks } from './marks.ts';
import type { Shell } from './shell.ts';

/** Loaded on demand: most of what it takes to start a shell is for its prompt and dialogs. */
const loadTerminal = () => import('./terminal.ts');

/** Prompt, read, run until `exit` or Ctrl-D; saves as `auto_save_on_exit` says. Exit status. */
export async function runInteractive(shell: Shell): Promise<number> {
  const terminal = (await loadTerminal()).openTerminal(shell);
  shell.becomeInteractive(terminal.dialogs);
  const { version } = await shell.mirror.daemon();
  shell.console.display(`lunsmith shell version ${version}`);
  shell.console.display("For help on commands, type 'help'.\n\n");
  for (const notice of await notices(shell)) shell.console.say('warning', notice);
  try {
    for (;;) {
      const marks = await promptMarks(shell);
      const line = await readWhole(() => terminal.readLine(marks + shell.prompt));
      if (line === undefined) {
        if (shell.mayEnd()) break;
        continue;
      }
      const { exit } = await shell.runLine(line);
      if (exit) break;
    }
    return (await shell.saveOnExit()) ? 0 : 1;
  } finally {
    terminal.close();
  }
}

/** A line, and those that it goes on in by a backslash at its end; undefined at end of input. */
async function readWhole(next: () => Promise<string | undefined>): Promise<string | undefined> {
  let line = await next();
  while (line !== undefined && continues(line)) {
    const more = await next();
    if (more === undefined) return line;
    line = `${line.slice(0, -1)} ${more.trimStart()}`;
  }
  return line;
}

/**
 * Run each line; stops at the first error unless `keepGoing`. What ran before the error stands,
 * and is saved as at the end of a session. Exit status: 1 after any error.
 */
export async function runScript(
  shell: Shell,
  input: Readable,
  { keepGoing }: { readonly keepGoing: boolean },
): Promise<number> {
  const lines = createInterface({ input, crlfDelay: Infinity, terminal: false })[
    Symbol.asyncIterator
  ]();
  shell.keepGoing = keepGoing;
  let number = 0;
  let failed = false;
  const next = async (): Promise<string | undefined> => {
    const result = await lines.next();
    number += 1;
    return result.done === true ? undefined : result.value;
  };
  for (;;) {
    const first = number + 1;
    const line = await readWhole(next);
    if (line === undefined) break;
    shell.console.errorPrefix = `line ${first}: `;
    const { ok, exit } = await shell.runLine(line);
    shell.console.errorPrefix = undefined;
    failed ||= !ok;
    if (exit || (!ok && !keepGoing)) break;
  }
  if (shell.mirror.candidate?.changed === true) {
    shell.console.error('Staged changes were not committed and are dropped: commit applies them');
    failed = true;
  }
  const saved = await shell.saveOnExit();
  return failed || !saved ? 1 : 0;
}

/** Commands that ask, or that fill the screen. */
const TAKES_TERMINAL = new Set(['apply', 'quickstart', 'top', 'watch']);

/** `set auth password`: the value is typed. */
const asksSecret = (words: readonly string[]) =>
  words.includes('set') && words.some((word) => /^(mutual_)?password(_mutual)?$/.test(word));

/** One command given as words. Never saves. Exit status. */
export async function runOnce(shell: Shell, words: readonly string[]): Promise<number> {
  shell.console.errorPrefix = '';
  shell.oneShot = true;
  // No other command takes the terminal's input.
  const takes = words.slice(0, 2).some((word) => TAKES_TERMINAL.has(word)) || asksSecret(words);
  const asking = takes ? (await loadTerminal()).openDialogs(shell) : undefined;
  shell.dialogs = asking?.dialogs;
  try {
    const { ok } = await shell.runWords(words);
    return ok ? shell.exitStatus : 1;
  } finally {
    asking?.close();
  }
}
