/** What an import has taken over, one line per thing. */
import { formatSize } from '../../util/sizes.ts';
import type { Document, StorageObject, Tpg } from '../../objects/document.ts';
import { backingOf, storageObjects } from '../../objects/rules.ts';

const counted = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;

function storageLine(reference: string, object: StorageObject): string {
  const parts = [backingOf(object) ?? '', 'size' in object ? formatSize(object.size) : ''];
  const groups = Object.keys(object.alua ?? {}).length;
  if (groups > 0) parts.push(counted(groups, 'ALUA group'));
  return `storage object ${reference} (${parts.filter((part) => part !== '').join(', ')})`;
}

function tpgLine(target: string, tag: string, tpg: Tpg): string {
  const parts = [
    counted(Object.keys(tpg.luns).length, 'LUN'),
    counted(Object.keys(tpg.acls).length, 'ACL'),
    counted(Object.keys(tpg.portals).length, 'portal'),
  ];
  if (tpg.attributes.authentication === true) parts.push('CHAP');
  if (tpg.attributes.generate_node_acls === true) parts.push('demo mode');
  if (!tpg.enabled) parts.push('disabled');
  return `target ${target} tpg${tag}: ${parts.join(', ')}`;
}

export function carriedLines(document: Document): readonly string[] {
  const lines = [...storageObjects(document)].map(([name, object]) => storageLine(name, object));
  if (Object.keys(document.iscsi.discovery_auth).length > 0) {
    lines.push('discovery authentication');
  }
  for (const [target, { tpgs }] of Object.entries(document.iscsi.targets)) {
    for (const [tag, tpg] of Object.entries(tpgs)) lines.push(tpgLine(target, tag, tpg));
    if (Object.keys(tpgs).length === 0) lines.push(`target ${target}`);
  }
  return lines;
}
