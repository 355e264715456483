/** The shell's three ways over whatever client it was given. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ControlClient } from '../control/protocol.ts';
import { ConfigError } from '../objects/errors.ts';
import { processOutput } from '../shell/output.ts';
import { runInteractive, runOnce, runScript } from '../shell/session.ts';
import { Shell } from '../shell/shell.ts';

export interface ShellRun {
  readonly client: ControlClient;
  readonly home: string;
  readonly words: readonly string[];
  readonly keepGoing: boolean;
  readonly command?: string;
  readonly file?: string;
  readonly quiet?: boolean;
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
  if (command !== undefined) return runScript(shell, Readable.from([command]), { keepGoing });
  if (file !== undefined) return runScript(shell, await opened(file), { keepGoing });
  if (words.length > 0) return runOnce(shell, words);
  if (process.stdin.isTTY) return runInteractive(shell);
  return runScript(shell, process.stdin, { keepGoing });
}
