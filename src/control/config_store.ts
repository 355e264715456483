/**
 * The configuration of record: one document with its revision. Changes run one at a time; each is
 * checked whole, then applied by the engine whole, or nothing has happened. A change is in the
 * journal before it is acknowledged.
 */
import { createHash } from 'node:crypto';
import * as nodeFs from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { diff } from '../objects/diff.ts';
import { EMPTY_DOCUMENT, type Document } from '../objects/document.ts';
import { applyEdits, editsBetween } from '../objects/edits.ts';
import { ApplyError, type EnginePort } from '../objects/engine_port.ts';
import { sameValue } from '../objects/equal.ts';
import { ConfigError } from '../objects/errors.ts';
import type { Step } from '../objects/plan.ts';
import { describePlan, type PlanLine } from '../objects/plan_text.ts';
import { backupsOf } from '../saveconfig/backups.ts';
import { fromYaml } from '../saveconfig/from_yaml.ts';
import { loadBackup, loadFile } from '../saveconfig/load.ts';
import { partOf, withoutSecrets } from '../saveconfig/part.ts';
import { saveText, type SaveFs } from '../saveconfig/save.ts';
import { mergeDocuments, select } from '../saveconfig/select.ts';
import { toYaml } from '../saveconfig/to_yaml.ts';
import type { Log } from '../util/log.ts';
import { History, joined, type Commit } from './history.ts';
import { Journal } from './journal.ts';
import { withOnly } from './own_changes.ts';
import { withStorageObject } from './part_save.ts';
import {
  ConflictError,
  type Changed,
  type HistoryEntry,
  type Methods,
  type Notifications,
  type Origin,
  type Revisioned,
  type Source,
  type StateReport,
} from './protocol.ts';
import { demandAll, demandFolder, demandValid, isEmpty, refusal } from './store_checks.ts';

type Params<M extends keyof Methods> = Methods[M]['params'];
type Result<M extends keyof Methods> = Methods[M]['result'];
type NewFile = NonNullable<Params<'change'>['createFiles']>[number];
type CommitKind = Pick<Commit, 'kind' | 'of'>;

const BACKUPS_DEFAULT = 10;
/** Unsaved commits that are told apart by who made them; beyond, a save takes all of them. */
const MAX_UNSAVED = 10_000;
const NOBODY: Origin = { user: '', client: '', command: '' };

export interface ConfigStoreOptions {
  readonly engine: EnginePort;
  readonly log: Log;
  /** Absolute name of the configuration file: what `save` and `restore` mean without a name. */
  readonly file: string;
  /** What sets this machine apart: storage objects written without wwn get theirs from it. */
  readonly identity: string;
  readonly onChanged: (change: Notifications['changed']) => void;
  /** Tests let single calls fail. */
  readonly fs?: SaveFs;
  /** Tests hold it still. */
  readonly now?: () => Date;
}

export interface BootReport {
  /** There was a configuration file. */
  readonly found: boolean;
  /** What came back degraded, one line each. */
  readonly problems: readonly string[];
  /** When the changes were made that ran last time and are not in the configuration file. */
  readonly lost?: string;
}

export class ConfigStore {
  readonly #options: ConfigStoreOptions;
  readonly #journal: Journal;
  #history = new History(EMPTY_DOCUMENT, 1);
  #current: Revisioned = { revision: 1, document: EMPTY_DOCUMENT };
  /** What the configuration file holds, as this store read or wrote it last. */
  #saved: Document = EMPTY_DOCUMENT;
  #savedRevision = 0;
  /** Commits that the configuration file does not hold. */
  #unsaved: Commit[] = [];
  /** Digest of the configuration file's text as this store read or wrote it last. */
  #seen: string | undefined;
  /** Tail of the queue of changes. */
  #last: Promise<unknown> = Promise.resolve();
  #compared: { readonly a: Document; readonly b: Document; readonly same: boolean } | undefined;

  constructor(options: ConfigStoreOptions) {
    this.#options = options;
    const { file, log, fs } = options;
    this.#journal = new Journal({ file, log, ...(fs && { fs }) });
  }

  get current(): Revisioned {
    return this.#current;
  }

