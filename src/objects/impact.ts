/** What a change takes away from initiators that are logged in, and what goes with it. */
import { own, storageObjectOf, type Document, type Tpg } from './document.ts';
import type { SessionInfo } from './engine_port.ts';
import { nameKey } from './names.ts';
import type { View } from './node.ts';

export interface Impact {
  /** Sessions that end. */
  readonly ended: readonly SessionInfo[];
  /** Sessions that go on without a disk of theirs. */
  readonly poorer: readonly SessionInfo[];
}

function tpgOf(document: Document, session: SessionInfo): Tpg | undefined {
  const tpgs = own(document.iscsi.targets, session.target)?.tpgs;
  return tpgs && own(tpgs, String(session.tpgTag));
}

function ends(session: SessionInfo, tpg: Tpg | undefined): boolean {
  if (tpg === undefined || !tpg.enabled) return true;
  return !session.dynamic && own(tpg.acls, nameKey(session.initiator)) === undefined;
}

/** The disk under a number of the initiator, as the document has it. */
function diskAt(document: Document, tpg: Tpg, session: SessionInfo, seenAs: number) {
  const acl = own(tpg.acls, nameKey(session.initiator));
  const lun = acl === undefined ? seenAs : own(acl.mapped_luns, String(seenAs))?.lun;
  const reference = lun === undefined ? undefined : own(tpg.luns, String(lun))?.storage_object;
  return reference === undefined ? undefined : storageObjectOf(document, reference);
}

export function impactOf({ runtime }: View, wanted: Document): Impact {
  const ended: SessionInfo[] = [];
  const poorer: SessionInfo[] = [];
  for (const session of runtime.sessions) {
    if (session.type !== 'Normal') continue;
    const tpg = tpgOf(wanted, session);
    if (tpg === undefined || ends(session, tpg)) ended.push(session);
    else if (
      session.mappedLuns.some(
        ({ mappedLun }) => diskAt(wanted, tpg, session, mappedLun) === undefined,
      )
    ) {
      poorer.push(session);
    }
  }
  return { ended, poorer };
}

interface Counts {
  [what: string]: number;
}

function countsOf(document: Document): Counts {
  const counts: Counts = { TPG: 0, LUN: 0, 'node ACL': 0, 'mapped LUN': 0, portal: 0 };
  const add = (what: string, n: number) => (counts[what] = (counts[what] ?? 0) + n);
  for (const { tpgs } of Object.values(document.iscsi.targets)) {
    for (const { luns, acls, portals } of Object.values(tpgs)) {
      add('TPG', 1);
      add('LUN', Object.keys(luns).length);
      add('portal', Object.keys(portals).length);
      for (const { mapped_luns } of Object.values(acls)) {
        add('node ACL', 1);
        add('mapped LUN', Object.keys(mapped_luns).length);
      }
    }
  }
  return counts;
}

function removedCounts(before: Document, after: Document): [what: string, n: number][] {
  const left = countsOf(after);
  return Object.entries(countsOf(before)).map(([what, n]) => [what, n - (left[what] ?? 0)]);
}

const phrase = (counts: readonly [what: string, n: number][]): string =>
  counts
    .filter(([, n]) => n > 0)
    .map(([what, n]) => `${n} ${what}${n === 1 ? '' : 's'}`)
    .join(', ');

/** `1 TPG, 2 LUNs, 1 node ACL`: what the change removes; empty when it removes none of these. */
export const removedText = (before: Document, after: Document): string =>
  phrase(removedCounts(before, after));

/** From above to below: each takes those after it along. */
const HANGING = ['LUN', 'node ACL', 'mapped LUN'];

function storageObjects({ backstores }: Document): number {
  const { block, fileio, ramdisk } = backstores;
  return [block, fileio, ramdisk].reduce((sum, objects) => sum + Object.keys(objects).length, 0);
}

/** `1 LUN, 2 mapped LUNs`: what goes with the one thing that is deleted; else empty. */
export function hangingText(before: Document, after: Document): string {
  const removed = removedCounts(before, after);
  const hanging = removed.filter(([what]) => HANGING.includes(what));
  const holder =
    storageObjects(after) < storageObjects(before) ||
    removed.some(([what, n]) => what === 'TPG' && n > 0);
  const itself = holder ? undefined : hanging.find(([, n]) => n > 0);
  return phrase(hanging.map(([what, n]) => [what, what === itself?.[0] ? n - 1 : n]));
}
