/** The TPG of a node below it. */
import { getIn, type Document, type DocumentPath, type Tpg } from '../document.ts';
import { ConfigError } from '../errors.ts';

/** `['iscsi', 'targets', name, 'tpgs', tag]` begins the place of everything in a TPG. */
const DEPTH = 5;

export function tpgPath(at: DocumentPath): DocumentPath {
  return at.slice(0, DEPTH);
}

export function tpgOf(document: Document, at: DocumentPath): Tpg {
  const tpg = getIn(document, tpgPath(at));
  if (tpg === undefined) throw new ConfigError(`No such TPG: ${at[2]} tpg${at[4]}`);
  return tpg as Tpg;
}
