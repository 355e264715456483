/**
 * The journal: every commit on stable storage before it is acknowledged, so that a crash loses no
 * configuration. A file of lines, each a checksum and JSON: first a document, then the commits
 * since. A line that was cut short by a crash was never acknowledged and is left out.
 */
import { constants } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Document } from '../objects/document.ts';
import { isRecord } from '../objects/equal.ts';
import { validate } from '../objects/validate.ts';
import { syncFolder, writeDurably, type SaveFs } from '../saveconfig/save.ts';
import { crc32c } from '../util/crc32c.ts';
import type { Log } from '../util/log.ts';
import { History, type Commit } from './history.ts';

const VERSION = 1;
const FOLDER_MODE = 0o700;
/** Lines of forgotten commits are left in the file until it has grown by so much. */
const SLACK_BYTES = 8 * 1024 * 1024;

/** The configuration file was written when the document had that revision. */
interface SavedMark {
  readonly saved: number;
}

export interface JournalOptions {
  /** The configuration file; the journal stands beside it. */
  readonly file: string;
  readonly log: Log;
  readonly fs?: SaveFs;
}

export interface Recovered {
  readonly history: History;
  readonly revision: number;
  /** The document after the last commit. */
  readonly document: Document;
  /** Revision of the last save to the configuration file; 0: none is known. */
  readonly saved: number;
}

function lineOf(value: unknown): string {
  const json = JSON.stringify(value);
  return `${crc32c(Buffer.from(json)).toString(16).padStart(8, '0')} ${json}\n`;
}

/** The value of a line, or undefined when its checksum is wrong. */
function valueOf(line: string): unknown {
  const json = line.slice(9);
  const sum = crc32c(Buffer.from(json)).toString(16).padStart(8, '0');
  if (line.slice(0, 9) !== `${sum} `) return undefined;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

export class Journal {
  readonly file: string;
  readonly #log: Log;
  readonly #fs: SaveFs;
  /** Bytes of the file as it stands; undefined: it must be written anew. */
  #size: number | undefined;
  #saved = 0;
  /** Why the last write failed. */
  problem: string | undefined;

  constructor({ file, log, fs = nodeFs }: JournalOptions) {
    this.file = `${file}.journal`;
    this.#log = log;
    this.#fs = fs;
  }

  /** What was recorded; undefined when there is no journal or its beginning is damaged. */
  async recover(): Promise<Recovered | undefined> {
    let text: string;
    try {
      text = await this.#fs.readFile(this.file, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') this.#log.warn('the journal cannot be read', { error: message });
      return undefined;
    }
    const lines = text.split('\n');
    // What follows the last newline was never acknowledged.
    const torn = lines.pop() !== '';
    const recovered = this.#replay(lines);
    if (recovered === undefined || recovered.used < lines.length) await this.#setAside();
    else if (!torn) this.#size = Buffer.byteLength(text);
    return recovered;
  }

  #replay(lines: readonly string[]): (Recovered & { used: number }) | undefined {
    const [first = '', ...rest] = lines;
    const head = valueOf(first);
    if (!isRecord(head) || head['journal'] !== VERSION) return undefined;
    const base = validate(head['document']).document;
    const start = head['revision'];
    if (base === undefined || typeof start !== 'number') return undefined;
    const history = new History(base, start);
    let revision = start;
    let used = 1;
    for (const line of rest) {
      const value = valueOf(line);
      if (!isRecord(value)) break;
      if (typeof value['saved'] === 'number') this.#saved = value['saved'];
      else {
        const commit = value as unknown as Commit;
        if ((commit.first ?? commit.revision) !== revision + 1) break;
        history.add(commit, line.length + 1);
        revision = commit.revision;
      }
      used += 1;
    }
    if (typeof head['saved'] === 'number') this.#saved = Math.max(this.#saved, head['saved']);
    return { history, revision, document: history.latest(), saved: this.#saved, used };
  }

  /** A damaged journal is kept for whoever wants to look into it, and replaced. */
  async #setAside(): Promise<void> {
    const damaged = `${this.file}.damaged`;
    this.#log.warn('the journal is damaged: what can be read of it is used', { kept: damaged });
    await this.#fs.rename(this.file, damaged).catch(() => {});
  }

  /**
   * The commit is on stable storage when this resolves; `history` holds it then. Never rejects:
   * the change has been done, so what hinders the journal is told in `problem`.
   */
  async append(history: History, commit: Commit): Promise<void> {
    const line = lineOf(commit);
    history.add(commit, line.length);
    await this.#record(history, line);
  }

  /** The configuration file holds the document of that revision now. */
  async markSaved(history: History, revision: number): Promise<void> {
    this.#saved = revision;
    // Without a journal there is nothing that the mark could tell apart.
    if (this.#size !== undefined) await this.#record(history, lineOf({ saved: revision }));
  }

  async #record(history: History, line: string): Promise<void> {
    try {
      const full = (this.#size ?? 0) > history.bytes + SLACK_BYTES * 2;
      if (this.#size === undefined || full) await this.#rewrite(history);
      else await this.#extend(history, line);
      this.problem = undefined;
    } catch (error) {
      this.#size = undefined;
      const { message } = error as Error;
      if (this.problem === undefined) this.#log.warn('the journal is not written', { message });
      this.problem = message;
    }
  }

  async #extend(history: History, line: string): Promise<void> {
    const { O_APPEND, O_NOFOLLOW, O_WRONLY } = constants;
    const opened = await this.#fs
      .open(this.file, O_APPEND | O_NOFOLLOW | O_WRONLY)
      .catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
    // Somebody removed it: all of it is written again.
    if (opened === undefined) return this.#rewrite(history);
    try {
      await opened.writeFile(line);
      await opened.datasync();
    } finally {
      await opened.close();
    }
    this.#size = (this.#size ?? 0) + line.length;
  }

  async #rewrite(history: History): Promise<void> {
    const { base, baseRevision, commits } = history;
    const head: SavedMark & Record<string, unknown> = {
      journal: VERSION,
      revision: baseRevision,
      saved: this.#saved,
      document: base,
    };
    const text = [head, ...commits].map(lineOf).join('');
    const folder = dirname(this.file);
    await this.#fs.mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const temporary = join(folder, `.${basename(this.file)}.tmp`);
    await this.#fs.unlink(temporary).catch(() => {});
    await writeDurably(this.#fs, temporary, text);
    await this.#fs.rename(temporary, this.file);
    await syncFolder(this.#fs, folder);
    this.#size = Buffer.byteLength(text);
  }
}
