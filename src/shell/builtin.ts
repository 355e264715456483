/**
 * What a built-in command is: declared with the kit of the node kinds' commands, so that help,
 * completion and argument checks derive from the declaration; it acts on the shell instead of on
 * the document.
 */
import type { ControlClient } from '../control/protocol.ts';
import type { Arguments, CommandContext, CommandOutcome, TreeNode, View } from '../objects/node.ts';
import type { Params } from './arguments.ts';
import type { Console } from './console.ts';
import type { Word } from './grammar.ts';
import type { LiveScreen } from './live_screen.ts';
import type { Mirror } from './mirror.ts';
import type { PathScope } from './paths.ts';
import type { PreferencesStore } from './preferences_store.ts';

/** What built-ins need of the shell. */
export interface ShellContext {
  readonly client: ControlClient;
  readonly console: Console;
  readonly store: PreferencesStore;
  readonly mirror: Mirror;
  readonly root: TreeNode;
  readonly builtins: Builtins;
  /** Path of the current node. */
  readonly cwd: string;
  /** Dialogs are possible: stdin and stdout are a terminal and nothing is scripted. */
  readonly dialogs: Dialogs | undefined;
  scope(view: View, here: TreeNode): PathScope;
  /** Move, and remember the step for `cd <`. */
  moveTo(path: string): void;
  /** `cd <` and `cd >`. */
  moveInHistory(direction: -1 | 1, view: View): void;
  /** Compute and commit a change at a node; recomputed when another shell was faster. */
  change(
    path: string,
    compute: (context: CommandContext) => Promise<CommandOutcome> | CommandOutcome,
  ): Promise<CommandOutcome>;
  /** Tell what a change said, set `@last`, follow `auto_cd_after_create`. */
  report(outcome: CommandOutcome): void;
  save(file: string | undefined, force?: boolean): Promise<void>;
  /** Save this storage object, `fileio/disk1`, with the targets that export it. The file. */
  saveObject(reference: string, file?: string): Promise<string>;
  /** A commit of this shell has that revision now. */
  noteChanged(revision: number, warning: string | undefined): void;
  /** The line under way, secrets left out. */
  readonly commandLine: string;
  /** One command of the system's shell: nothing can be staged. */
  readonly oneShot: boolean;
  /** What a single command's process ends with, instead of 0. */
  exitStatus: number;
  leave(): void;
  /** Run a command that only shows something, as if typed at `node`. Throws what it refuses. */
  runReading(words: readonly Word[], node: TreeNode): Promise<void>;
}

export type AnswerCheck = (text: string) => true | string | Promise<true | string>;

/** Questions to the person at the terminal. */
export interface Dialogs {
  pickPath(paths: readonly string[], current: string): Promise<string | undefined>;
  /** `check` refuses an answer with a reason; the question stays until it takes one. */
  input(message: string, initial: string, check: AnswerCheck): Promise<string>;
  choose<T extends string>(
    message: string,
    choices: readonly { readonly value: T; readonly name: string }[],
  ): Promise<T>;
  /** Typed without echo. */
  secret(message: string): Promise<string>;
  confirm(message: string, initial: boolean): Promise<boolean>;
  /** Takes the whole screen until the person leaves it. */
  live(screen: LiveScreen): Promise<void>;
}

export interface Call {
  readonly shell: ShellContext;
  readonly node: TreeNode;
  readonly view: View;
  /** All words after the command. */
  readonly words: readonly Word[];
  /** Bound by `params`; empty for a command with `rest`. */
  readonly args: Arguments;
}

export interface Builtin {
  /** First line: one sentence. The rest: DESCRIPTION of `help COMMAND`. */
  readonly help: string;
  readonly params: Params;
  /** Takes any words after the parameters, shown so in help: `[parameter=value...]`. */
  readonly rest?: string;
  readonly seeAlso?: readonly string[];
  /** Where help and completion offer it; it runs everywhere all the same. Absent: everywhere. */
  readonly at?: (node: TreeNode) => boolean;
  /** Refused where this is false. Absent: runs everywhere. */
  readonly only?: (node: TreeNode) => boolean;
  readonly run: (call: Call) => Promise<void> | void;
}

export type Builtins = Readonly<Record<string, Builtin>>;

export const atRoot = (node: TreeNode): boolean => node.parent === undefined;

/** Of every command that shows something: its answer in the form of docs/JSON.md. */
export const JSON_FLAG = {
  kind: 'bool',
  style: 'truefalse',
  default: false,
  help: 'Print JSON.',
  keywordOnly: true,
} as const;
