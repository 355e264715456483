/**
 * The document that an importer builds. Readers put in what they find, with its line; whatever the
 * validation of documents then refuses is taken out again and reported with that line, so that no
 * rule is known twice.
 */
import {
  check,
  isSecret,
  parse,
  type Attribute,
  type AttributeGroup,
} from '../../objects/attribute.ts';
import type { BackstoreKind, Document, DocumentPath } from '../../objects/document.ts';
import { sparse } from '../../objects/sparse.ts';
import { validate, type Issue } from '../../objects/validate.ts';
import { getIn } from '../../objects/document.ts';
import { isRecord } from '../../objects/equal.ts';
import { carriedLines } from './carried.ts';
import { describePlace } from './describe.ts';
import {
  refused,
  type ImportResult,
  type NotCarried,
  type SourceText,
  type Surroundings,
} from './imported.ts';

type Plain = Record<string, unknown>;

/** Where a value comes from. */
export interface Origin {
  readonly file: string;
  readonly line: number | undefined;
}

/** A value removed may leave others without meaning: a LUN its storage object, then its mapping. */
const MAX_ROUNDS = 12;

export class Draft {
  readonly around: Surroundings;
  readonly #source: SourceText;
  readonly #document: Plain = {
    backstores: { block: {}, fileio: {}, ramdisk: {} },
    iscsi: { discovery_auth: {}, targets: {} },
  };
  /** Of each file or device that has a storage object: its reference. */
  readonly references = new Map<string, string>();
  readonly #origins = new Map<string, Origin>();
  readonly #notCarried: NotCarried[] = [];
  readonly #notes: string[] = [];

  constructor(source: SourceText, around: Surroundings) {
    this.#source = source;
    this.around = around;
  }

  /** A line of the file that is imported. */
  at(line: number | undefined): Origin {
    return { file: this.#source.file, line };
  }

  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  drop(what: string, from: Origin, why: string): void {
    this.#notCarried.push({ what, ...from, why });
  }

  has(path: DocumentPath): boolean {
    return getIn(this.#document, path) !== undefined;
  }

  get(path: DocumentPath): unknown {
    return getIn(this.#document, path);
  }

  /** Puts a value, making what is missing above it. */
  put(path: DocumentPath, value: unknown, from: Origin): void {
    if (path.includes('__proto__')) {
      return this.drop(describePlace(path), from, '__proto__ is not a possible name');
    }
    let place = this.#document;
    for (const key of path.slice(0, -1)) {
      const next = Object.hasOwn(place, key) ? place[key] : undefined;
      if (isRecord(next)) place = next;
      else place = place[key] = {};
    }
    place[path.at(-1) ?? ''] = value;
    this.#origins.set(JSON.stringify(path), from);
  }

  remove(path: DocumentPath): void {
    const parent = getIn(this.#document, path.slice(0, -1));
    if (isRecord(parent)) delete (parent as Plain)[path.at(-1) ?? ''];
  }

  /**
   * A value of a declared group at `path`, as text, number or boolean; its default is left out.
   * What the declaration refuses is reported.
   */
  attribute(group: AttributeGroup, path: DocumentPath, value: unknown, from: Origin): void {
    const name = path.at(-1) ?? '';
    const attribute = Object.hasOwn(group, name) ? group[name] : undefined;
    const shown = attribute !== undefined && isSecret(attribute) ? '' : `=${shownValue(value)}`;
    const what = describePlace(path, shown);
    if (attribute === undefined) {
      return this.drop(what, from, 'this engine has no attribute of that name');
    }
    // LIO's own facts about its hardware, written down beside its settings.
    if (attribute.readonly === true) return;
    const parsed = parseValue(attribute, value);
    if (!parsed.ok) return this.drop(what, from, parsed.reason);
    if (parsed.value !== attribute.default) this.put(path, parsed.value, from);
  }

  /** A TPG with nothing in it. */
  tpg(target: string, tag: string, enabled: boolean, from: Origin): DocumentPath {
    const path = ['iscsi', 'targets', target, 'tpgs', tag];
    if (!this.has(path.slice(0, 3))) this.put(path.slice(0, 3), { tpgs: {} }, from);
    const empty = { attributes: {}, parameters: {}, auth: {}, portals: {}, luns: {}, acls: {} };
    this.put(path, { enabled, ...empty }, from);
    return path;
  }

  acl(tpg: DocumentPath, initiator: string, from: Origin): DocumentPath {
    const path = [...tpg, 'acls', initiator];
    if (!this.has(path)) this.put(path, { attributes: {}, auth: {}, mapped_luns: {} }, from);
    return path;
  }

  /** A name that no storage object of the kind has yet, made of `wanted`. */
  freeName(kind: BackstoreKind, wanted: string): string {
    const clean = wanted.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[-.]+|-+$/g, '') || 'disk';
    let name = clean;
    for (let n = 2; this.has(['backstores', kind, name]); n += 1) name = `${clean}-${n}`;
    return name;
  }

  /** What is valid of all that was put, and what is not. */
  finish(): ImportResult {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const { document, issues } = validate(this.#document);
      if (document !== undefined) {
        return { ok: true, imported: this.#imported(sparse(document)) };
      }
      for (const issue of issues) this.#repair(issue);
    }
    return refused(`${this.#source.file}: cannot be brought into a valid configuration`);
  }

  #imported(document: Document) {
    const lines = [...this.#notCarried].sort(
      (a, b) => Number(a.file > b.file) - Number(a.file < b.file) || (a.line ?? 0) - (b.line ?? 0),
    );
    return { document, carried: [...carriedLines(document), ...this.#notes], notCarried: lines };
  }

  #originOf(path: DocumentPath): Origin {
    for (let length = path.length; length > 0; length -= 1) {
      const origin = this.#origins.get(JSON.stringify(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    return this.at(undefined);
  }

  /** Takes out the smallest thing that the issue is about. */
  #repair({ path, message }: Issue): void {
    const from = this.#originOf(path);
    if (path.at(-1) === 'iser' && getIn(this.#document, path) === true) {
      this.put(path, false, from);
      return this.drop(describePlace(path), from, message.replace(/^iser: |; write false$/g, ''));
    }
    if (path[0] === 'backstores' && path.length >= 3 && /^wwn\b/.test(message)) {
      const [, kind, name = ''] = path;
      const wwn = this.around.newWwn(kind as BackstoreKind, name);
      const what = `wwn of ${kind}/${name}`;
      this.put(['backstores', kind ?? '', name, 'wwn'], wwn, from);
      return this.drop(what, from, `${message.replace(/^wwn: /, '')}: it gets a new one, ${wwn}`);
    }
    const culprit = this.#named(path, message) ?? smallest(path);
    // Two issues about one thing: it went with the first.
    if (getIn(this.#document, culprit) === undefined) return;
    this.remove(culprit);
    this.drop(describePlace(culprit), from, message);
  }

  /** Rules between values are reported at the object and begin with the value's name. */
  #named(path: DocumentPath, message: string): DocumentPath | undefined {
    const name = /^\w+/.exec(message)?.[0] ?? '';
    for (const group of ['attributes', 'parameters', 'auth']) {
      const at = [...path, group, name];
      if (getIn(this.#document, at) !== undefined) return at;
    }
    return undefined;
  }
}

/** A value as messages repeat it. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, 80);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '…';
}

function parseValue(attribute: Attribute, value: unknown) {
  if (typeof value === 'string') return parse(attribute, value);
  if (typeof value === 'boolean' && attribute.kind === 'bool') return check(attribute, value);
  if (typeof value === 'number' || typeof value === 'boolean') {
    return parse(attribute, String(Number(value)));
  }
  return { ok: false, reason: 'not a plain value' } as const;
}

const GROUPS: readonly (string | undefined)[] = ['attributes', 'parameters', 'auth'];
const COLLECTIONS: readonly (string | undefined)[] = [...GROUPS, 'luns', 'portals', 'acls'];

/** The smallest part of a document around `path` that can go without breaking the rest. */
function smallest(path: DocumentPath): DocumentPath {
  if (path[0] === 'backstores' && path[3] === 'alua') {
    return path.slice(0, path[5] === 'attributes' ? 7 : 5);
  }
  if (path[0] === 'backstores') return path.slice(0, GROUPS.includes(path[3]) ? 5 : 3);
  if (path[1] === 'discovery_auth') return path.slice(0, 3);
  if (path.length < 5) return path.slice(0, 3);
  if (!COLLECTIONS.includes(path[5])) return path.slice(0, 5);
  if (path[7] === 'tag' || path[7] === 'alua_tg_pt_gp_name') return path.slice(0, 8);
  const inAcl = path[5] === 'acls' && path.length >= 9;
  return path.slice(0, inAcl ? 9 : 7);
}
