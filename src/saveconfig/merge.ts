/** Adding a saved configuration to the running one, as `restoreconfig` without `clear_existing`. */
import type { BackstoreKind, Document } from '../objects/document.ts';
import { ConfigError } from '../objects/errors.ts';

const KINDS: readonly BackstoreKind[] = ['block', 'fileio', 'ramdisk'];

/** Throws ConfigError, targetcli's words, when something of `added` exists already. */
export function mergeDocuments(current: Document, added: Document): Document {
  for (const kind of KINDS) {
    for (const name of Object.keys(added.backstores[kind])) {
      if (Object.hasOwn(current.backstores[kind], name)) {
        throw new ConfigError(`storageobject '${kind}:${name}' exist not restoring`);
      }
    }
  }
  for (const name of Object.keys(added.iscsi.targets)) {
    if (Object.hasOwn(current.iscsi.targets, name)) {
      throw new ConfigError(`target with wwn ${name} exist, not restoring`);
    }
  }
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
