/** One shell: a place in the tree, preferences and bookmarks of a user, and a daemon to talk to. */
import { ConflictError, ControlError } from '../control/protocol.ts';
import type { ControlClient, SaveReport } from '../control/protocol.ts';
import type { Document } from '../objects/document.ts';
import { ConfigError } from '../objects/errors.ts';
import type { CommandContext, CommandOutcome, TreeNode, View } from '../objects/node.ts';
import { ROOT } from '../objects/tree.ts';
import { bindArguments } from './arguments.ts';
import type { Dialogs, ShellContext } from './builtin.ts';
import { BUILTINS } from './builtins/table.ts';
import { commandAt, meaningOf } from './command_line.ts';
import type { Command, LineScope, Meaning } from './command_line.ts';
import { Console } from './console.ts';
import { editsBetween } from '../objects/edits.ts';
import { demandValid } from './commit.ts';
import { originOf } from './origin.ts';
import { planText } from '../objects/plan_text.ts';
import { commandsOf, parseLine, wordsOfArgv } from './grammar.ts';
import type { Word } from './grammar.ts';
import { Mirror } from './mirror.ts';
import type { Output } from './output.ts';
import { PathTrail } from './path_trail.ts';
import { nearestExisting, resolvePath } from './paths.ts';
import { pathOf } from '../objects/tree.ts';
import type { PathScope } from './paths.ts';
import { demandPermission } from './permission.ts';
import { PreferencesStore } from './preferences_store.ts';
import { promptText } from './render.ts';
import { withoutSecrets } from './secrets.ts';

export interface ShellOptions {
  readonly client: ControlClient;
  /** LUNSMITH_HOME: preferences, bookmarks, history, log. */
  readonly home: string;
  readonly out: Output;
  /** For the log file; tests inject it. */
  readonly now?: () => Date;
}

export interface LineResult {
  readonly ok: boolean;
  /** The user asked to leave. */
  readonly exit: boolean;
}

/** Commands that change nothing. */
const READING: ReadonlySet<string> = new Set([
  'diff',
  'dump',
  'find',
  'get',
  'history',
  'info',
  'ls',
  'sessions',
  'status',
  'tree',
  'why',
]);

const wantsJson = (words: readonly Word[]): boolean =>
  words.some(({ text }) => text === '--json' || text === 'json=true');

/** How often a change is computed anew when another shell was faster. */
const CHANGE_ATTEMPTS = 8;

export class Shell implements ShellContext {
  readonly client: ControlClient;
  readonly console: Console;
  readonly store: PreferencesStore;
  readonly mirror: Mirror;
  readonly root: TreeNode = ROOT;
  readonly builtins = BUILTINS;
  dialogs: Dialogs | undefined;
  readonly #trail: PathTrail;
  #unsaved = false;
  /** Revisions of this shell's commits since it saved last. */
  #own: number[] = [];
  commandLine = '';
  oneShot = false;
  #warnedOfEnd = false;
  exitStatus = 0;
  #leaving = false;
  #stopped = false;
  /** A line of several commands goes on after one that failed. */
  keepGoing = false;
  #silentMoves = true;
  /** Path and group of the `set` that a wrapped paste goes on with. */
  #lastSet: { readonly path: string; readonly group: string } | undefined;

