/** A configuration document as YAML text (docs/ARCHITECTURE.md, "The document"). */
import { groupNames, groupOf } from '../objects/alua.ts';
import { effective, type AttributeBag, type AttributeGroup } from '../objects/attribute.ts';
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from '../objects/declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from '../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../objects/declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from '../objects/declarations/storage.ts';
import { TPG_ATTRIBUTES } from '../objects/declarations/tpg.ts';
import type {
  AluaGroup,
  BackstoreKind,
  Document,
  NodeAcl,
  Portal,
  StorageObject,
  Target,
  Tpg,
  TpgLun,
} from '../objects/document.ts';
import { TPG_PARAMETERS } from '../objects/iscsi_keys.ts';
import { Flow, Plain, renderYaml, type YamlMap, type YamlValue } from './yaml_text.ts';

export const FORMAT_VERSION = 1;

export interface YamlOptions {
  /** Write every value, those equal to their default as well. */
  readonly full?: boolean;
}

const HEADER = '# Configuration of lunsmith. It holds secrets: keep its mode 0600.\n';
const KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];
const SIZE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Numbers by value, then names by code unit: the same document gives the same text. */
function compareKeys(a: string, b: string): number {
  const digits = /^\d+$/;
  if (digits.test(a) && digits.test(b)) return Number(a) - Number(b);
  return a < b ? -1 : Number(a > b);
}

function sorted<T>(collection: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(collection).sort(([a], [b]) => compareKeys(a, b));
}

/** `10GiB` when that is exact, else bytes. */
export function sizeText(bytes: number): Plain {
  let value = bytes;
  let unit = '';
  for (const next of SIZE_UNITS) {
    if (value === 0 || value % 1024 !== 0) break;
    value /= 1024;
    unit = next;
  }
  return new Plain(`${value}${unit}`);
}

/** Adds the non-empty values only: `{}` says nothing. */
function put(map: Map<string, YamlValue>, key: string, value: YamlMap | readonly Flow[]): void {
  if ('size' in value ? value.size > 0 : value.length > 0) map.set(key, value);
}

function group(declared: AttributeGroup, bag: AttributeBag, full: boolean): YamlMap {
  const values: AttributeBag = full ? effective(declared, bag) : bag;
  const map = new Map<string, YamlValue>();
  for (const [name, attribute] of Object.entries(declared)) {
    const value = values[name];
    if (value === undefined || (!full && value === attribute.default)) continue;
    if (full && attribute.readonly) continue;
    map.set(name, value);
  }
  return map;
}

function storageObject(kind: BackstoreKind, object: StorageObject, full: boolean): YamlMap {
  const map = new Map<string, YamlValue>();
  if ('path' in object) map.set('path', object.path);
  if ('dev' in object) map.set('dev', object.dev);
  if ('size' in object) map.set('size', sizeText(object.size));
  if ('write_back' in object) map.set('write_back', object.write_back);
  if ('readonly' in object && (full || object.readonly)) map.set('readonly', object.readonly);
  if ('nullio' in object && (full || object.nullio)) map.set('nullio', object.nullio);
  map.set('wwn', object.wwn);
  const { emulate_write_cache: writeCache, ...others } = STORAGE_ATTRIBUTES_OF[kind];
  // For fileio this is the field write_back.
  const declared = kind === 'fileio' ? others : { ...others, emulate_write_cache: writeCache };
  put(map, 'attributes', group(declared, object.attributes, full));
  const names = full ? groupNames(object) : Object.keys(object.alua ?? {});
  const groups = [...names].sort(compareKeys).flatMap((name) => {
    const found = groupOf(object, name);
    return found === undefined ? [] : [[name, aluaGroup(name, found, full)] as const];
  });
  put(map, 'alua', new Map(groups));
  return map;
}

/** The default group's number goes without saying. */
function aluaGroup(name: string, { tg_pt_gp_id, attributes }: AluaGroup, full: boolean): YamlMap {
  const map = new Map<string, YamlValue>();
  if (full || name !== DEFAULT_ALUA_GROUP) map.set('tg_pt_gp_id', tg_pt_gp_id);
  put(map, 'attributes', group(ALUA_ATTRIBUTES, attributes, full));
  return map;
}

/** A LUN is its storage object, unless its group must be told. */
function lunEntry({ storage_object, alua_tg_pt_gp_name }: TpgLun): string | Flow {
  const reference = `backstores/${storage_object}`;
  if (alua_tg_pt_gp_name === undefined) return reference;
  return new Flow([
    ['storage_object', reference],
    ['alua_tg_pt_gp_name', alua_tg_pt_gp_name],
  ]);
}

function backstores(document: Document, full: boolean): YamlMap {
  const map = new Map<string, YamlValue>();
  for (const kind of KINDS) {
    const objects = sorted<StorageObject>(document.backstores[kind]);
    const entries = objects.map(([name, o]) => [name, storageObject(kind, o, full)] as const);
    put(map, kind, new Map(entries));
  }
  return map;
}

function nodeAcl(acl: NodeAcl, full: boolean): YamlMap {
  const map = new Map<string, YamlValue>();
  if (acl.tag !== undefined) map.set('tag', acl.tag);
  put(map, 'attributes', group(NODE_ACL_ATTRIBUTES, acl.attributes, full));
  put(map, 'auth', group(AUTH, acl.auth, full));
  const mapped = sorted(acl.mapped_luns).map(([number, m]) => {
    const entries = [['lun', m.lun] as const, ['write_protect', m.write_protect] as const];
    return [number, new Flow(entries)] as const;
  });
  put(map, 'mapped_luns', new Map(mapped));
  return map;
}

function portalEntry(address: string, portal: Portal, full: boolean): string | Flow {
  if (!portal.iser && !full) return address;
  return new Flow([
    ['address', address],
    ['iser', portal.iser],
  ]);
}

function tpg(value: Tpg, full: boolean): YamlMap {
  const map = new Map<string, YamlValue>([['enabled', value.enabled]]);
  put(map, 'attributes', group(TPG_ATTRIBUTES, value.attributes, full));
  put(map, 'parameters', group(TPG_PARAMETERS, value.parameters, full));
  put(map, 'auth', group(AUTH, value.auth, full));
  const portals = sorted(value.portals).map(([a, p]) => portalEntry(a, p, full));
  if (portals.length > 0) map.set('portals', portals);
  const luns = sorted(value.luns).map(([n, lun]) => [n, lunEntry(lun)] as const);
  put(map, 'luns', new Map(luns));
  const acls = sorted(value.acls).map(([name, acl]) => [name, nodeAcl(acl, full)] as const);
  put(map, 'acls', new Map(acls));
  return map;
}

function target(value: Target, full: boolean): YamlMap {
  const tpgs = sorted(value.tpgs).map(([tag, t]) => [tag, tpg(t, full)] as const);
  return new Map([['tpgs', new Map(tpgs)]]);
}

/** The text ends in a newline; secrets stand in clear. */
export function toYaml(document: Document, options: YamlOptions = {}): string {
  const full = options.full === true;
  const iscsi = new Map<string, YamlValue>();
  put(iscsi, 'discovery_auth', group(DISCOVERY_AUTH, document.iscsi.discovery_auth, full));
  const targets = sorted(document.iscsi.targets).map(([n, t]) => [n, target(t, full)] as const);
  put(iscsi, 'targets', new Map(targets));
  const map = new Map<string, YamlValue>([
    ['version', FORMAT_VERSION],
    ['backstores', backstores(document, full)],
    ['iscsi', iscsi],
  ]);
  return HEADER + renderYaml(map);
}
