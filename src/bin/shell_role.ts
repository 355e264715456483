/** The shell's three ways over whatever client it was given. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ControlClient } from '../control/protocol.ts';
import { ConfigError } from '../objects/errors.ts';
import { processOutput } from '../shell/output.ts';
import { runInteractive, runOnce, runScript } from '../shell/session.ts';
import { Shell } from '../shell/shell.ts';
import type { TimeLimit } from './time_limit.ts';

export interface ShellRun {
  readonly client: ControlClient;
  readonly home: string;
  readonly words: readonly string[];
  readonly keepGoing: boolean;
  readonly command?: string;
  readonly file?: string;
  readonly quiet?: boolean;
  /** Is told how to stop the shell when the time is over. */
  readonly limit: TimeLimit;
}

/** What a person or program must know who stopped waiting. */
function stopAt(shell: Shell): () => string {
  return () => {
    const { commandLine, console, unsaved } = shell;
    shell.stop();
    const where = commandLine === '' ? '' : ` in ${console.errorPrefix ?? ''}${commandLine}`;
    const saved = unsaved ? '; what was done before stands and is not saved' : '';
    return `${where}${saved}`;
  };
}

async function opened(file: string): Promise<Readable> {
  try {
    return (await open(file)).createReadStream();
  } catch (error) {
    throw new ConfigError(`Cannot read the script ${file}: ${(error as Error).message}`);
  }
}

/** Exit status. */
export async function runShell(options: ShellRun): Promise<number> {
  const { client, home, words, keepGoing, command, file } = options;
  const shell = new Shell({ client, home, out: processOutput() });
  shell.console.quiet = options.quiet === true;
  options.limit.onOver = stopAt(shell);
  if (command !== undefined) return runScript(shell, Readable.from([command]), { keepGoing });
  if (file !== undefined) return runScript(shell, await opened(file), { keepGoing });
  if (words.length > 0) return runOnce(shell, words);
  if (process.stdin.isTTY) return runInteractive(shell);
  return runScript(shell, process.stdin, { keepGoing });
}