  /** Resolves when no change, restore or save is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /**
   * Bring the saved configuration back. Objects that cannot work now come back degraded; a file
   * that cannot be understood throws, and nothing is served in its stead.
   */
  boot(): Promise<BootReport> {
    return this.#alone(async () => {
      const { file } = this.#options;
      const loaded = await loadFile(file, this.#options);
      const recovered = await this.#journal.recover();
      const document = loaded?.document ?? EMPTY_DOCUMENT;
      if (loaded !== undefined) this.#seen = digest(loaded.bytes);
      const steps = diff(EMPTY_DOCUMENT, document);
      const problems =
        steps.length === 0
          ? []
          : (await this.#options.engine.apply(steps, { tolerant: true })).degraded;
      const revision = recovered?.revision ?? (loaded === undefined ? 1 : 2);
      this.#history = recovered?.history ?? new History(document, revision);
      this.#savedRevision = recovered?.saved ?? 0;
      this.#current = { revision, document: recovered?.document ?? document };
      this.#saved = document;
      if (!sameValue(this.#current.document, document)) {
        const by = { user: '', client: 'daemon', command: `start: restored ${file}` };
        await this.#commit(document, { kind: 'start' }, by);
      } else this.#current = { revision, document };
      this.#unsaved = [];
      const lost = this.#lost();
      return { found: loaded !== undefined, problems, ...(lost && { lost: lost.time }) };
    });
  }

  change(params: Params<'change'>): Promise<Changed> {
    const { revision, edits, createFiles = [], tolerant = false, by } = params;
    return this.#alone(async () => {
      const { revision: now, document } = this.#current;
      if (revision !== now) {
        throw new ConflictError(
          `The configuration has changed meanwhile: revision ${revision} is not the current ${now}`,
        );
      }
      const wanted = applyEdits(document, edits);
      const made: string[] = [];
      let problems: readonly string[];
      try {
        problems = await this.#go(wanted, {
          tolerant,
          before: async () => {
            for (const file of createFiles) await this.#createFile(file, made);
          },
        });
      } catch (error) {
        await this.#removeFiles(made);
        throw error;
      }
      const changed = await this.#commit(wanted, { kind: 'change' }, by);
      return problems.length === 0 ? changed : { ...changed, problems };
    });
  }

  undo({ count, by }: Params<'undo'>): Promise<Result<'undo'>> {
    return this.#alone(() => {
      const commits = this.#history.undoable(count);
      demandAll('undo', commits, count);
      const edits = commits.flatMap(({ inverse }) => inverse);
      return this.#replay('undo', commits, edits, by);
    });
  }

  redo({ count, by }: Params<'redo'>): Promise<Result<'redo'>> {
    return this.#alone(() => {
      const commits = this.#history.redoable(count);
      demandAll('redo', commits, count);
      const edits = commits.flatMap((commit) => commit.edits);
      return this.#replay('redo', commits, edits, by);
    });
  }

  history(limit: number): readonly HistoryEntry[] {
    return this.#history.entries(limit);
  }

  state(): StateReport {
    const { revision } = this.#current;
    const { problem } = this.#journal;
    const lost = this.#lost();
    return {
      revision,
      unsaved: this.#differsFromSaved(),
      ...(lost !== undefined && { lost: { time: lost.time } }),
      ...(problem !== undefined && { journalProblem: problem }),
    };
  }

  restore(params: Params<'restore'>): Promise<Result<'restore'>> {
    return this.#alone(async () => {
      const { clear, target, storageObject, dryRun = false, by } = params;
      const source = await this.#source(params);
      const part = target !== undefined || storageObject !== undefined;
      const chosen = select(
        source.document,
        {
          ...(target !== undefined && { target }),
          ...(storageObject !== undefined && { storageObject }),
        },
        source.file,
      );
      const { document, revision } = this.#current;
      const wanted = clear && !part ? chosen : mergeDocuments(document, chosen, clear);
      demandValid(wanted);
      const steps = diff(document, wanted);
      const changes = await this.#describe(steps);
      const { file } = source;
      if (dryRun) return { revision, file, problems: [], changes };
      if (source.digest !== undefined) this.#seen = source.digest;
      if (steps.length === 0) return { revision, file, problems: [], changes };
      const { degraded } = await this.#options.engine.apply(steps, { tolerant: true });
      const kind: CommitKind = { kind: 'restore', ...(source.of && { of: [source.of] }) };
      return { ...(await this.#commit(wanted, kind, by)), file, problems: degraded, changes };
    });
  }

  /** See the protocol: without a source, what a save would change. */
  compare(params: Source): Promise<Result<'compare'>> {
    return this.#alone(async () => {
      const { document } = this.#current;
      const { file } = this.#options;
      if (Object.keys(params).length === 0) {
        return { file, changes: describePlan(diff(this.#saved, document)) };
      }
      const source = await this.#source(params);
      const changes = await this.#describe(diff(document, source.document));
      return { file: source.file, changes };
    });
  }

  read({ text, name, prune, base }: Params<'read'>): Result<'read'> {
    const { revision, document } = this.#current;
    if (base !== undefined) demandValid(base);
    const known = base ?? document;
    const { identity } = this.#options;
    const wanted = fromYaml(text, name, { identity, over: { document: known, prune } });
    return { revision, edits: editsBetween(known, wanted) };
  }

  render({ paths, secrets, base }: Params<'render'>): Result<'render'> {
    if (base !== undefined) demandValid(base);
    const part = partOf(base ?? this.#current.document, paths);
    return { text: toYaml(secrets ? part : withoutSecrets(part)) };
  }

  backups(): Promise<Result<'backups'>> {
    return backupsOf(this.#options.fs ?? nodeFs, this.#options.file);
  }

  save(params: Params<'save'>) {
    const { file, maxBackups = BACKUPS_DEFAULT, force = false, only } = params;
    return this.#alone(async (): Promise<Result<'save'>> => {
      const own = this.#options.file;
      const goal = file ?? own;
      const { fs } = this.#options;
      const { document, revision } = this.#current;
      const { storageObject } = params;
      if (goal !== own) {
        await demandFolder(goal);
        const whole =
          storageObject === undefined ? document : await this.#withObject(goal, storageObject);
        if (!force && !storageObject) await this.#guardEmpty(whole, goal);
        return { ...(await saveText(goal, toYaml(whole), fs && { fs })), changes: [] };
      }
      const mine =
        storageObject !== undefined
          ? await this.#withObject(own, storageObject)
          : only === undefined
            ? document
            : this.#onlyMine(new Set(only));
      const saving = mine ?? document;
      if (!force && !storageObject) await this.#guardEmpty(saving, own);
      const text = toYaml(saving);
      const touched = await this.#changedByOthers();
      const changes = describePlan(diff(this.#saved, saving));
      const saved = await saveText(own, text, { maxBackups, ...(fs && { fs }) });
      this.#seen = digest(text);
      this.#saved = saving;
      this.#unsaved =
        saving === document ? [] : this.#unsaved.filter((c) => only?.includes(c.revision) !== true);
      if (saving === document) {
        this.#savedRevision = revision;
        await this.#journal.markSaved(this.#history, revision);
      }
      const part = saving === document || storageObject !== undefined;
      const others = mine === undefined ? INSEPARABLE : part ? undefined : LEFT_OUT;
      const warning = saved.warning ?? touched ?? others;
      return { ...saved, changes, ...(warning !== undefined && { warning }) };
    });
  }

  /** What the file holds, with one storage object as it is now. */
  async #withObject(goal: string, reference: string): Promise<Document> {
    const own = goal === this.#options.file;
    const there = own ? undefined : await loadFile(goal, this.#options);
    const base = own ? this.#saved : (there?.document ?? EMPTY_DOCUMENT);
    const wanted = withStorageObject(base, this.#current.document, reference);
    demandValid(wanted);
    return sameValue(wanted, this.#current.document) ? this.#current.document : wanted;
  }

  /** What to save of these commits alone; undefined when they cannot be told from the others. */
  #onlyMine(only: ReadonlySet<number>): Document | undefined {
    if (this.#unsaved.every(({ revision }) => only.has(revision))) return this.#current.document;
    if (this.#unsaved.length >= MAX_UNSAVED) return undefined;
    return withOnly(this.#saved, this.#unsaved, only);
  }

  /** An empty configuration over one that is not is a mistake more often than not. */
  async #guardEmpty(document: Document, goal: string): Promise<void> {
    if (!isEmpty(document)) return;
    const there = await loadFile(goal, this.#options).catch(() => 'unreadable' as const);
    if (there === undefined || (there !== 'unreadable' && isEmpty(there.document))) return;
    throw new ConfigError(
      `Not saved: the configuration is empty, and ${goal} is not: force=true replaces it`,
    );
  }

  async #changedByOthers(): Promise<string | undefined> {
    const { file } = this.#options;
    const text = await readFile(file).catch(() => undefined);
    if (text === undefined || this.#seen === digest(text)) return undefined;
    const how = this.#seen === undefined ? 'has appeared' : 'was changed';
    return `${file} ${how} since the daemon read it and is replaced now: see its backup`;
  }

  async #source({ file, backup, last }: Source): Promise<Found> {
    const own = this.#options.file;
    if (last === true) {
      const start = this.#history.commits.findLast(({ kind }) => kind === 'start');
      if (start === undefined) {
        throw new ConfigError('Nothing to bring back: no start of the daemon lost changes');
      }
      const document = this.#history.before(start.revision);
      return { file: 'the last run', document, of: start.revision };
    }
    if (backup !== undefined) return loadBackup(own, backup, this.#options);
    const goal = file ?? own;
    const loaded = await loadFile(goal, this.#options);
    if (loaded === undefined) throw new ConfigError(`Restore file ${goal} not found`);
    const seen = goal === own ? { digest: digest(loaded.bytes) } : {};
    return { file: goal, document: loaded.document, ...seen };
  }

  /** The last change that a start left behind, until it is saved over or brought back. */
  #lost(): Commit | undefined {
    const { commits } = this.#history;
    const at = commits.findLastIndex(({ kind }) => kind === 'start');
    const start = commits[at];
    if (start === undefined || this.#savedRevision >= start.revision) return undefined;
    const back = commits.slice(at + 1).some(({ of }) => of?.includes(start.revision));
    return back ? undefined : (commits[at - 1] ?? start);
  }

  #differsFromSaved(): boolean {
    const { document } = this.#current;
    const known = this.#compared;
    if (known?.a === document && known.b === this.#saved) return !known.same;
    const same = sameValue(document, this.#saved);
    this.#compared = { a: document, b: this.#saved, same };
    return !same;
  }

  async #describe(steps: readonly Step[]): Promise<readonly PlanLine[]> {
    if (steps.length === 0) return [];
    return describePlan(steps, await this.#options.engine.runtime());
  }

  async #replay(
    kind: 'undo' | 'redo',
    commits: readonly Commit[],
    edits: Commit['edits'],
    by: Origin | undefined,
  ) {
    const of = commits.map(({ revision }) => revision);
    const told = this.#history.entries(Infinity).filter((entry) => of.includes(entry.revision));
    const wanted = applyEdits(this.#current.document, edits);
    await this.#go(wanted);
    const changed = await this.#commit(wanted, { kind, of }, by);
    return { ...changed, of: told };
  }

  /**
   * Let the engine go from the current document to `wanted`, or refuse with nothing changed.
   * Resolves with what is degraded, where that is tolerated.
   */
  async #go(
    wanted: Document,
    { tolerant = false, before = async () => {} }: Going = {},
  ): Promise<readonly string[]> {
    demandValid(wanted);
    const steps = diff(this.#current.document, wanted);
    await before();
    if (steps.length === 0) return [];
    try {
      return (await this.#options.engine.apply(steps, { tolerant })).degraded;
    } catch (error) {
      throw error instanceof ApplyError ? refusal(error, steps) : error;
    }
  }

  async #commit(
    document: Document,
    { kind, of }: CommitKind,
    by: Origin = NOBODY,
  ): Promise<Changed> {
    const edits = editsBetween(this.#current.document, document);
    const inverse = editsBetween(document, this.#current.document);
    const revision = this.#current.revision + 1;
    const time = (this.#options.now?.() ?? new Date()).toISOString();
    const { user, client, command } = by;
    const commit: Commit = {
      ...{ revision, time, kind, ...(of && { of }) },
      ...{ user, client, command, edits, inverse },
    };
    await this.#journal.append(this.#history, commit);
    this.#current = { revision, document };
    const both = joined(this.#unsaved.at(-1), commit);
    if (both !== undefined) this.#unsaved.splice(-1, 1, both);
    else if (this.#unsaved.length < MAX_UNSAVED) this.#unsaved.push(commit);
    this.#options.onChanged({ revision, edits });
    const { problem } = this.#journal;
    if (problem === undefined) return { revision };
    return { revision, warning: `The change holds, but is not in the journal: ${problem}` };
  }

  async #createFile({ path, size, sparse }: NewFile, made: string[]): Promise<void> {
    try {
      await this.#options.engine.createFile(path, size, sparse);
      made.push(path);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      const message = cause.includes(path) ? cause : `Cannot create ${path}: ${cause}`;
      throw new ConfigError(message, { cause: error });
    }
  }

  async #removeFiles(made: readonly string[]): Promise<void> {
    for (const path of made) {
      try {
        await this.#options.engine.removeFile(path);
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        this.#options.log.warn('the file of a refused change stays', { path, cause });
      }
    }
  }

  #alone<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }
}

interface Going {
  readonly tolerant?: boolean;
  /** Runs once the wanted document is known to be valid. */
  readonly before?: () => Promise<void>;
}

/** A configuration to compare with or go to. */
interface Found {
  /** As messages name it. */
  readonly file: string;
  readonly document: Document;
  /** The start of the daemon that left it behind. */
  readonly of?: number;
  /** Of the text of the configuration file. */
  readonly digest?: string;
}

const LEFT_OUT = 'Changes of other shells are still unsaved: saveconfig saves them, too';
const INSEPARABLE = 'Changes of other shells were saved, too: yours could not be told apart';

function digest(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
