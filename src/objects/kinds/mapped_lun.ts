/** A TPG LUN under the number that one initiator sees. */
import { getIn, own, type MappedLun } from '../document.ts';
import type { NodeKind, Summary, TreeNode, View } from '../node.ts';
import { NO_ATTRIBUTES, NO_CHILDREN } from './kit.ts';
import { notReady } from './storage_object.ts';
import { tpgOf } from './tpg_access.ts';

function summary(view: View, node: TreeNode): Summary {
  const mapped = getIn(view.document, node.at) as MappedLun | undefined;
  const lun = mapped && own(tpgOf(view.document, node.at).luns, String(mapped.lun));
  if (mapped === undefined || lun === undefined) return { text: 'BROKEN LUN LINK', healthy: false };
  const access = mapped.write_protect ? 'ro' : 'rw';
  const text = `lun${mapped.lun} ${lun.storage_object} (${access})`;
  return { text, healthy: notReady(view, lun.storage_object) === undefined };
}

export const MAPPED_LUN: NodeKind = {
  id: 'mapped_lun',
  help: 'A LUN of the TPG under the number that the initiator sees.',
  ...NO_ATTRIBUTES,
  commands: {},
  ...NO_CHILDREN,
  summary,
  info: ({ document }, node) => {
    const mapped = getIn(document, node.at) as MappedLun | undefined;
    return [
      `index: ${node.at.at(-1)}`,
      `tpg_lun: ${mapped?.lun}`,
      `write_protect: ${mapped?.write_protect === true ? 'True' : 'False'}`,
    ];
  },
};
