/** Attribute groups in their sparse form: a value equal to its default is absent. */
import { withGroupName, withGroups } from './alua.ts';
import type { AttributeGroup } from './attribute.ts';
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from './declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from './declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from './declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from './declarations/storage.ts';
import { TPG_ATTRIBUTES } from './declarations/tpg.ts';
import type { AluaGroup, Document, NodeAcl, StorageObject, Target, Tpg } from './document.ts';
import type { TpgLun } from './document.ts';
import { TPG_PARAMETERS } from './iscsi_keys.ts';

/** The record with each entry converted; itself when none changed. */
function mapped<T>(
  record: Readonly<Record<string, T>>,
  convert: (entry: T) => T,
): Readonly<Record<string, T>> {
  let copy: Record<string, T> | undefined;
  for (const [name, entry] of Object.entries(record)) {
    const converted = convert(entry);
    if (converted === entry) continue;
    copy ??= { ...record };
    copy[name] = converted;
  }
  return copy ?? record;
}

function bag<T extends object>(group: AttributeGroup, values: T): T {
  const entries = Object.entries(values);
  const telling = entries.filter(([name, value]) => value !== group[name]?.default);
  return telling.length === entries.length ? values : (Object.fromEntries(telling) as T);
}

/** `object` with `changes`; itself when they change nothing. */
function having<T extends object>(object: T, changes: Partial<T>): T {
  const keys = Object.keys(changes) as (keyof T)[];
  return keys.every((key) => object[key] === changes[key]) ? object : { ...object, ...changes };
}

const nodeAcl = (acl: NodeAcl): NodeAcl =>
  having(acl, { attributes: bag(NODE_ACL_ATTRIBUTES, acl.attributes), auth: bag(AUTH, acl.auth) });

const lun = (value: TpgLun): TpgLun =>
  value.alua_tg_pt_gp_name === DEFAULT_ALUA_GROUP
    ? withGroupName(value, DEFAULT_ALUA_GROUP)
    : value;

const group = (value: AluaGroup): AluaGroup =>
  having(value, { attributes: bag(ALUA_ATTRIBUTES, value.attributes) });

const withSparseGroups = <T extends StorageObject>(object: T): T =>
  object.alua === undefined ? object : withGroups(object, mapped(object.alua, group));

const tpg = (value: Tpg): Tpg =>
  having(value, {
    attributes: bag(TPG_ATTRIBUTES, value.attributes),
    parameters: bag(TPG_PARAMETERS, value.parameters),
    auth: bag(AUTH, value.auth),
    luns: mapped(value.luns, lun),
    acls: mapped(value.acls, nodeAcl),
  });

const target = (value: Target): Target => having(value, { tpgs: mapped(value.tpgs, tpg) });

/** The valid document with what says nothing left out; it shares all that was sparse already. */
export function sparse(document: Document): Document {
  const { backstores, iscsi } = document;
  const attributesOf =
    <T extends StorageObject>(kind: keyof typeof backstores) =>
    (object: T): T =>
      having(withSparseGroups(object), {
        attributes: bag(STORAGE_ATTRIBUTES_OF[kind], object.attributes),
      } as Partial<T>);
  return having(document, {
    backstores: having(backstores, {
      block: mapped(backstores.block, attributesOf('block')),
      fileio: mapped(backstores.fileio, attributesOf('fileio')),
      ramdisk: mapped(backstores.ramdisk, attributesOf('ramdisk')),
    }),
    iscsi: having(iscsi, {
      discovery_auth: bag(DISCOVERY_AUTH, iscsi.discovery_auth),
      targets: mapped(iscsi.targets, target),
    }),
  });
}
