/** Storage objects of a document under check, each by itself and all together. */
import { resolve } from 'node:path';
import {
  ALUA_GROUPS_MAX,
  groupIdProblem,
  groupNameProblem,
  groupProblems,
  namedGroups,
} from './alua.ts';
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from './declarations/alua.ts';
import { STORAGE_ATTRIBUTES_OF } from './declarations/storage.ts';
import type { AluaGroup, BackstoreKind, Backstores, StorageObject } from './document.ts';
import { isRecord } from './equal.ts';
import {
  backingOf,
  storageNameProblem,
  storageProblems,
  wwnIdentity,
  wwnProblem,
} from './rules.ts';
import type { Place } from './validate_kit.ts';
import {
  checkBag,
  checkEntries,
  checkFields,
  isBoolean,
  isBytes,
  type FieldCheck,
} from './validate_kit.ts';
import { hasControlCharacter } from '../util/control_characters.ts';

const isWwn: FieldCheck = (value, place) => {
  const problem = typeof value === 'string' ? wwnProblem(value) : 'wwn: not text';
  if (problem !== undefined) place.add(problem);
};

const isPath: FieldCheck = (value, place) => {
  if (typeof value !== 'string') return place.add(`${place.key}: not text`);
  if (hasControlCharacter(value) || value.length > 4096) {
    return place.add(`${place.key}: not a possible path`);
  }
  const wanted = resolve('/', value);
  if (wanted !== value) place.add(`${place.key}: an absolute path is expected, as ${wanted}`);
};

const attributesOf =
  (kind: BackstoreKind): FieldCheck =>
  (value, place) =>
    checkBag(place, value, STORAGE_ATTRIBUTES_OF[kind]);

const isGroupId: FieldCheck = (value, place) => {
  const isDefault = place.parent?.key === DEFAULT_ALUA_GROUP;
  const problem = isDefault
    ? value === 0
      ? undefined
      : `the default group's tg_pt_gp_id is 0`
    : groupIdProblem(typeof value === 'number' ? value : NaN);
  if (problem !== undefined) place.add(problem);
};

const GROUP_FIELDS: Readonly<Record<string, FieldCheck>> = {
  tg_pt_gp_id: isGroupId,
  attributes: (value, place) => checkBag(place, value, ALUA_ATTRIBUTES),
};

/** Groups of target ports: each by itself, then their numbers. */
const aluaGroups: FieldCheck = (value, place) => {
  const ids = new Map<number, string>();
  checkEntries(place, value, (name, group, here) => {
    const problem = groupNameProblem(name);
    if (problem !== undefined) here.add(problem);
    const before = here.issues.length;
    if (!checkFields(here, group, GROUP_FIELDS) || here.issues.length > before) return;
    const checked = group as unknown as AluaGroup;
    for (const text of groupProblems(checked)) here.add(text);
    const other = ids.get(checked.tg_pt_gp_id);
    if (other !== undefined) {
      here.at('tg_pt_gp_id').add(`tg_pt_gp_id ${checked.tg_pt_gp_id} is taken by ${other}`);
    } else ids.set(checked.tg_pt_gp_id, name);
  });
  const count = isRecord(value) ? namedGroups(value) : [];
  if (count.length > ALUA_GROUPS_MAX) {
    place.add(`${count.length} ALUA groups: a storage object has at most ${ALUA_GROUPS_MAX}`);
  }
};

const FIELDS: Readonly<Record<BackstoreKind, Readonly<Record<string, FieldCheck>>>> = {
  block: {
    dev: isPath,
    readonly: isBoolean,
    wwn: isWwn,
    attributes: attributesOf('block'),
    alua: aluaGroups,
  },
  fileio: {
    path: isPath,
    size: isBytes,
    write_back: isBoolean,
    wwn: isWwn,
    attributes: attributesOf('fileio'),
    alua: aluaGroups,
  },
  ramdisk: {
    size: isBytes,
    nullio: isBoolean,
    wwn: isWwn,
    attributes: attributesOf('ramdisk'),
    alua: aluaGroups,
  },
};

/** Objects found right before: documents share what did not change. */
const sound: Readonly<Record<BackstoreKind, WeakSet<object>>> = {
  block: new WeakSet(),
  fileio: new WeakSet(),
  ramdisk: new WeakSet(),
};

function checkObject(kind: BackstoreKind, name: string, value: unknown, place: Place): void {
  const nameProblem = storageNameProblem(name);
  if (nameProblem !== undefined) place.add(nameProblem);
  if (isRecord(value) && sound[kind].has(value)) return;
  const before = place.issues.length;
  if (!checkFields(place, value, FIELDS[kind], ['alua'])) return;
  if (place.issues.length > before) return;
  for (const problem of storageProblems(kind, value as unknown as StorageObject)) {
    place.add(problem);
  }
  if (place.issues.length === before) sound[kind].add(value);
}

/** No two objects on one file or device, nor with one identity. */
function checkTogether(backstores: Backstores, place: Place): void {
  const backings = new Map<string, string>();
  const identities = new Map<string, string>();
  for (const kind of ['block', 'fileio', 'ramdisk'] as const) {
    for (const [name, object] of Object.entries<StorageObject>(backstores[kind])) {
      const here = place.at(kind).at(name);
      const backing = backingOf(object);
      const onIt = backing === undefined ? undefined : backings.get(backing);
      if (onIt !== undefined) {
        here.add(`storage object for ${backing} already exists: ${onIt}`);
      } else if (backing !== undefined) backings.set(backing, `${kind}/${name}`);
      const identity = wwnIdentity(object.wwn);
      const same = identities.get(identity);
      if (same !== undefined) {
        here.add(`wwn ${object.wwn} is taken by ${same}: initiators would see one disk`);
      } else identities.set(identity, `${kind}/${name}`);
    }
  }
}

/** Whole `backstores` found right before: a change of targets alone costs nothing here. */
const soundTogether = new WeakSet<object>();

export function checkBackstores(value: unknown, place: Place): void {
  if (isRecord(value) && soundTogether.has(value)) return;
  const before = place.issues.length;
  const folder =
    (kind: BackstoreKind): FieldCheck =>
    (objects, at) =>
      checkEntries(at, objects, (name, object, here) => checkObject(kind, name, object, here));
  checkFields(place, value, {
    block: folder('block'),
    fileio: folder('fileio'),
    ramdisk: folder('ramdisk'),
  });
  if (place.issues.length > before || !isRecord(value)) return;
  checkTogether(value as unknown as Backstores, place);
  if (place.issues.length === before) soundTogether.add(value);
}
