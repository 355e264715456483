/**
 * From two documents to the ordered steps between them. What both share by reference costs nothing,
 * so one change among 10,000 LUNs is found in the time of listing one collection.
 *
 * The order: deletions from the leaves up, creations and changes in the order of `STEP_SUBJECTS`,
 * and storage objects deleted last, because a ramdisk's data does not come back when a later step
 * is refused. Where old and new would collide (one file, one wwn), the old one goes first.
 */
import {
  own,
  type BackstoreKind,
  type Document,
  type DocumentPath,
  type MappedLun,
  type StorageObject,
  type TpgLun,
} from './document.ts';
import { isRecord, sameValue } from './equal.ts';
import { STEP_SUBJECTS, type Step, type StepSubject } from './plan.ts';
import { backingOf, wwnIdentity } from './rules.ts';

type Plain = Readonly<Record<string, unknown>>;

/** One level of the tree of objects: its subject and its child collections. */
interface Level {
  readonly subject: StepSubject;
  readonly children: Readonly<Record<string, Level>>;
}
const LUN: Level = { subject: 'lun', children: {} };
const PORTAL: Level = { subject: 'portal', children: {} };
const MAPPED_LUN: Level = { subject: 'mapped_lun', children: {} };
const NODE_ACL: Level = { subject: 'node_acl', children: { mapped_luns: MAPPED_LUN } };
const TPG: Level = { subject: 'tpg', children: { luns: LUN, acls: NODE_ACL, portals: PORTAL } };
const TARGET: Level = { subject: 'target', children: { tpgs: TPG } };

const BACKSTORE_KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];
const NOTHING: ReadonlySet<string> = new Set();

/** Steps by subject; put into order at the end. */
class Steps {
  readonly deletions = new Map<StepSubject, Step[]>(STEP_SUBJECTS.map((s) => [s, []]));
  readonly makings = new Map<StepSubject, Step[]>(STEP_SUBJECTS.map((s) => [s, []]));
  readonly lateDeletions: Step[] = [];

  delete(subject: StepSubject, path: DocumentPath, before: unknown): void {
    this.deletions.get(subject)?.push({ subject, path, before });
  }

  create(subject: StepSubject, path: DocumentPath, after: unknown): void {
    this.makings.get(subject)?.push({ subject, path, after });
  }

  change(subject: StepSubject, path: DocumentPath, before: unknown, after: unknown): void {
    this.makings.get(subject)?.push({ subject, path, before, after });
  }

  inOrder(): readonly Step[] {
    const up = [...STEP_SUBJECTS].reverse().flatMap((s) => this.deletions.get(s) ?? []);
    const down = STEP_SUBJECTS.flatMap((s) => this.makings.get(s) ?? []);
    return [...up, ...down, ...this.lateDeletions];
  }
}

/** The object's value with its child collections emptied. */
function bare(level: Level, value: unknown): unknown {
  const names = Object.keys(level.children);
  if (names.length === 0) return value;
  const copy: Record<string, unknown> = { ...(value as Plain) };
  for (const name of names) copy[name] = {};
  return copy;
}

const collection = (value: unknown, name: string): Plain => {
  const found = isRecord(value) ? value[name] : undefined;
  return isRecord(found) ? found : {};
};

/** Is the object another one under the same key, so that a change in place is not possible? */
type Replaced = (before: unknown, after: unknown) => boolean;

class Walk {
  readonly steps: Steps;
  /** Storage objects that are deleted and made anew: every LUN on them must be, too. */
  readonly replacedObjects: ReadonlySet<string>;

  constructor(steps: Steps, replacedObjects: ReadonlySet<string>) {
    this.steps = steps;
    this.replacedObjects = replacedObjects;
  }

  create(level: Level, path: DocumentPath, after: unknown): void {
    this.steps.create(level.subject, path, bare(level, after));
    for (const [name, child] of Object.entries(level.children)) {
      for (const [key, value] of Object.entries(collection(after, name))) {
        this.create(child, [...path, name, key], value);
      }
    }
  }

