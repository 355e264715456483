/** The shell's three ways over whatever client it was given. */
import type { ControlClient } from '../control/protocol.ts';
import { processOutput } from '../shell/output.ts';
import { runInteractive, runOnce, runScript } from '../shell/session.ts';
import { Shell } from '../shell/shell.ts';

export interface ShellRun {
  readonly client: ControlClient;
  readonly home: string;
  readonly words: readonly string[];
  readonly keepGoing: boolean;
}

/** Exit status. */
export async function runShell({ client, home, words, keepGoing }: ShellRun): Promise<number> {
  const shell = new Shell({ client, home, out: processOutput() });
  if (words.length > 0) return runOnce(shell, words);
  if (process.stdin.isTTY) return runInteractive(shell);
  return runScript(shell, process.stdin, { keepGoing });
}
