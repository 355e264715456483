/** Storage objects of LIO's saveconfig.json. */
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from '../../objects/declarations/alua.ts';
import { STORAGE_ATTRIBUTES_OF } from '../../objects/declarations/storage.ts';
import type { BackstoreKind, DocumentPath } from '../../objects/document.ts';
import type { Draft, Origin } from './draft.ts';
import { isList, isMap, type JsonMap } from './json_lines.ts';
import { isOn, textOf, wholeNumber } from './json_values.ts';

const KIND_OF_PLUGIN: Readonly<Record<string, BackstoreKind>> = {
  fileio: 'fileio',
  block: 'block',
  iblock: 'block',
  ramdisk: 'ramdisk',
  rd_mcp: 'ramdisk',
  rd_dr: 'ramdisk',
};
const WHY_NOT: Readonly<Record<string, string>> = {
  pscsi: 'SCSI pass-through is not served; take block for a disk',
  user: 'handlers of tcmu-runner are not served',
};

export function kindOfPlugin(plugin: string): BackstoreKind | undefined {
  return Object.hasOwn(KIND_OF_PLUGIN, plugin) ? KIND_OF_PLUGIN[plugin] : undefined;
}

/** Read-only attributes that tell what LIO's backstore can do. */
const FACTS = ['alua_support', 'pgr_support'];
/** Of an ALUA group: its names, and what LIO works out itself. */
const ALUA_FACTS = ['name', 'tg_pt_gp_id', 'members', 'alua_support_lba_dependent'];
/** Written down by LIO, but of no effect there, or a fact of its own. */
const WITHOUT_EFFECT = ['exists', 'hba', 'buffered_mode', 'version', 'type'];

export function storageObject(draft: Draft, map: JsonMap, from: Origin): void {
  const plugin = textOf(map, 'plugin') ?? '';
  const name = textOf(map, 'name') ?? '';
  const what = `storage object ${plugin}/${name}`;
  const kind = kindOfPlugin(plugin);
  if (kind === undefined) {
    const why = Object.hasOwn(WHY_NOT, plugin) ? WHY_NOT[plugin] : undefined;
    return draft.drop(what, from, why ?? 'this engine has no such backstore');
  }
  const path: DocumentPath = ['backstores', kind, name];
  if (draft.has(path)) return draft.drop(what, from, 'one of that name stands above it');
  const common = { wwn: wwnOf(draft, kind, name, map, from), attributes: {} };
  const fields = FIELDS_OF[kind](draft, what, map, from);
  if (fields === undefined) return;
  draft.put(path, { ...fields, ...common }, from);
  attributes(draft, kind, path, map);
  aluaGroups(draft, what, path, map);
  const known = ['name', 'plugin', 'wwn', 'attributes', 'alua_tpgs', ...KEYS_OF[kind]];
  for (const [key, { line }] of map) {
    if (known.includes(key)) continue;
    const why = WITHOUT_EFFECT.includes(key) ? 'LIO ignores it, too' : 'LIO knows no such key';
    draft.drop(`${key} of ${what}`, draft.at(line), why);
  }
}

function wwnOf(
  draft: Draft,
  kind: BackstoreKind,
  name: string,
  map: JsonMap,
  from: Origin,
): string {
  const written = textOf(map, 'wwn') ?? '';
  if (written !== '') return written;
  const made = draft.around.newWwn(kind, name);
  draft.drop(`wwn of ${kind}/${name}`, from, `none is written: it gets a new one, ${made}`);
  return made;
}

const KEYS_OF: Readonly<Record<BackstoreKind, readonly string[]>> = {
  block: ['dev', 'readonly', 'exclusive', 'write_back'],
  fileio: ['dev', 'size', 'write_back', 'aio'],
  ramdisk: ['size', 'nullio'],
};

type Fields = Readonly<Record<string, unknown>> | undefined;
type FieldReader = (draft: Draft, what: string, map: JsonMap, from: Origin) => Fields;