  delete(level: Level, path: DocumentPath, before: unknown): void {
    this.steps.delete(level.subject, path, bare(level, before));
    for (const [name, child] of Object.entries(level.children)) {
      for (const [key, value] of Object.entries(collection(before, name))) {
        this.delete(child, [...path, name, key], value);
      }
    }
  }

  /** The keys of both collections; `changed` gets those that both have and that differ. */
  private compare(
    level: Level,
    path: DocumentPath,
    before: Plain,
    after: Plain,
    changed: (key: string, before: unknown, after: unknown) => void,
    always: boolean,
  ): void {
    if (before === after && !always) return;
    for (const key of Object.keys(before)) {
      if (!Object.hasOwn(after, key)) this.delete(level, [...path, key], before[key]);
    }
    for (const key of Object.keys(after)) {
      if (!Object.hasOwn(before, key)) this.create(level, [...path, key], after[key]);
      else if (always || before[key] !== after[key]) changed(key, before[key], after[key]);
    }
  }

  /** An object's own value, without its children. */
  private own(level: Level, path: DocumentPath, before: unknown, after: unknown): void {
    if (before === after) return;
    const was = bare(level, before);
    const is = bare(level, after);
    if (!sameValue(was, is)) this.steps.change(level.subject, path, was, is);
  }

  /** Leaves that cannot be changed in place where `replaced` says so. Returns the keys replaced. */
  private leaves(
    level: Level,
    path: DocumentPath,
    before: Plain,
    after: Plain,
    replaced: Replaced,
    always: boolean,
  ): ReadonlySet<string> {
    const gone = new Set<string>();
    const changed = (key: string, was: unknown, is: unknown): void => {
      if (!replaced(was, is)) return this.own(level, [...path, key], was, is);
      gone.add(key);
      this.steps.delete(level.subject, [...path, key], was);
      this.steps.create(level.subject, [...path, key], is);
    };
    this.compare(level, path, before, after, changed, always);
    if (before !== after) {
      for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) gone.add(key);
    }
    return gone;
  }

  targets(path: DocumentPath, before: Plain, after: Plain): void {
    const always = this.replacedObjects.size > 0;
    const target = (name: string, was: unknown, is: unknown): void => {
      const at = [...path, name, 'tpgs'];
      this.own(TARGET, [...path, name], was, is);
      const tpg = (tag: string, a: unknown, b: unknown) => this.tpg([...at, tag], a, b);
      this.compare(TPG, at, collection(was, 'tpgs'), collection(is, 'tpgs'), tpg, always);
    };
    this.compare(TARGET, path, before, after, target, always);
  }

  private tpg(path: DocumentPath, before: unknown, after: unknown): void {
    this.own(TPG, path, before, after);
    const [luns, lunsAfter] = [collection(before, 'luns'), collection(after, 'luns')];
    const otherDisk: Replaced = (was, is) => {
      const disk = (is as TpgLun).storage_object;
      return (was as TpgLun).storage_object !== disk || this.replacedObjects.has(disk);
    };
    const always = this.replacedObjects.size > 0;
    const gone = this.leaves(LUN, [...path, 'luns'], luns, lunsAfter, otherDisk, always);
    this.acls([...path, 'acls'], collection(before, 'acls'), collection(after, 'acls'), gone);
    const [portals, portalsAfter] = [collection(before, 'portals'), collection(after, 'portals')];
    this.leaves(PORTAL, [...path, 'portals'], portals, portalsAfter, () => false, false);
  }

  /** A mapped LUN on a LUN that goes away must go first, even if it comes back. */
  private acls(path: DocumentPath, before: Plain, after: Plain, gone: ReadonlySet<string>): void {
    const replaced: Replaced = (was) => gone.has(String((was as MappedLun).lun));
    const acl = (name: string, was: unknown, is: unknown): void => {
      this.own(NODE_ACL, [...path, name], was, is);
      const at = [...path, name, 'mapped_luns'];
      const [maps, mapsAfter] = [collection(was, 'mapped_luns'), collection(is, 'mapped_luns')];
      this.leaves(MAPPED_LUN, at, maps, mapsAfter, replaced, gone.size > 0);
    };
    this.compare(NODE_ACL, path, before, after, acl, gone.size > 0);
  }
}