  constructor(options: ShellOptions) {
    this.client = options.client;
    this.store = new PreferencesStore(options.home);
    this.console = new Console(options.out, () => this.store.preferences, options.now);
    this.mirror = new Mirror(options.client);
    this.#trail = new PathTrail();
    options.client.on('attached', () => this.#onRestart());
  }

  get cwd(): string {
    return this.#trail.current;
  }

  get prompt(): string {
    return promptText(this.cwd, this.store.preferences.prompt_length);
  }

  /** This shell changed the configuration and did not save it since. */
  get unsaved(): boolean {
    return this.#unsaved;
  }

  /** A person sits here: remember the paths of earlier sessions and of this one. */
  becomeInteractive(dialogs: Dialogs | undefined): void {
    this.dialogs = dialogs;
    this.#silentMoves = false;
    this.#trail.load(this.store.pathHistory);
    const warning = this.store.takeWarning();
    if (warning !== undefined) this.console.say('warning', warning);
  }

  /** Parse and run one line; messages and errors go to the output. Rejects only on our own bugs. */
  async runLine(line: string): Promise<LineResult> {
    return this.#guard(line, async () => {
      let ok = true;
      for (const words of commandsOf(parseLine(line), line)) {
        if (this.#stopped) return false;
        try {
          await this.#execute(words);
        } catch (error) {
          if (!this.keepGoing) throw error;
          ok = this.#failed(error);
        }
        if (this.#leaving) break;
      }
      return ok;
    });
  }

  /** Run words that the system's shell has split already: no second round of quoting. */
  async runWords(argv: readonly string[]): Promise<LineResult> {
    return this.#guard(argv.join(' '), async () => {
      await this.#execute(wordsOfArgv(argv));
      return true;
    });
  }

  /** The time is over: nothing more begins, and no change is sent. */
  stop(): void {
    this.#stopped = true;
  }

  #failed(error: unknown): false {
    this.#lastSet = undefined;
    this.console.error(messageOf(error));
    return false;
  }

  async #guard(line: string, run: () => Promise<boolean>): Promise<LineResult> {
    this.commandLine = withoutSecrets(line);
    if (line.trim() !== '') {
      this.console.log('verbose', `Running command line '${this.commandLine}'.`);
    }
    try {
      const ok = await run();
      return { ok, exit: this.#leaving };
    } catch (error) {
      return { ok: this.#failed(error), exit: false };
    }
  }

  async #execute(words: readonly Word[]): Promise<void> {
    const [first] = words;
    if (first === undefined) return;
    // The answer to a question of older versions, in scripts written for them.
    if (words.length === 1 && first.text === 'yes') return;
    // Without the daemon, too.
    if (words.length === 1 && first.text === 'exit') return this.leave();
    // Whoever reads the answer as JSON reads nothing else there.
    this.console.aside = wantsJson(words);
    const view = await this.mirror.view();
    const here = this.hereIn(view);
    const meaning = meaningOf(words, this.lineScope(view, here));
    if (meaning.kind === 'continued') return this.#continueSet(meaning.words, view);
    this.#lastSet = undefined;
    if (meaning.kind === 'move') this.moveTo(pathOf(meaning.node));
    if (meaning.kind === 'run') await this.#runAtEach(meaning, view);
  }

  #onRestart(): void {
    const lost = this.#unsaved
      ? '; what was not saved is gone (restoreconfig last=true may bring it back)'
      : '';
    this.#unsaved = false;
    this.console.say('warning', `The lunsmith daemon was restarted${lost}.`);
  }

  async #runAtEach(meaning: Meaning & { kind: 'run' }, view: View): Promise<void> {
    for (const node of meaning.nodes) {
      if (meaning.globbed && !this.console.aside) this.console.display(`[${pathOf(node)}]`);
      const command = commandAt(node, meaning.command, this.builtins);
      if (command === undefined) throw new ConfigError(`Command not found ${meaning.command}`);
      const now = meaning.nodes.length > 1 ? await this.mirror.view() : view;
      await this.runCommand(command, node, now, meaning.words);
    }
    const [node] = meaning.nodes;
    const [group] = meaning.words;
    if (meaning.command === 'set' && node !== undefined && group !== undefined) {
      this.#lastSet = { path: pathOf(node), group: group.text };
    }
  }

  async runCommand(
    command: Command,
    node: TreeNode,
    view: View,
    words: readonly Word[],
  ): Promise<void> {
    if ('builtin' in command) {
      const { builtin } = command;
      const { params, rest } = builtin;
      const args = rest === undefined ? bindArguments(params, words) : {};
      await builtin.run({ shell: this, node, view, words, args });
      return;
    }
    const { params, dangerous, run } = command.declared;
    const args = bindArguments(params, words);
    const compute = async (context: CommandContext) => {
      const outcome = await run(context, args);
      if (outcome.save !== undefined && this.#stages) {
        throw new ConfigError('save=true cannot be staged: commit, then saveconfig');
      }
      if (dangerous) await demandPermission(context, outcome, args, this.dialogs);
      return outcome;
    };
    const done = await this.change(pathOf(node), compute);
    this.report(done);
    if (done.save === undefined) return;
    const file = await this.saveObject(done.save);
    const name = done.save.replace('/', ':');
    this.console.say('info', `Storage Object '${name}' removed from ${file}.`);
  }

  async runReading(words: readonly Word[], node: TreeNode): Promise<void> {
    const view = await this.mirror.view();
    const here = nearestExisting(pathOf(node), this.root, view);
    const meaning = meaningOf(words, this.lineScope(view, here));
    const reads = meaning.kind === 'run' && READING.has(meaning.command);
    const acts = meaning.kind === 'run' && meaning.words.some(({ text }) => text === 'kick');
    if (!reads || acts) {
      const known = [...READING].join(', ');
      throw new ConfigError(`Only commands that show something can be watched: ${known}`);
    }
    await this.#runAtEach(meaning, view);
  }

  /** A pasted `set` that was cut into lines: the rest goes to the same group. */
  async #continueSet(words: readonly Word[], view: View): Promise<void> {
    const last = this.#lastSet;
    const [first] = words;
    if (last === undefined) {
      const name = first?.text.slice(0, first.equals) ?? '';
      throw new ConfigError(`Command not found ${name}: a value alone belongs to no command`);
    }
    const node = nearestExisting(last.path, this.root, view);
    const group = { text: last.group, start: 0, end: 0, quoted: false, equals: -1 };
    const command = commandAt(node, 'set', this.builtins);
    if (command !== undefined) await this.runCommand(command, node, view, [group, ...words]);
  }

  /** The current node; when it is gone, the nearest one above. */
  hereIn(view: View): TreeNode {
    const node = nearestExisting(this.cwd, this.root, view);
    if (pathOf(node) !== this.cwd) this.#trail.replaceCurrent(pathOf(node));
    return node;
  }

  scope(view: View, here: TreeNode): PathScope {
    return this.lineScope(view, here);
  }

  lineScope(view: View, here: TreeNode): LineScope {
    const { bookmarks } = this.store;
    return {
      view,
      root: this.root,
      here,
      builtins: this.builtins,
      bookmarks: () => Object.keys(bookmarks),
      bookmark: (name) => (Object.hasOwn(bookmarks, name) ? bookmarks[name] : undefined),
    };
  }

  moveTo(path: string): void {
    this.#trail.go(path);
    this.#rememberTrail();
  }

  moveInHistory(direction: -1 | 1, view: View): void {
    const exists = (path: string) => pathOf(nearestExisting(path, this.root, view)) === path;
    if (this.#trail.step(direction, exists)) {
      this.#rememberTrail();
      this.console.say('info', `Taking you back to ${this.cwd}.`);
    } else if (direction < 0) {
      this.console.say('info', 'Reached begining of path history.');
    } else this.console.say('info', 'Reached the end of path history.');
  }

  #rememberTrail(): void {
    if (!this.#silentMoves) this.#tolerate(() => this.store.setPathHistory(this.#trail.paths));
  }

  /** What belongs to comfort must not fail a command that has been done. */
  #tolerate(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.console.log('warning', messageOf(error));
    }
  }

  async context(path: string): Promise<CommandContext & { readonly revision: number }> {
    const view = await this.mirror.view();
    const [node] = resolvePath(path, this.scope(view, this.root), false);
    if (node === undefined) throw new ConfigError(`No such path ${path}`);
    const { revision } = view;
    const { preferences } = this.store;
    return { node, view, preferences, host: this.mirror.host(), revision };
  }

  async change(
    path: string,
    compute: (context: CommandContext) => Promise<CommandOutcome> | CommandOutcome,
  ): Promise<CommandOutcome> {
    for (let attempt = 0; attempt < CHANGE_ATTEMPTS; attempt += 1) {
      try {
        const context = await this.context(path);
        const outcome = await compute(context);
        const { document, createFiles } = outcome;
        if (document === undefined) return outcome;
        const edits = editsBetween(context.view.document, document);
        if (edits.length === 0 || (await this.#stage(outcome, document))) return outcome;
        if (this.#stopped) throw new ConfigError('Nothing changed: the time is over');
        const {
          revision,
          warning,
          problems = [],
        } = await this.client.call('change', {
          revision: context.revision,
          edits,
          ...(createFiles !== undefined && { createFiles }),
          ...(outcome.tolerant && { tolerant: true }),
          by: originOf(this.commandLine),
        });
        this.mirror.adopt(revision, document);
        this.noteChanged(revision, warning);
        return { ...outcome, problems };
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        // Between reading and writing another shell committed: compute on what holds now.
        this.mirror.drop();
      }
    }
    throw new ConfigError(
      'Nothing changed: other shells keep changing the configuration; try again',
    );
  }

  /** Changes wait for `commit`. */
  get #stages(): boolean {
    return (
      this.mirror.candidate !== undefined || !(this.store.preferences.auto_commit || this.oneShot)
    );
  }

  /** In a transaction, or where one begins by itself: the change waits for `commit`. */
  async #stage(outcome: CommandOutcome, document: Document): Promise<boolean> {
    if (!this.#stages) return false;
    if (this.mirror.candidate === undefined) {
      await this.mirror.begin();
      this.console.say('info', 'auto_commit=false: changes are staged; commit applies them.');
    }
    demandValid(document);
    this.mirror.candidate?.stage(document, outcome, this.commandLine);
    return true;
  }

  report(outcome: CommandOutcome): void {
    for (const { level, text } of outcome.messages) this.console.say(level, text);
    const { created } = outcome;
    if (created === undefined) return;
    this.#tolerate(() => this.store.setBookmark('last', created));
    if (!this.store.preferences.auto_cd_after_create) return;
    this.moveTo(created);
    this.console.say('info', `Entering new node ${created}`);
  }

  async save(file: string | undefined, force = false): Promise<void> {
    await this.#save({ ...(file !== undefined && { file }), ...(force && { force }) });
  }

  async saveObject(storageObject: string, file?: string): Promise<string> {
    const maxBackups = this.store.preferences.max_backup_files;
    const wanted = { maxBackups, storageObject, ...(file !== undefined && { file }) };
    const report = await this.client.call('save', wanted);
    this.#sayBackups(report);
    return report.file;
  }

  #sayBackups({ warning, backups }: SaveReport): void {
    if (warning !== undefined) this.console.say('warning', warning);
    if (backups === undefined) return;
    this.console.say('info', `Last ${backups.kept} configs saved in ${backups.folder}.`);
  }

  async #save(wanted: { file?: string; force?: boolean; only?: readonly number[] }): Promise<void> {
    const report = await this.client.call('save', {
      maxBackups: this.store.preferences.max_backup_files,
      ...wanted,
    });
    if (wanted.file === undefined) {
      this.#unsaved = false;
      this.#own = [];
    }
    const { changes } = report;
    for (const line of planText(changes, CHANGES_SHOWN)) this.console.say('info', line);
    this.#sayBackups(report);
    this.console.say('info', `Configuration saved to ${report.file}`);
  }

  noteChanged(revision: number, warning: string | undefined): void {
    this.#unsaved = true;
    this.#own.push(revision);
    if (warning !== undefined) this.console.say('warning', warning);
  }

  leave(): void {
    const { candidate } = this.mirror;
    if (candidate?.changed === true) {
      throw new ConfigError('Staged changes are not committed: commit or rollback first');
    }
    this.#leaving = true;
  }

  /** At the end of input: staged changes hold a person back once. */
  mayEnd(): boolean {
    if (this.mirror.candidate?.changed !== true) return true;
    this.mirror.candidate = this.#warnedOfEnd ? undefined : this.mirror.candidate;
    if (this.#warnedOfEnd) return true;
    this.#warnedOfEnd = true;
    this.console.error('Staged changes are not committed: the end of input once more drops them');
    return false;
  }

  async #sayUnsaved(): Promise<true> {
    const { changes } = await this.client.call('compare', {});
    if (changes.length === 0) return true;
    this.console.say('warning', 'Not saved (auto_save_on_exit=false):');
    for (const line of planText(changes, CHANGES_SHOWN)) this.console.say('warning', line);
    return true;
  }

  /** At the end of a session: saves what this shell changed, if the user wants that. */
  async saveOnExit(): Promise<boolean> {
    if (!this.#unsaved) return true;
    try {
      if (!this.store.preferences.auto_save_on_exit) return await this.#sayUnsaved();
      this.console.say('info', 'Global pref auto_save_on_exit=true');
      await this.#save({ only: this.#own });
      return true;
    } catch (error) {
      this.console.error(messageOf(error));
      return false;
    }
  }
}

/** Lines of a plan at the end of a session; `diff` shows all. */
const CHANGES_SHOWN = 20;

const isSystemError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && typeof error.code === 'string';

/** One clear line for a mistake; our own bugs say that they are bugs. */
function messageOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof ControlError || isSystemError(error)) return error.message;
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `Internal error: ${trace}`;
}
