/** Places of a document in the words of its users. */
import type { DocumentPath } from '../../objects/document.ts';

function inTpg(rest: DocumentPath, value: string): string {
  const [group, key = '', inner, name] = rest;
  switch (group) {
    case 'luns':
      return `LUN ${key}`;
    case 'portals':
      return inner === 'iser' ? `iSER at portal ${key}` : `portal ${key}`;
    case 'acls':
      if (inner === 'mapped_luns') return `mapped LUN ${name ?? ''} of ACL ${key}`;
      return inner === undefined ? `ACL ${key}` : `${name ?? inner}${value} of ACL ${key}`;
    default:
      return key === '' ? (group ?? '') : key + value;
  }
}

/** `emulate_pr=1 of fileio/disk1`, `LUN 3 of iqn… tpg1`; `value` with its equals sign. */
export function describePlace(path: DocumentPath, value = ''): string {
  if (path[0] === 'backstores') {
    const object = `${path[1]}/${path[2]}`;
    const inside = path[3] === 'attributes' ? path[4] : path[3];
    return inside === undefined ? `storage object ${object}` : `${inside}${value} of ${object}`;
  }
  if (path[1] === 'discovery_auth') return `discovery ${path[2] ?? 'authentication'}${value}`;
  const target = path[2] ?? '';
  if (path.length < 5) return `target ${target}`;
  const tpg = `${target} tpg${path[4]}`;
  return path.length === 5 ? tpg : `${inTpg(path.slice(5), value)} of ${tpg}`;
}
