/**
 * The configuration document: immutable plain data, one to one with the YAML form
 * (docs/ARCHITECTURE.md, "The document"). Attribute groups are sparse: a value equal to its default
 * is absent. Keys keep LIO's and RFC 7143's spelling.
 */
import type { SparseValuesOf } from './attribute.ts';
import { ConfigError } from './errors.ts';
import type { ALUA_ATTRIBUTES } from './declarations/alua.ts';
import type { AUTH, DISCOVERY_AUTH } from './declarations/auth.ts';
import type { NODE_ACL_ATTRIBUTES } from './declarations/node_acl.ts';
import type { STORAGE_ATTRIBUTES } from './declarations/storage.ts';
import type { TPG_ATTRIBUTES } from './declarations/tpg.ts';
import type { TPG_PARAMETERS } from './iscsi_keys.ts';

export type BackstoreKind = 'block' | 'fileio' | 'ramdisk';
export type StorageAttributeBag = SparseValuesOf<typeof STORAGE_ATTRIBUTES>;

/** SPC-4 §5.15: a target port group, which LUNs of TPGs join by its name. */
export interface AluaGroup {
  /** TARGET PORT GROUP: 1 to 65535, 0 for the default group only. */
  readonly tg_pt_gp_id: number;
  readonly attributes: SparseValuesOf<typeof ALUA_ATTRIBUTES>;
}
interface StorageObjectCommon {
  /** Unit serial number; the NAA identifier derives from it. */
  readonly wwn: string;
  readonly attributes: StorageAttributeBag;
  /** Key: the group's name. The default group stands here only where an attribute differs. */
  readonly alua?: Readonly<Record<string, AluaGroup>>;
}
export interface FileioObject extends StorageObjectCommon {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** true: WCE=1, durable after SYNCHRONIZE CACHE or FUA; false: each write durable before GOOD. */
  readonly write_back: boolean;
}
export interface RamdiskObject extends StorageObjectCommon {
  /** Bytes. */
  readonly size: number;
  /** Reads give zeros, writes vanish: for benchmarks. */
  readonly nullio: boolean;
}
export interface BlockObject extends StorageObjectCommon {
  readonly dev: string;
  readonly readonly: boolean;
}
export type StorageObject = FileioObject | RamdiskObject | BlockObject;

export interface Backstores {
  readonly block: Readonly<Record<string, BlockObject>>;
  readonly fileio: Readonly<Record<string, FileioObject>>;
  readonly ramdisk: Readonly<Record<string, RamdiskObject>>;
}

/** Sparse: absent credentials are empty, which means unset. */
export type AuthBag = SparseValuesOf<typeof AUTH>;
export type DiscoveryAuthBag = SparseValuesOf<typeof DISCOVERY_AUTH>;

export interface MappedLun {
  /** LUN number within the TPG. */
  readonly lun: number;
  readonly write_protect: boolean;
}
export interface NodeAcl {
  /** Node ACLs of one tag are one group: one node of the tree, alike in all else. */
  readonly tag?: string;
  readonly attributes: SparseValuesOf<typeof NODE_ACL_ATTRIBUTES>;
  readonly auth: AuthBag;
  /** Key: the decimal number that the initiator sees. */
  readonly mapped_luns: Readonly<Record<string, MappedLun>>;
}
export interface Portal {
  readonly iser: boolean;
}
export interface TpgLun {
  /** `fileio/disk1`. */
  readonly storage_object: string;
  /** Absent: the default group of the storage object. */
  readonly alua_tg_pt_gp_name?: string;
}
export interface Tpg {
  readonly enabled: boolean;
  readonly attributes: SparseValuesOf<typeof TPG_ATTRIBUTES>;
  readonly parameters: SparseValuesOf<typeof TPG_PARAMETERS>;
  readonly auth: AuthBag;
  /** Key: `0.0.0.0:3260` or `[::]:3260`, normalised. */
  readonly portals: Readonly<Record<string, Portal>>;
  /** Key: decimal LUN. */
  readonly luns: Readonly<Record<string, TpgLun>>;
  /** Key: initiator name, lower case. */
  readonly acls: Readonly<Record<string, NodeAcl>>;
}
export interface Target {
  /** Key: decimal target portal group tag. */
  readonly tpgs: Readonly<Record<string, Tpg>>;
}
export interface Document {
  readonly backstores: Backstores;
  readonly iscsi: {
    readonly discovery_auth: DiscoveryAuthBag;
    /** Key: target name, lower case. */
    readonly targets: Readonly<Record<string, Target>>;
  };
}

export const EMPTY_DOCUMENT: Document = {
  backstores: { block: {}, fileio: {}, ramdisk: {} },
  iscsi: { discovery_auth: {}, targets: {} },
};

/** `record[key]` where the key is the record's own: names like `constructor` are possible. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** All of both; a storage object or target of `added` takes the place of one with its name. */
export function joinDocuments(current: Document, added: Document): Document {
  const { block, fileio, ramdisk } = current.backstores;
  return {
    backstores: {
      block: { ...block, ...added.backstores.block },
      fileio: { ...fileio, ...added.backstores.fileio },
      ramdisk: { ...ramdisk, ...added.backstores.ramdisk },
    },
    iscsi: {
      discovery_auth: { ...current.iscsi.discovery_auth, ...added.iscsi.discovery_auth },
      targets: { ...current.iscsi.targets, ...added.iscsi.targets },
    },
  };
}

/** Where a value stands in the document: `['iscsi', 'targets', name, 'tpgs', '1']`. */
export type DocumentPath = readonly string[];

/** The storage object that `fileio/disk1` names, or undefined. */
export function storageObjectOf(document: Document, reference: string): StorageObject | undefined {
  const slash = reference.indexOf('/');
  const kind = reference.slice(0, slash);
  if (!Object.hasOwn(document.backstores, kind)) return undefined;
  const objects: Readonly<Record<string, StorageObject>> =
    document.backstores[kind as BackstoreKind];
  return own(objects, reference.slice(slash + 1));
}

export function getIn(document: unknown, path: DocumentPath): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** A copy with `value` at `path`, sharing all else; `undefined` removes the key. */
export function setIn<T>(document: T, path: DocumentPath, value: unknown): T {
  const [key, ...rest] = path;
  if (key === undefined) return value as T;
  if (key === '__proto__') throw new ConfigError(`${key} is not a possible name`);
  const copy: Record<string, unknown> = { ...(document as Record<string, unknown>) };
  const next = rest.length === 0 ? value : setIn(copy[key] ?? {}, rest, value);
  if (next === undefined) delete copy[key];
  else copy[key] = next;
  return copy as T;
}
