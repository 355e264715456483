/** Changes that are staged in this shell until `commit`: a candidate of the configuration. */
import type { Revisioned } from '../control/protocol.ts';
import type { Document } from '../objects/document.ts';
import { sameValue } from '../objects/equal.ts';
import { ConfigError } from '../objects/errors.ts';
import type { CommandOutcome } from '../objects/node.ts';
import { rebase, type Collision } from '../objects/rebase.ts';

export type NewFiles = NonNullable<CommandOutcome['createFiles']>;

type Staging = Pick<CommandOutcome, 'createFiles' | 'tolerant'>;

interface Staged {
  readonly document: Document;
  readonly createFiles: NewFiles;
  readonly tolerant: boolean;
  /** The command line, secrets left out. */
  readonly command: string;
}

/** Lines of collisions shown; the rest is counted. */
const COLLISIONS_SHOWN = 20;
const VALUE_WIDTH = 60;

export class Transaction {
  readonly base: Revisioned;
  #staged: readonly Staged[] = [];
  /** What `undo` took back, the next to come back last. */
  #undone: Staged[] = [];

  constructor(base: Revisioned) {
    this.base = base;
  }

  get document(): Document {
    return this.#staged.at(-1)?.document ?? this.base.document;
  }

  /** Commands staged. */
  get count(): number {
    return this.#staged.length;
  }

  get commands(): readonly string[] {
    return this.#staged.map(({ command }) => command);
  }

  /** Files to be made, of the fileio objects that are still wanted. */
  createFiles(document: Document): NewFiles {
    const paths = new Set(Object.values(document.backstores.fileio).map(({ path }) => path));
    const wanted = this.#staged.flatMap(({ createFiles }) => createFiles);
    const byPath = new Map(wanted.map((file) => [file.path, file] as const));
    return [...byPath.values()].filter(({ path }) => paths.has(path));
  }

  /** The candidate differs from what it began with. */
  get changed(): boolean {
    return this.count > 0 && !sameValue(this.document, this.base.document);
  }

  /** One of the commands staged brings what may come degraded. */
  get tolerant(): boolean {
    return this.#staged.some(({ tolerant }) => tolerant);
  }

  stage(document: Document, { createFiles = [], tolerant }: Staging, command: string): void {
    const staged = { document, createFiles, tolerant: tolerant === true, command };
    this.#staged = [...this.#staged, staged];
    this.#undone = [];
  }

  /** The commands taken back, the latest first. */
  undo(count: number): readonly string[] {
    if (this.count === 0) throw new ConfigError('Nothing is staged: there is nothing to undo');
    if (count > this.count) throw new ConfigError(`Only ${this.count} commands are staged`);
    const taken = this.#staged.slice(-count).reverse();
    this.#staged = this.#staged.slice(0, -count);
    this.#undone.push(...taken);
    return taken.map(({ command }) => command);
  }

  redo(count: number): readonly string[] {
    const waiting = this.#undone.length;
    if (waiting === 0) throw new ConfigError('Nothing to redo');
    if (count > waiting) throw new ConfigError(`Only ${waiting} commands can be redone`);
    const back = this.#undone.splice(-count).reverse();
    this.#staged = [...this.#staged, ...back];
    return back.map(({ command }) => command);
  }

  /** The candidate on top of what runs now. Throws ConfigError with both sides on a collision. */
  onto(now: Revisioned): Document {
    const rebased = rebase(this.base.document, this.document, now.document);
    if (rebased.document !== undefined) return rebased.document;
    const lines = [...rebased.collisions.map(collisionText), ...rebased.problems];
    const more = lines.length - COLLISIONS_SHOWN;
    throw new ConfigError(
      [
        'Not committed: the configuration was changed meanwhile, and both do not go together',
        ...lines.slice(0, COLLISIONS_SHOWN),
        ...(more > 0 ? [`and ${more} more`] : []),
        'rollback discards what is staged here; history shows who changed what',
      ].join('\n'),
    );
  }
}

/** A value of the document on one line; what may hold a secret is starred out. */
function valueText(value: unknown): string {
  if (value === undefined) return '(removed)';
  const hide = (key: string, v: unknown) => (/password/i.test(key) && v !== '' ? '********' : v);
  const text = JSON.stringify(value, hide);
  return text.length > VALUE_WIDTH ? `${text.slice(0, VALUE_WIDTH)}…` : text;
}

function collisionText({ path, mine, theirs }: Collision): string {
  const secret = /password/i.test(path.at(-1) ?? '');
  const shown = (value: unknown) => (secret && value !== undefined ? '********' : valueText(value));
  return `  ${path.join(' ')}: staged here ${shown(mine)}, running now ${shown(theirs)}`;
}
