/** The three ways of using a shell: a terminal, a script on a stream, one command. */
import type { Readable } from 'node:stream';
import type { Shell } from './shell.ts';

/** Prompt, read, run until `exit` or Ctrl-D; saves as `auto_save_on_exit` says. Exit status. */
export async function runInteractive(_shell: Shell): Promise<number> {
  return 0;
}

/** Run each line; stops at the first error unless `keepGoing`. Exit status: 1 after any error. */
export async function runScript(
  _shell: Shell,
  _input: Readable,
  _options: { readonly keepGoing: boolean },
): Promise<number> {
  return 0;
}

/** One command given as words. Never saves. Exit status. */
export async function runOnce(_shell: Shell, _words: readonly string[]): Promise<number> {
  return 0;
}
