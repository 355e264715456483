/** Who exports a storage object: computed once per set of targets. */
import type { Document, DocumentPath, Target } from './document.ts';

export interface LunUse {
  readonly target: string;
  /** Decimal tag. */
  readonly tag: string;
  /** Decimal LUN within the TPG. */
  readonly lun: string;
}
export type LunUses = ReadonlyMap<string, readonly LunUse[]>;

const known = new WeakMap<Readonly<Record<string, Target>>, LunUses>();

/** Key: `fileio/disk1`. */
export function lunUses(document: Document): LunUses {
  const { targets } = document.iscsi;
  const before = known.get(targets);
  if (before !== undefined) return before;
  const uses = new Map<string, LunUse[]>();
  for (const [target, { tpgs }] of Object.entries(targets)) {
    for (const [tag, tpg] of Object.entries(tpgs)) {
      for (const [lun, { storage_object }] of Object.entries(tpg.luns)) {
        const list = uses.get(storage_object);
        if (list === undefined) uses.set(storage_object, [{ target, tag, lun }]);
        else list.push({ target, tag, lun });
      }
    }
  }
  known.set(targets, uses);
  return uses;
}

export function usesOf(document: Document, reference: string): readonly LunUse[] {
  return lunUses(document).get(reference) ?? [];
}

/** In the document. */
export const placeOf = ({ target, tag, lun }: LunUse): DocumentPath => [
  ...['iscsi', 'targets', target, 'tpgs', tag],
  ...['luns', lun],
];

/** `/iscsi/iqn…/tpg1/luns/lun0`. */
export function lunPath({ target, tag, lun }: LunUse): string {
  return `/iscsi/${target}/tpg${tag}/luns/lun${lun}`;
}

/** The first LUNs by path and how many more: for messages. */
export function describeUses(uses: readonly LunUse[], shown = 3): string {
  const paths = uses.slice(0, shown).map(lunPath).join(', ');
  return uses.length > shown ? `${paths} and ${uses.length - shown} more` : paths;
}
