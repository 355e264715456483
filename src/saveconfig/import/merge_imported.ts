/** Adding what was imported to the running configuration. */
import { joinDocuments } from '../../objects/document.ts';
import type { BackstoreKind, Document, NodeAcl, Target, Tpg } from '../../objects/document.ts';
import { ConfigError } from '../../objects/errors.ts';
import { storageObjects } from '../../objects/rules.ts';

const KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];

/** Every name that both have. */
function collisions(current: Document, added: Document): readonly string[] {
  const objects = KINDS.flatMap((kind) =>
    Object.keys(added.backstores[kind])
      .filter((name) => Object.hasOwn(current.backstores[kind], name))
      .map((name) => `storage object ${kind}/${name}`),
  );
  const targets = Object.keys(added.iscsi.targets)
    .filter((name) => Object.hasOwn(current.iscsi.targets, name))
    .map((name) => `target ${name}`);
  const { discovery_auth: now } = current.iscsi;
  const auth = Object.entries(added.iscsi.discovery_auth).some(
    ([name, value]) => Object.hasOwn(now, name) && now[name as keyof typeof now] !== value,
  );
  return [...objects, ...targets, ...(auth ? ['discovery_auth with other values'] : [])];
}

/** Throws ConfigError naming everything that exists already; nothing is replaced. */
export function withImported(current: Document, added: Document): Document {
  const both = collisions(current, added);
  if (both.length > 0) {
    const more = both.length > 20 ? `, and ${both.length - 20} more` : '';
    throw new ConfigError(
      `Nothing is imported, since these exist already: ${both.slice(0, 20).join(', ')}${more}; ` +
        'delete or rename them first',
    );
  }
  return joinDocuments(current, added);
}

const filtered = <T>(all: Readonly<Record<string, T>>, keep: (key: string, value: T) => boolean) =>
  Object.fromEntries(Object.entries(all).filter(([key, value]) => keep(key, value)));

const mapped = <T>(all: Readonly<Record<string, T>>, convert: (value: T) => T) =>
  Object.fromEntries(Object.entries(all).map(([key, value]) => [key, convert(value)]));

/** The document without those storage objects, their LUNs and what maps these. */
export function withoutObjects(document: Document, references: ReadonlySet<string>): Document {
  const nodeAcl = (luns: Tpg['luns'], acl: NodeAcl): NodeAcl => ({
    ...acl,
    mapped_luns: filtered(acl.mapped_luns, (_, { lun }) => Object.hasOwn(luns, String(lun))),
  });
  const tpg = (value: Tpg): Tpg => {
    const luns = filtered(value.luns, (_, lun) => !references.has(lun.storage_object));
    return { ...value, luns, acls: mapped(value.acls, (acl) => nodeAcl(luns, acl)) };
  };
  const target = (value: Target): Target => ({ tpgs: mapped(value.tpgs, tpg) });
  const left = new Set([...storageObjects(document)].map(([reference]) => reference));
  for (const reference of references) left.delete(reference);
  const { block, fileio, ramdisk } = document.backstores;
  return {
    backstores: {
      block: filtered(block, (name) => left.has(`block/${name}`)),
      fileio: filtered(fileio, (name) => left.has(`fileio/${name}`)),
      ramdisk: filtered(ramdisk, (name) => left.has(`ramdisk/${name}`)),
    },
    iscsi: { ...document.iscsi, targets: mapped(document.iscsi.targets, target) },
  };
}
