/** A command line without escape sequences: in a pipe, and in a terminal that knows none. */
import { createInterface } from 'node:readline';
import { History } from './history.ts';
import type { Shell } from './shell.ts';
import type { Terminal } from './terminal.ts';

/** `TERM=dumb`, as Emacs' shell and serial consoles have it: the terminal itself edits the line. */
export const isDumb = (env: NodeJS.ProcessEnv): boolean => env['TERM'] === 'dumb';

export function plainTerminal(shell: Shell): Terminal {
  const { stdin } = process;
  const screen = process.stdout.isTTY ? process.stdout : process.stderr;
  const isTyped = stdin.isTTY === true;
  const history = new History(shell.store);
  const lines = createInterface({ input: stdin, crlfDelay: Infinity, terminal: false });
  const iterator = lines[Symbol.asyncIterator]();
  /** Of the prompt that waits for a line. */
  let waiting: string | undefined;
  let interrupts = 0;
  const onInterrupt = () => {
    if (waiting !== undefined) {
      // The terminal has dropped what was typed.
      screen.write(`\n${waiting}`);
      return;
    }
    interrupts += 1;
    if (interrupts > 1) process.exit(130);
    shell.console.say('warning', 'The command is still running; Ctrl-C again leaves the shell.');
  };
  if (isTyped) process.on('SIGINT', onInterrupt);
  return {
    dialogs: undefined,
    readLine: async (prompt) => {
      interrupts = 0;
      waiting = prompt;
      if (isTyped) screen.write(prompt);
      const result = await iterator.next();
      waiting = undefined;
      if (result.done === true) {
        if (isTyped) screen.write('\n');
        return undefined;
      }
      if (isTyped) history.add(result.value);
      return result.value;
    },
    close: () => {
      process.off('SIGINT', onInterrupt);
      lines.close();
    },
  };
}
