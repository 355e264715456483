/**
 * The commits of a configuration: who changed what, when, and how it is taken back. Plain data and
 * arithmetic; journal.ts keeps it on disk.
 */
import type { Document } from '../objects/document.ts';
import { applyEdits, withoutOverridden, type Edit } from '../objects/edits.ts';
import type { HistoryEntry } from './protocol.ts';

export interface Commit {
  /** Of the document after it: unique, one more than that of the commit before. */
  readonly revision: number;
  /** Of several that are one: revision of the first. */
  readonly first?: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly kind: HistoryEntry['kind'];
  /** What an undo or redo took back or brought back. */
  readonly of?: readonly number[];
  readonly user: string;
  readonly client: string;
  /** The command line, secrets left out. */
  readonly command: string;
  readonly edits: readonly Edit[];
  /** Leads back to the document before. */
  readonly inverse: readonly Edit[];
}

/** Begins `client` of what an initiator has changed by SET TARGET PORT GROUPS. */
export const INITIATOR_CLIENT = 'initiator ';
/**
 * Two as one: states that initiators change, nobody else in between. However often paths fail over,
 * that takes one place in the history, and is taken back as one. Undefined: they stay two.
 */
export function joined(before: Commit | undefined, next: Commit): Commit | undefined {
  if (before === undefined || !isOfInitiator(before) || !isOfInitiator(next)) return undefined;
  return {
    ...next,
    first: before.first ?? before.revision,
    edits: withoutOverridden([...before.edits, ...next.edits]),
    inverse: withoutOverridden([...next.inverse, ...before.inverse]),
  };
}

const isOfInitiator = ({ kind, client }: Commit): boolean =>
  kind === 'change' && client.startsWith(INITIATOR_CLIENT);

/** Commits kept; older ones cannot be undone. */
const MAX_COMMITS = 1000;
/** Of the commits' edits as JSON; the latest commit is kept whatever its size. */
const MAX_BYTES = 32 * 1024 * 1024;

interface Kept {
  readonly commit: Commit;
  readonly bytes: number;
}

export class History {
  /** The document before the oldest commit. */
  #base: Document;
  #baseRevision: number;
  #commits: Kept[] = [];
  #bytes = 0;
  /** Revisions that `undo` takes back next, the last one first. */
  #undoable: number[] = [];
  #redoable: number[] = [];

  constructor(base: Document, revision: number) {
    this.#base = base;
    this.#baseRevision = revision;
  }

  get base(): Document {
    return this.#base;
  }

  get baseRevision(): number {
    return this.#baseRevision;
  }

  get commits(): readonly Commit[] {
    return this.#commits.map(({ commit }) => commit);
  }

  /** Bytes that the commits take in the journal. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The document after the last commit. */
  latest(): Document {
    return this.#commits.reduce((now, { commit }) => applyEdits(now, commit.edits), this.#base);
  }

  /** `bytes`: of its line in the journal. */
  add(commit: Commit, bytes: number): void {
    const last = this.#commits.at(-1);
    const both = joined(last?.commit, commit);
    if (last === undefined || both === undefined) return this.#keep(commit, bytes);
    this.#commits.pop();
    this.#bytes -= last.bytes;
    this.#undoable.pop();
    return this.#keep(both, JSON.stringify(both).length);
  }

  #keep(commit: Commit, bytes: number): void {
    this.#commits.push({ commit, bytes });
    this.#bytes += bytes;
    this.#stack(commit);
    while (this.#commits.length > MAX_COMMITS || this.#bytes > MAX_BYTES) {
      if (this.#commits.length === 1) break;
      this.#forgetOldest();
    }
  }

  #stack(commit: Commit): void {
    const { kind, revision, of = [] } = commit;
    if (kind === 'undo') {
      this.#undoable = this.#undoable.filter((known) => !of.includes(known));
      this.#redoable.push(...of);
    } else if (kind === 'redo') {
      this.#redoable = this.#redoable.filter((known) => !of.includes(known));
      this.#undoable.push(...of);
    } else {
      this.#undoable.push(revision);
      // A failover is nobody's change of mind.
      if (!isOfInitiator(commit)) this.#redoable = [];
    }
  }

  #forgetOldest(): void {
    const oldest = this.#commits.shift();
    if (oldest === undefined) return;
    const { commit, bytes } = oldest;
    this.#base = applyEdits(this.#base, commit.edits);
    this.#baseRevision = commit.revision;
    this.#bytes -= bytes;
    const known = (revision: number) => revision > commit.revision;
    this.#undoable = this.#undoable.filter(known);
    this.#redoable = this.#redoable.filter(known);
  }

  /** The commits that an undo of `count` takes back, the latest first; fewer when there are not. */
  undoable(count: number): readonly Commit[] {
    return this.#named(this.#undoable, count);
  }

  /** The commits that a redo of `count` brings back, in their order. */
  redoable(count: number): readonly Commit[] {
    return this.#named(this.#redoable, count);
  }

  #named(stack: readonly number[], count: number): readonly Commit[] {
    const wanted = count === 0 ? [] : stack.slice(-count).reverse();
    return wanted.flatMap((revision) => this.commits.find((c) => c.revision === revision) ?? []);
  }

  /** The document before a commit that is still known. */
  before(revision: number): Document {
    const earlier = this.#commits.filter(({ commit }) => commit.revision < revision);
    return earlier.reduce((now, { commit }) => applyEdits(now, commit.edits), this.#base);
  }

  /** The latest commits, the newest last. */
  entries(limit: number): readonly HistoryEntry[] {
    const undone = new Set(this.#redoable);
    return this.commits
      .slice(-limit)
      .map(({ revision, first, time, kind, user, client, command, of }) => ({
        revision,
        ...(first !== undefined && { first }),
        time,
        kind,
        user,
        client,
        command,
        undone: undone.has(revision),
        ...(of !== undefined && { of }),
      }));
  }
}
