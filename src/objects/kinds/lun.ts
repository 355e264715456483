/** One LUN of a TPG. */
import { groupNameOf, groupNames, groupOf, withGroupName } from '../alua.ts';
import type { AttributeBag, AttributeGroup } from '../attribute.ts';
import { DEFAULT_ALUA_GROUP } from '../declarations/alua.ts';
import { getIn, setIn, storageObjectOf, type Document, type TpgLun } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { NodeKind, Summary, TreeNode, View } from '../node.ts';
import { backingOf } from '../rules.ts';
import { withHint } from '../../util/near.ts';
import { mergeBag, NO_CHILDREN, unknownGroup } from './kit.ts';
import { notReady } from './storage_object.ts';

export const LUN_ALUA = {
  alua_tg_pt_gp_name: {
    kind: 'text',
    lengthMax: 255,
    default: DEFAULT_ALUA_GROUP,
    form: 'the name of an ALUA group of the storage object',
    help: 'The ALUA group of the storage object in which the path through this LUN is.',
  },
} as const satisfies AttributeGroup;

function lunAt(document: Document, { at, name }: TreeNode): TpgLun {
  const lun = getIn(document, at);
  if (lun === undefined) throw new ConfigError(`No such LUN: ${name}`);
  return lun as TpgLun;
}

function read(document: Document, node: TreeNode, group: string): AttributeBag {
  const { alua_tg_pt_gp_name } = lunAt(document, node);
  return group === 'alua' && alua_tg_pt_gp_name !== undefined ? { alua_tg_pt_gp_name } : {};
}

function write(document: Document, node: TreeNode, group: string, values: AttributeBag): Document {
  if (group !== 'alua') throw unknownGroup(group);
  const lun = lunAt(document, node);
  const merged = mergeBag(group, LUN_ALUA, {}, values);
  // Empty: as in LIO, the default group.
  const name = String(merged['alua_tg_pt_gp_name'] ?? '') || DEFAULT_ALUA_GROUP;
  const object = storageObjectOf(document, lun.storage_object);
  if (object !== undefined && groupOf(object, name) === undefined) {
    const alua = `/backstores/${lun.storage_object}/alua`;
    const message = `storage object ${lun.storage_object} has no ALUA group ${name}`;
    const hinted = withHint(message, name, groupNames(object));
    const remedy = hinted === message ? `; ${alua} create ${name} TAG makes it` : '';
    throw new ConfigError(hinted + remedy);
  }
  return setIn(document, node.at, withGroupName(lun, name));
}

function summary(view: View, node: TreeNode): Summary {
  const lun = getIn(view.document, node.at) as TpgLun | undefined;
  const object = lun && storageObjectOf(view.document, lun.storage_object);
  if (lun === undefined || object === undefined) {
    return { text: 'BROKEN STORAGE LINK', healthy: false };
  }
  const path = backingOf(object);
  const place = path === undefined ? '' : ` (${path})`;
  const text = `${lun.storage_object}${place} (${groupNameOf(lun)})`;
  const reason = notReady(view, lun.storage_object);
  if (reason === undefined) return { text, healthy: true };
  return { text: `${text}, NOT READY: ${reason}`, healthy: false };
}

export const LUN: NodeKind = {
  id: 'lun',
  help: 'A storage object under the number at which a TPG exports it.',
  groups: () => ({ alua: LUN_ALUA }),
  read,
  write,
  words: (document, node) => {
    const object = storageObjectOf(document, lunAt(document, node).storage_object);
    return object === undefined ? [] : groupNames(object);
  },
  commands: {},
  ...NO_CHILDREN,
  summary,
  info: ({ document }, node) => {
    const lun = lunAt(document, node);
    return [
      `alua_tg_pt_gp_name: ${groupNameOf(lun)}`,
      `index: ${node.at.at(-1)}`,
      `storage_object: /backstores/${lun.storage_object}`,
    ];
  },
};
