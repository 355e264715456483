/** Part of a saved configuration with what it needs, and adding it to the running one. */
import {
  joinDocuments,
  EMPTY_DOCUMENT,
  storageObjectOf,
  type BackstoreKind,
  type Document,
  type StorageObject,
} from '../objects/document.ts';
import { ConfigError } from '../objects/errors.ts';
import { sameValue } from '../objects/equal.ts';
import { nameKey } from '../objects/names.ts';
import { storageObjects } from '../objects/rules.ts';

const KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];

export interface Selection {
  readonly target?: string;
  /** `disk1` or `fileio/disk1`. */
  readonly storageObject?: string;
}

function withStorageObject(document: Document, from: Document, reference: string): Document {
  const object = storageObjectOf(from, reference);
  if (object === undefined) return document;
  const slash = reference.indexOf('/');
  const kind = reference.slice(0, slash) as BackstoreKind;
  const objects: Readonly<Record<string, StorageObject>> = document.backstores[kind];
  const named = { ...objects, [reference.slice(slash + 1)]: object };
  return { ...document, backstores: { ...document.backstores, [kind]: named } };
}

/** The chosen objects of a file with the storage objects that they need; all without a choice. */
export function select(from: Document, { target, storageObject }: Selection, file: string) {
  if (target === undefined && storageObject === undefined) return from;
  let chosen = EMPTY_DOCUMENT;
  if (storageObject !== undefined) {
    const wanted = storageObject.replace(/^\/?(backstores\/)?/, '');
    const all = [...storageObjects(from)].map(([reference]) => reference);
    const found = all.filter((r) => r === wanted || r.slice(r.indexOf('/') + 1) === wanted);
    if (found.length === 0) throw new ConfigError(`${file} holds no storage object ${wanted}`);
    if (found.length > 1) {
      throw new ConfigError(`${wanted} is ambiguous in ${file}: name ${found.join(' or ')}`);
    }
    for (const reference of found) chosen = withStorageObject(chosen, from, reference);
  }
  if (target !== undefined) {
    const name = nameKey(target);
    const found = Object.hasOwn(from.iscsi.targets, name) ? from.iscsi.targets[name] : undefined;
    if (found === undefined) throw new ConfigError(`${file} holds no target ${target}`);
    for (const tpg of Object.values(found.tpgs)) {
      for (const lun of Object.values(tpg.luns)) {
        chosen = withStorageObject(chosen, from, lun.storage_object);
      }
    }
    chosen = { ...chosen, iscsi: { ...chosen.iscsi, targets: { [name]: found } } };
  }
  return chosen;
}

/**
 * `added` beside what exists. What both have alike stays; what differs is replaced with `replace`,
 * otherwise it throws a ConfigError in targetcli's words.
 */
export function mergeDocuments(current: Document, added: Document, replace = false): Document {
  for (const kind of KINDS) {
    const now: Readonly<Record<string, StorageObject>> = current.backstores[kind];
    for (const [name, object] of Object.entries<StorageObject>(added.backstores[kind])) {
      if (replace || !Object.hasOwn(now, name) || sameValue(now[name], object)) continue;
      throw new ConfigError(`storageobject '${kind}:${name}' exist not restoring`);
    }
  }
  const { targets } = current.iscsi;
  for (const [name, target] of Object.entries(added.iscsi.targets)) {
    if (replace || !Object.hasOwn(targets, name) || sameValue(targets[name], target)) continue;
    throw new ConfigError(`target with wwn ${name} exist, not restoring`);
  }
  return joinDocuments(current, added);
}
