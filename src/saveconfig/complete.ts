/** What a configuration file may leave out: taken from the running configuration, or a default. */
import { createHash } from 'node:crypto';
import { DEFAULT_ALUA_GROUP } from '../objects/declarations/alua.ts';
import type { BackstoreKind, Document } from '../objects/document.ts';
import { isRecord } from '../objects/equal.ts';

type Raw = Record<string, unknown>;
const KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];

/** What may be left out of a storage object. */
const STORAGE_DEFAULTS: Readonly<Record<BackstoreKind, Raw>> = {
  block: { readonly: false },
  fileio: { write_back: false },
  ramdisk: { nullio: false },
};

/** `added` laid over `base`, value by value; what `added` does not name stays. */
export function overlay(base: unknown, added: unknown): unknown {
  if (!isRecord(base) || !isRecord(added)) return added;
  let merged: Raw | undefined;
  for (const key of Object.keys(added)) {
    const was = Object.hasOwn(base, key) ? base[key] : undefined;
    const is = overlay(was, added[key]);
    if (is === was && Object.hasOwn(base, key)) continue;
    merged ??= { ...base };
    merged[key] = is;
  }
  return merged ?? base;
}

/** The record with each entry converted; itself when none changed. */
function mapped(value: unknown, convert: (entry: unknown, name: string) => unknown): unknown {
  if (!isRecord(value)) return value;
  let copy: Raw | undefined;
  for (const [name, entry] of Object.entries(value)) {
    const converted = convert(entry, name);
    if (converted === entry) continue;
    copy ??= { ...value };
    copy[name] = converted;
  }
  return copy ?? value;
}

function filled(value: unknown, defaults: Raw): unknown {
  if (!isRecord(value)) return value;
  const complete = Object.keys(defaults).every((key) => Object.hasOwn(value, key));
  return complete ? value : { ...defaults, ...value };
}

/** The value with what stands at `key` converted. */
function within(value: unknown, key: string, convert: (entry: unknown) => unknown): unknown {
  if (!isRecord(value) || !Object.hasOwn(value, key)) return value;
  const converted = convert(value[key]);
  return converted === value[key] ? value : { ...value, [key]: converted };
}

const nodeAcl = (acl: unknown) =>
  within(acl, 'mapped_luns', (maps) => mapped(maps, (m) => filled(m, { write_protect: false })));

function tpg(value: unknown): unknown {
  const whole = filled(value, { enabled: false });
  const portals = within(whole, 'portals', (all) => mapped(all, (p) => filled(p, { iser: false })));
  return within(portals, 'acls', (acls) => mapped(acls, nodeAcl));
}

const target = (value: unknown) => within(value, 'tpgs', (tpgs) => mapped(tpgs, tpg));

export interface CompleteOptions {
  /** See ReadOptions. */
  readonly identity: string;
  /** Objects that it holds keep their wwn where the file names none. */
  readonly known: Document | undefined;
}

/** The document's form with everything in it that a file may leave out. */
export function complete(document: unknown, { identity, known }: CompleteOptions): unknown {
  const storage = (kind: BackstoreKind) => (object: unknown, name: string) => {
    const whole = within(filled(object, STORAGE_DEFAULTS[kind]), 'alua', (groups) =>
      within(groups, DEFAULT_ALUA_GROUP, (group) => filled(group, { tg_pt_gp_id: 0 })),
    );
    if (!isRecord(whole) || (whole['wwn'] ?? undefined) !== undefined) return whole;
    const objects: Readonly<Record<string, { wwn: string }>> = known?.backstores[kind] ?? {};
    const kept = Object.hasOwn(objects, name) ? objects[name]?.wwn : undefined;
    return { ...whole, wwn: kept ?? derivedWwn(identity, kind, name) };
  };
  const backstores = (all: unknown) =>
    KINDS.reduce((now, kind) => within(now, kind, (o) => mapped(o, storage(kind))), all);
  const stored = within(document, 'backstores', backstores);
  return within(stored, 'iscsi', (iscsi) => within(iscsi, 'targets', (t) => mapped(t, target)));
}

/** The same after every restart, another one on another machine. */
function derivedWwn(identity: string, kind: BackstoreKind, name: string): string {
  const hash = createHash('sha256').update(JSON.stringify([identity, kind, name]));
  const hex = hash.digest('hex');
  const variant = ((parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  // RFC 9562 §5.8: version 8, made by a rule of one's own.
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(18, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
