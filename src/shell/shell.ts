/** One shell: a position in the tree, preferences and bookmarks of a user, and a daemon to talk to. */
import type { ControlClient } from '../control/protocol.ts';
import type { TreeNode } from '../objects/node.ts';
import type { Output } from './output.ts';

export interface ShellOptions {
  readonly client: ControlClient;
  /** LUNSMITH_HOME: preferences, bookmarks, history, log. */
  readonly home: string;
  readonly out: Output;
  /** Root of the tree. */
  readonly root: TreeNode;
}

export interface LineResult {
  readonly ok: boolean;
  /** The user asked to leave. */
  readonly exit: boolean;
}

export class Shell {
  readonly options: ShellOptions;
  constructor(options: ShellOptions) {
    this.options = options;
  }

  /** Parse and run one line; messages and errors go to the output. Never throws for user mistakes. */
  async runLine(_line: string): Promise<LineResult> {
    return { ok: true, exit: false };
  }

  /** Run words that the system's shell has split already: no second round of quoting. */
  async runWords(_words: readonly string[]): Promise<LineResult> {
    return { ok: true, exit: false };
  }
}
