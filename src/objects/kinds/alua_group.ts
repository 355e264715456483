/** One group of target ports of a storage object. */
import {
  GROUP_ID_MAX,
  groupMembers,
  groupOf,
  groupProblems,
  groupValues,
  refusesAccess,
  stateChangeProblem,
  stateText,
  withGroup,
} from '../alua.ts';
import {
  format,
  type Attribute,
  type AttributeBag,
  type AttributeGroup,
  type AttributeValue,
} from '../attribute.ts';
import { ACCESS_STATUS, ALUA_ATTRIBUTES } from '../declarations/alua.ts';
import { setIn, type AluaGroup, type Document } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { lunPath } from '../lun_uses.ts';
import type { NodeKind, Summary, TreeNode, View } from '../node.ts';
import { ownerAt, ownerPath, ownerReference } from './alua_owner.ts';
import { mergeBag, NO_CHILDREN, unknownGroup } from './kit.ts';

/** With what follows from elsewhere: LIO's read-only values. */
export const ALUA_GROUP_ATTRIBUTES = {
  ...ALUA_ATTRIBUTES,
  alua_support_lba_dependent: {
    kind: 'bool',
    style: 'digit',
    default: false,
    readonly: true,
    help: 'Whether blocks of one LUN may differ in their state: never here.',
  },
  members: {
    kind: 'text',
    lengthMax: 4096,
    default: '',
    readonly: true,
    help: 'The LUNs that are in this group.',
  },
  tg_pt_gp_id: {
    kind: 'uint',
    min: 0,
    max: GROUP_ID_MAX,
    default: 0,
    readonly: true,
    spec: 'SPC-4 §6.37',
    help: 'Number of the group, as initiators see it; 0 is the default group.',
  },
} as const satisfies AttributeGroup;

function groupAt(document: Document, { at, name }: TreeNode): AluaGroup {
  const group = groupOf(ownerAt(document, at), name);
  if (group === undefined) throw new ConfigError(`No such ALUA group: ${name}`);
  return group;
}

/** Not of the group itself, but of the LUNs that name it. */
function live({ document }: View, { at, name }: TreeNode): AttributeBag {
  const members = groupMembers(document, ownerReference(at), name);
  return { members: members.map(lunPath).join(', ') };
}

function read(document: Document, node: TreeNode, group: string): AttributeBag {
  if (group !== 'alua') return {};
  const { tg_pt_gp_id, attributes } = groupAt(document, node);
  return { ...attributes, ...(tg_pt_gp_id !== 0 && { tg_pt_gp_id }) };
}

/** A state that the administrator sets has come about by the administrator. */
function withStatus(before: AluaGroup, values: AttributeBag): AttributeBag {
  const { alua_access_state: state, alua_access_status: status } = values;
  const isNew = state !== undefined && state !== groupValues(before).alua_access_state;
  return isNew && status === undefined
    ? { ...values, alua_access_status: ACCESS_STATUS.IMPLICIT }
    : values;
}

function write(document: Document, node: TreeNode, group: string, values: AttributeBag): Document {
  if (group !== 'alua') throw unknownGroup(group);
  const object = ownerAt(document, node.at);
  const before = groupAt(document, node);
  const wanted = withStatus(before, values);
  const attributes = mergeBag(group, ALUA_ATTRIBUTES, before.attributes, wanted);
  const after: AluaGroup = { ...before, attributes };
  const change = stateChangeProblem(groupValues(before), groupValues(after));
  if (change !== undefined) throw new ConfigError(`Cannot change ALUA state: ${change}`);
  const [problem] = groupProblems(after);
  if (problem !== undefined) throw new ConfigError(`Cannot set alua: ${problem}`);
  return setIn(document, ownerPath(node.at), withGroup(object, node.name, after));
}

function summary({ document }: View, node: TreeNode): Summary {
  const group = groupOf(ownerAt(document, node.at), node.name);
  if (group === undefined) return { text: 'DELETED', healthy: false };
  const { alua_access_state: state } = groupValues(group);
  return { text: `ALUA state: ${stateText(state)}`, healthy: refusesAccess(state) ? null : true };
}

function info({ document }: View, node: TreeNode): readonly string[] {
  const group = groupAt(document, node);
  const table: AttributeGroup = ALUA_ATTRIBUTES;
  const lines = Object.entries<AttributeValue>(groupValues(group)).map(
    ([name, value]) => `${name}: ${format(table[name] as Attribute, value)}`,
  );
  return [...lines, `name: ${node.name}`, `tg_pt_gp_id: ${group.tg_pt_gp_id}`].sort();
}

export const ALUA_GROUP: NodeKind = {
  id: 'alua_group',
  help: 'A group of target ports: all paths through its LUNs are in one state.',
  groups: () => ({ alua: ALUA_GROUP_ATTRIBUTES }),
  read,
  live,
  write,
  commands: {},
  ...NO_CHILDREN,
  summary,
  info,
};