function fileio(draft: Draft, what: string, map: JsonMap, from: Origin): Fields {
  const path = textOf(map, 'dev') ?? '';
  const found = draft.around.backing(path);
  // LIO, too, asks a block device for its size.
  const size = found?.type === 'block' ? found.size : (wholeNumber(map, 'size') ?? found?.size);
  if (path === '' || size === undefined || size === 0) {
    draft.drop(what, from, path === '' ? 'dev is missing' : 'size is missing');
    return undefined;
  }
  if (isOn(map, 'aio') === true) {
    draft.drop(`aio of ${what}`, draft.at(map.get('aio')?.line), 'the engine does its own I/O');
  }
  return { path, size, write_back: isOn(map, 'write_back') ?? false };
}

function block(draft: Draft, what: string, map: JsonMap, from: Origin): Fields {
  const dev = textOf(map, 'dev') ?? '';
  if (dev === '') {
    draft.drop(what, from, 'dev is missing');
    return undefined;
  }
  if (isOn(map, 'exclusive') === false) {
    const line = draft.at(map.get('exclusive')?.line);
    draft.drop(`exclusive=false of ${what}`, line, 'devices are always taken exclusively');
  }
  return { dev, readonly: isOn(map, 'readonly') ?? false };
}

function ramdisk(draft: Draft, what: string, map: JsonMap, from: Origin): Fields {
  const size = wholeNumber(map, 'size');
  if (size === undefined) {
    draft.drop(what, from, 'size is missing');
    return undefined;
  }
  return { size, nullio: isOn(map, 'nullio') ?? false };
}

const FIELDS_OF: Readonly<Record<BackstoreKind, FieldReader>> = { block, fileio, ramdisk };

function attributes(draft: Draft, kind: BackstoreKind, path: DocumentPath, map: JsonMap): void {
  const member = map.get('attributes');
  if (member === undefined || member.value === null) return;
  if (!isMap(member.value)) {
    return draft.drop('attributes', draft.at(member.line), 'an object is expected');
  }
  const table = STORAGE_ATTRIBUTES_OF[kind];
  for (const [name, { value, line }] of member.value) {
    if (value === null || FACTS.includes(name)) continue;
    const at = [...path, 'attributes', name];
    if (kind === 'fileio' && name === 'emulate_write_cache') {
      writeCache(draft, path, value === 1 || value === '1' || value === true, line);
    } else draft.attribute(table, at, value, draft.at(line));
  }
}

/**
 * The attribute tells initiators whether they must flush, write_back whether LIO opened the file
 * without O_SYNC. Here one field is both: write_back where LIO had either reason to be asked.
 */
function writeCache(draft: Draft, path: DocumentPath, on: boolean, line: number): void {
  const at = [...path, 'write_back'];
  if (draft.get(at) === on) return;
  const what = `emulate_write_cache=${Number(on)} of ${path[1]}/${path[2]}`;
  const kept = draft.get(at) === true ? 'write_back' : 'write-through';
  draft.drop(what, draft.at(line), `it contradicts write_back; the object stays ${kept}`);
}

/** LIO itself forgets what it wrote of the default group; here it is the file's. */
function aluaGroups(draft: Draft, what: string, path: DocumentPath, map: JsonMap): void {
  const groups = map.get('alua_tpgs')?.value;
  if (!isList(groups)) return;
  for (const { value, line } of groups) {
    const from = draft.at(line);
    const name = isMap(value) ? (textOf(value, 'name') ?? '') : '';
    const id = isMap(value) ? wholeNumber(value, 'tg_pt_gp_id') : undefined;
    if (!isMap(value) || name === '' || (id === undefined && name !== DEFAULT_ALUA_GROUP)) {
      const group = `ALUA group ${name} of ${what}`;
      draft.drop(group, from, 'name and tg_pt_gp_id are needed');
      continue;
    }
    const at = [...path, 'alua', name];
    if (draft.has(at)) {
      draft.drop(`ALUA group ${name} of ${what}`, from, 'it is there twice');
      continue;
    }
    const tg_pt_gp_id = name === DEFAULT_ALUA_GROUP ? 0 : id;
    draft.put(at, { tg_pt_gp_id, attributes: {} }, from);
    for (const [key, { value: set, line: own }] of value) {
      // LIO writes null where this kernel has no such value.
      if (set === null || ALUA_FACTS.includes(key)) continue;
      draft.attribute(ALUA_ATTRIBUTES, [...at, 'attributes', key], set, draft.at(own));
    }
  }
}
