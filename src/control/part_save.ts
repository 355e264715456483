/** Saving one storage object: it and the targets that export it, and nothing else that changed. */
import { EMPTY_DOCUMENT, joinDocuments, setIn, storageObjectOf } from '../objects/document.ts';
import type { Document } from '../objects/document.ts';
import { ConfigError } from '../objects/errors.ts';
import { withoutLun } from '../objects/kinds/lun_edits.ts';
import { usesOf } from '../objects/lun_uses.ts';
import { select } from '../saveconfig/select.ts';

/**
 * The saved document with the storage object (`fileio/disk1`) as it is now, and with the targets
 * that export it and what those need. One that is gone is taken out with its LUNs.
 */
export function withStorageObject(saved: Document, current: Document, reference: string): Document {
  if (storageObjectOf(current, reference) === undefined) {
    if (storageObjectOf(saved, reference) === undefined) {
      throw new ConfigError(`No storage object named ${reference} is there or was saved`);
    }
    const without = usesOf(saved, reference).reduce(withoutLun, saved);
    return setIn(without, ['backstores', ...reference.split('/')], undefined);
  }
  const targets = new Set(usesOf(current, reference).map(({ target }) => target));
  const parts = [
    select(current, { storageObject: reference }, ''),
    ...[...targets].map((target) => select(current, { target }, '')),
  ];
  const chosen = parts.reduce(joinDocuments, EMPTY_DOCUMENT);
  return joinDocuments(saved, chosen);
}