interface Objects {
  readonly deleted: Map<string, StorageObject>;
  readonly created: Map<string, StorageObject>;
  readonly changed: Map<string, readonly [StorageObject, StorageObject]>;
}

/** Another medium or identity under the same name. */
function otherObject(was: StorageObject, is: StorageObject): boolean {
  return (
    backingOf(was) !== backingOf(is) ||
    was.wwn !== is.wwn ||
    ('nullio' in was && 'nullio' in is && was.nullio !== is.nullio)
  );
}

function compareObjects(now: Document, wanted: Document): Objects {
  const objects: Objects = { deleted: new Map(), created: new Map(), changed: new Map() };
  for (const kind of BACKSTORE_KINDS) {
    const before: Readonly<Record<string, StorageObject>> = now.backstores[kind];
    const after: Readonly<Record<string, StorageObject>> = wanted.backstores[kind];
    if (before === after) continue;
    for (const name of Object.keys(before)) {
      const was = own(before, name);
      const is = own(after, name);
      if (was === is || was === undefined) continue;
      const reference = `${kind}/${name}`;
      if (is === undefined) objects.deleted.set(reference, was);
      else if (sameValue(was, is)) continue;
      else if (otherObject(was, is)) {
        objects.deleted.set(reference, was);
        objects.created.set(reference, is);
      } else objects.changed.set(reference, [was, is]);
    }
    for (const name of Object.keys(after)) {
      const is = Object.hasOwn(before, name) ? undefined : after[name];
      if (is !== undefined) objects.created.set(`${kind}/${name}`, is);
    }
  }
  return objects;
}

function objectPath(reference: string): DocumentPath {
  const slash = reference.indexOf('/');
  return ['backstores', reference.slice(0, slash), reference.slice(slash + 1)];
}

function objectSteps(steps: Steps, { deleted, created, changed }: Objects): void {
  const newBackings = new Set([...created.values()].map(backingOf));
  const newIdentities = new Set([...created.values()].map(({ wwn }) => wwnIdentity(wwn)));
  for (const [reference, was] of deleted) {
    const path = objectPath(reference);
    const backing = backingOf(was);
    const collides =
      created.has(reference) ||
      (backing !== undefined && newBackings.has(backing)) ||
      newIdentities.has(wwnIdentity(was.wwn));
    if (collides) steps.delete('storage_object', path, was);
    else steps.lateDeletions.push({ subject: 'storage_object', path, before: was });
  }
  for (const [reference, is] of created) steps.create('storage_object', objectPath(reference), is);
  for (const [reference, [was, is]] of changed) {
    steps.change('storage_object', objectPath(reference), was, is);
  }
}

/** The ordered steps that turn `now` into `wanted`. Both are valid documents. */
export function diff(now: Document, wanted: Document): readonly Step[] {
  if (now === wanted) return [];
  const steps = new Steps();
  const objects = compareObjects(now, wanted);
  objectSteps(steps, objects);
  const auth = [now.iscsi.discovery_auth, wanted.iscsi.discovery_auth] as const;
  if (!sameValue(...auth)) {
    steps.change('discovery_auth', ['iscsi', 'discovery_auth'], ...auth);
  }
  const replaced = [...objects.created.keys()].filter((name) => objects.deleted.has(name));
  const walk = new Walk(steps, replaced.length === 0 ? NOTHING : new Set(replaced));
  walk.targets(['iscsi', 'targets'], now.iscsi.targets, wanted.iscsi.targets);
  return steps.inOrder();
}
