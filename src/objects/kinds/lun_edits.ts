/** Changes to a TPG's LUNs that take the mapped LUNs on them along. */
import { setIn, type Document, type NodeAcl, type Tpg } from '../document.ts';
import { getIn } from '../document.ts';
import type { LunUse } from '../lun_uses.ts';

function aclWithoutLun(acl: NodeAcl, lun: number): NodeAcl {
  const kept = Object.entries(acl.mapped_luns).filter(([, mapped]) => mapped.lun !== lun);
  if (kept.length === Object.keys(acl.mapped_luns).length) return acl;
  return { ...acl, mapped_luns: Object.fromEntries(kept) };
}

/** The document without a LUN and without the mapped LUNs on it. */
export function withoutLun(document: Document, { target, tag, lun }: LunUse): Document {
  const at = ['iscsi', 'targets', target, 'tpgs', tag];
  const tpg = getIn(document, at) as Tpg | undefined;
  if (tpg === undefined) return document;
  const luns = { ...tpg.luns };
  delete luns[lun];
  const acls: Record<string, NodeAcl> = {};
  for (const [name, acl] of Object.entries(tpg.acls)) acls[name] = aclWithoutLun(acl, Number(lun));
  return setIn(document, at, { ...tpg, luns, acls });
}
