/** The storage object of an ALUA node below it. */
import { getIn, type Document, type DocumentPath, type StorageObject } from '../document.ts';
import { ConfigError } from '../errors.ts';

/** `['backstores', kind, name]` begins the place of everything in a storage object. */
const DEPTH = 3;

export const ownerPath = (at: DocumentPath): DocumentPath => at.slice(0, DEPTH);

export function ownerAt(document: Document, at: DocumentPath): StorageObject {
  const object = getIn(document, ownerPath(at));
  if (object === undefined) throw new ConfigError(`No storage object named ${at[2]}.`);
  return object as StorageObject;
}

/** `fileio/disk1`. */
export const ownerReference = (at: DocumentPath): string => `${at[1]}/${at[2]}`;
