/** The configuration as LIO's saveconfig.json, for targetcli-fb and the tools that read it. */
import { createHash } from 'node:crypto';
import {
  effective,
  format,
  type Attribute,
  type AttributeBag,
  type AttributeGroup,
} from '../../objects/attribute.ts';
import { groupNameOf, groupNames, groupOf } from '../../objects/alua.ts';
import { ALUA_ATTRIBUTES } from '../../objects/declarations/alua.ts';
import { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from '../../objects/declarations/storage.ts';
import { TPG_ATTRIBUTES } from '../../objects/declarations/tpg.ts';
import type {
  AuthBag,
  BackstoreKind,
  Document,
  NodeAcl,
  Portal,
  StorageObject,
  Tpg,
} from '../../objects/document.ts';
import { TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { parsePortal } from '../../objects/portal_address.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/**
 * Attributes that only newer kernels have, or none: written where they differ from what LIO would
 * do. It says which ones it cannot restore.
 */
const NOT_EVERYWHERE = [
  'emulate_rsoc',
  ...['burst_time', 'max_bandwidth', 'max_iops'].flatMap((name) => [name, `session_${name}`]),
];

/** LIO's attributes are numbers; its own read-only ones are not restored. */
function numbers(group: AttributeGroup, bag: AttributeBag): JsonObject {
  const values: Record<string, Json> = {};
  for (const [name, value] of Object.entries(effective(group, bag))) {
    const attribute = group[name];
    if (attribute === undefined || attribute.readonly === true) continue;
    if (NOT_EVERYWHERE.includes(name) && value === attribute.default) continue;
    values[name] = typeof value === 'string' ? value : Number(value);
  }
  return values;
}

/** Parameters are always text: `Yes`, `65536`. */
function texts(group: AttributeGroup, bag: AttributeBag): JsonObject {
  const values: Record<string, Json> = {};
  for (const [name, value] of Object.entries(effective(group, bag))) {
    values[name] = format(group[name] as Attribute, value);
  }
  return values;
}

function credentials(bag: AttributeBag, prefix: string): JsonObject {
  const values: Record<string, Json> = {};
  for (const name of ['userid', 'password', 'mutual_userid', 'mutual_password']) {
    const value = bag[name];
    if (typeof value === 'string' && value !== '') values[`${prefix}_${name}`] = value;
  }
  return values;
}

/** LIO names each link in its file system at random; the same object gets the same name here. */
function alias(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 10);
}

/** With the default group, as LIO writes it. */
function aluaGroups(object: StorageObject): readonly JsonObject[] {
  return groupNames(object).flatMap((name) => {
    const group = groupOf(object, name);
    if (group === undefined) return [];
    const values = numbers(ALUA_ATTRIBUTES, group.attributes);
    return [{ ...values, name, tg_pt_gp_id: group.tg_pt_gp_id }];
  });
}

function storageObject(kind: BackstoreKind, name: string, object: StorageObject): JsonObject {
  const { wwn } = object;
  const attributes = { ...numbers(STORAGE_ATTRIBUTES_OF[kind], object.attributes) };
  const common = { alua_tpgs: aluaGroups(object), attributes, name, plugin: kind, wwn };
  if ('path' in object) {
    attributes['emulate_write_cache'] = Number(object.write_back);
    const { path: dev, size, write_back } = object;
    return { ...common, aio: false, dev, size, write_back };
  }
  if ('dev' in object) {
    const { dev, readonly } = object;
    return { ...common, dev, exclusive: true, readonly, write_back: false };
  }
  return { ...common, size: object.size, ...(object.nullio && { nullio: true }) };
}

function portal(key: string, { iser }: Portal): JsonObject {
  const parsed = parsePortal(key);
  if (!parsed.ok) return {};
  const { address, port } = parsed.portal;
  const ip_address = address.includes(':') ? `[${address === '::' ? '::0' : address}]` : address;
  return { ip_address, iser, offload: false, port };
}

function nodeAcl(where: readonly string[], name: string, acl: NodeAcl): JsonObject {
  return {
    attributes: numbers(NODE_ACL_ATTRIBUTES, acl.attributes),
    ...credentials(acl.auth satisfies AuthBag, 'chap'),
    mapped_luns: Object.entries(acl.mapped_luns).map(([index, { lun, write_protect }]) => ({
      alias: alias(...where, name, index),
      index: Number(index),
      tpg_lun: lun,
      write_protect,
    })),
    node_wwn: name,
    ...(acl.tag !== undefined && { tag: acl.tag }),
  };
}

function tpg(target: string, tag: string, value: Tpg): JsonObject {
  return {
    attributes: numbers(TPG_ATTRIBUTES, value.attributes),
    ...credentials(value.auth, 'chap'),
    enable: value.enabled,
    luns: Object.entries(value.luns).map(([index, lun]) => ({
      alias: alias(target, tag, index),
      alua_tg_pt_gp_name: groupNameOf(lun),
      index: Number(index),
      storage_object: `/backstores/${lun.storage_object}`,
    })),
    node_acls: Object.entries(value.acls).map(([name, acl]) => nodeAcl([target, tag], name, acl)),
    parameters: texts(TPG_PARAMETERS, {
      // As the kernel has it once authentication=1 was set.
      ...(value.attributes.authentication === true && { AuthMethod: 'CHAP' }),
      ...value.parameters,
    }),
    portals: Object.entries(value.portals).map(([key, one]) => portal(key, one)),
    tag: Number(tag),
  };
}

function discovery(document: Document): readonly JsonObject[] {
  const { discovery_auth: auth } = document.iscsi;
  if (Object.keys(auth).length === 0) return [];
  const enabled = { discovery_enable_auth: auth.enable === true };
  return [{ ...enabled, ...credentials(auth, 'discovery'), name: 'iscsi' }];
}

/** As Python writes it: keys sorted, two blanks, ASCII only. */
function dump(value: Json): string {
  const sorted = (_key: string, inner: unknown): unknown => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
    return Object.fromEntries(entries);
  };
  const escape = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value, sorted, 2).replace(/[\u007f-\uffff]/g, escape)}\n`;
}

/** Secrets stand in clear, as in LIO's own file. */
export function toLioJson(document: Document): string {
  const { block, fileio, ramdisk } = document.backstores;
  const objects = Object.entries({ block, fileio, ramdisk }).flatMap(([kind, all]) =>
    Object.entries<StorageObject>(all).map(([name, object]) =>
      storageObject(kind as BackstoreKind, name, object),
    ),
  );
  const targets = Object.entries(document.iscsi.targets).map(([wwn, { tpgs }]) => ({
    fabric: 'iscsi',
    tpgs: Object.entries(tpgs).map(([tag, value]) => tpg(wwn, tag, value)),
    wwn,
  }));
  return dump({ fabric_modules: discovery(document), storage_objects: objects, targets });
}
