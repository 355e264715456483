/** What a screen with our shell on it shows. */
import type { Tmux } from './tmux.ts';

/** A prompt that waits; `* ` marks unsaved changes. */
export const PROMPT = /^(\* )?\/\S*>$/;

export const lastLine = (lines: readonly string[]): string => lines.at(-1) ?? '';

export const promptOn = (tmux: Tmux): Promise<void> =>
  tmux.waitFor('a prompt', (lines) => PROMPT.test(lastLine(lines)));

/** The line being edited ends in `text`. */
export const editingOn = (tmux: Tmux, text: string): Promise<void> =>
  tmux.waitFor(`the line ends in ${text}`, (lines) =>
    lines.some((line) => /^(\* )?\/\S*> /.test(line) && line.trimEnd().endsWith(text.trimEnd())),
  );
