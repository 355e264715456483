/**
 * The configuration of record: one document with its revision. Changes run one at a time; each is
 * checked whole, then applied by the engine whole, or nothing has happened.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { diff } from '../objects/diff.ts';
import { EMPTY_DOCUMENT, type Document } from '../objects/document.ts';
import { applyEdits, editsBetween } from '../objects/edits.ts';
import { ApplyError, type EnginePort } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';
import { describeIssue, validate } from '../objects/validate.ts';
import { loadFile, type Loaded } from '../saveconfig/load.ts';
import { mergeDocuments } from '../saveconfig/merge.ts';
import { saveText, type SaveFs } from '../saveconfig/save.ts';
import { toYaml } from '../saveconfig/to_yaml.ts';
import type { Log } from '../util/log.ts';
import { ConflictError, type Methods, type Notifications, type Revisioned } from './protocol.ts';

type Params<M extends keyof Methods> = Methods[M]['params'];
type Result<M extends keyof Methods> = Methods[M]['result'];
type NewFile = NonNullable<Params<'change'>['createFiles']>[number];

const BACKUPS_DEFAULT = 10;
/** Problems named in one refusal; the rest is counted. */
const MAX_ISSUES = 20;

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
}

export interface BootReport {
  /** There was a configuration file. */
  readonly found: boolean;
  /** What came back degraded, one line each. */
  readonly problems: readonly string[];
}

export class ConfigStore {
  readonly #options: ConfigStoreOptions;
  #current: Revisioned = { revision: 1, document: EMPTY_DOCUMENT };
  /** Digest of the configuration file's text as this store read or wrote it last. */
  #seen: string | undefined;
  /** Tail of the queue of changes. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConfigStoreOptions) {
    this.#options = options;
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
      const loaded = await this.#load(this.#options.file);
      if (loaded === undefined) return { found: false, problems: [] };
      this.#seen = digest(loaded.bytes);
      const problems = await this.#replace(loaded.document);
      return { found: true, problems };
    });
  }

  change({ revision, edits, createFiles = [] }: Params<'change'>): Promise<Result<'change'>> {
    return this.#alone(async () => {
      const { revision: now, document } = this.#current;
      if (revision !== now) {
        throw new ConflictError(
          `The configuration has changed meanwhile: revision ${revision} is not the current ${now}`,
        );
      }
      const wanted = applyEdits(document, edits);
      demandValid(wanted);
      const steps = diff(document, wanted);
      const made: string[] = [];
      try {
        for (const file of createFiles) await this.#createFile(file, made);
        if (steps.length > 0) await this.#options.engine.apply(steps);
      } catch (error) {
        await this.#removeFiles(made);
        throw error instanceof ApplyError
          ? new ConfigError(error.message, { cause: error })
          : error;
      }
      return this.#commit(wanted);
    });
  }

  restore({ file, clear }: Params<'restore'>): Promise<Result<'restore'>> {
    return this.#alone(async () => {
      const source = file ?? this.#options.file;
      const loaded = await this.#load(source);
      if (loaded === undefined) throw new ConfigError(`Restore file ${source} not found`);
      const { document } = this.#current;
      const wanted = clear ? loaded.document : mergeDocuments(document, loaded.document);
      demandValid(wanted);
      if (source === this.#options.file) this.#seen = digest(loaded.bytes);
      const problems = await this.#replace(wanted);
      return { revision: this.#current.revision, file: source, problems };
    });
  }

  save({ file, maxBackups = BACKUPS_DEFAULT }: Params<'save'>): Promise<Result<'save'>> {
    return this.#alone(async () => {
      const { fs } = this.#options;
      const own = this.#options.file;
      const text = toYaml(this.#current.document);
      const goal = file ?? own;
      if (goal !== own) return saveText(goal, text, fs && { fs });
      const changed = await this.#changedByOthers();
      const saved = await saveText(own, text, { maxBackups, ...(fs && { fs }) });
      this.#seen = digest(text);
      const warning = saved.warning ?? changed;
      return warning === undefined ? saved : { ...saved, warning };
    });
  }

  async #changedByOthers(): Promise<string | undefined> {
    const { file } = this.#options;
    const text = await readFile(file).catch(() => undefined);
    if (text === undefined || this.#seen === digest(text)) return undefined;
    const how = this.#seen === undefined ? 'has appeared' : 'was changed';
    return `${file} ${how} since the daemon read it and is replaced now: see its backup`;
  }

  #load(file: string): Promise<Loaded | undefined> {
    return loadFile(file, { identity: this.#options.identity });
  }

  /** Go to `wanted` in one tolerant plan; returns what is degraded. */
  async #replace(wanted: Document): Promise<readonly string[]> {
    const steps = diff(this.#current.document, wanted);
    if (steps.length === 0) return [];
    const { degraded } = await this.#options.engine.apply(steps, { tolerant: true });
    this.#commit(wanted);
    return degraded;
  }

  #commit(document: Document): { revision: number } {
    const edits = editsBetween(this.#current.document, document);
    const revision = this.#current.revision + 1;
    this.#current = { revision, document };
    this.#options.onChanged({ revision, edits });
    return { revision };
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

function digest(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

function demandValid(document: Document): void {
  const { issues } = validate(document);
  if (issues === undefined) return;
  const lines = issues.slice(0, MAX_ISSUES).map(describeIssue);
  const more = issues.length - lines.length;
  if (more > 0) lines.push(`and ${more} more problems`);
  throw new ConfigError(lines.join('\n'));
}
