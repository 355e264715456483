/** A TPG LUN under the number that one initiator sees. */
import type { AttributeBag, AttributeGroup } from '../attribute.ts';
import { getIn, own, setIn, type Document, type MappedLun } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { NodeKind, Summary, TreeNode, View } from '../node.ts';
import { atEachPlace, mergeBag, NO_CHILDREN, unknownGroup } from './kit.ts';
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

export const MAPPED_LUN_ATTRIBUTES = {
  write_protect: {
    kind: 'bool',
    style: 'digit',
    default: false,
    help: 'If set to 1, prevent writes of this initiator.',
  },
} as const satisfies AttributeGroup;

function mappedAt(document: Document, node: TreeNode): MappedLun {
  const mapped = getIn(document, node.at);
  if (mapped === undefined) throw new ConfigError(`No such MappedLUN: ${node.name}`);
  return mapped as MappedLun;
}

function write(document: Document, node: TreeNode, group: string, values: AttributeBag): Document {
  if (group !== 'attribute') throw unknownGroup(group);
  const mapped = mappedAt(document, node);
  const { write_protect } = mapped;
  const merged = mergeBag(group, MAPPED_LUN_ATTRIBUTES, { write_protect }, values);
  const wanted = { ...mapped, write_protect: merged['write_protect'] === true };
  return atEachPlace(document, node, (now, at) => setIn(now, at, wanted));
}

export const MAPPED_LUN: NodeKind = {
  id: 'mapped_lun',
  help: 'A LUN of the TPG under the number that the initiator sees.',
  groups: () => ({ attribute: MAPPED_LUN_ATTRIBUTES }),
  read: (document, node, group) =>
    group === 'attribute' ? { write_protect: mappedAt(document, node).write_protect } : {},
  write,
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
