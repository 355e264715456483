/** `alua` of a storage object: its groups of target ports. */
import {
  ALUA_GROUPS_MAX,
  groupIdProblem,
  groupMembers,
  groupNameProblem,
  groupNames,
  groupOf,
  namedGroups,
  stateText,
  groupValues,
  withGroup,
  withGroupName,
} from '../alua.ts';
import { DEFAULT_ALUA_GROUP } from '../declarations/alua.ts';
import { getIn, own, setIn } from '../document.ts';
import type { AluaGroup, Document, StorageObject, TpgLun } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { describeUses, placeOf, type LunUse } from '../lun_uses.ts';
import type { Arguments, CommandContext, CommandOutcome, NodeKind, TreeNode } from '../node.ts';
import { withHint } from '../../util/near.ts';
import { ALUA_GROUP } from './alua_group.ts';
import { ownerAt, ownerPath, ownerReference } from './alua_owner.ts';
import {
  changed,
  compareNames,
  count,
  info,
  makeNode,
  NO_ATTRIBUTES,
  pathOf,
  textOf,
  textParameter,
} from './kit.ts';

function freeId(object: StorageObject): number {
  const taken = new Set(Object.values(object.alua ?? {}).map(({ tg_pt_gp_id: id }) => id));
  let id = 1;
  while (taken.has(id)) id += 1;
  return id;
}

function newId(object: StorageObject, reference: string, text: string): number {
  const id = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  const problem = groupIdProblem(id);
  if (problem !== undefined) throw new ConfigError(problem);
  const taken = Object.entries(object.alua ?? {}).find(([, group]) => group.tg_pt_gp_id === id);
  if (taken === undefined) return id;
  throw new ConfigError(
    `ALUA group ${taken[0]} of ${reference} has the tag ${id} already: ` +
      `${freeId(object)} is free`,
  );
}

function create({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const object = ownerAt(view.document, node.at);
  const name = textOf(args['name']);
  const problem = groupNameProblem(name);
  if (problem !== undefined) throw new ConfigError(problem);
  if (groupOf(object, name) !== undefined) {
    throw new ConfigError('This ALUATargetPortGroup already exists in configFS');
  }
  if (namedGroups(object.alua).length >= ALUA_GROUPS_MAX) {
    throw new ConfigError(
      `A storage object has at most ${ALUA_GROUPS_MAX} ALUA groups: delete one first`,
    );
  }
  const tg_pt_gp_id = newId(object, ownerReference(node.at), textOf(args['tag']));
  const group: AluaGroup = { tg_pt_gp_id, attributes: {} };
  return changed(
    setIn(view.document, ownerPath(node.at), withGroup(object, name, group)),
    [info(`Created ALUA TPG ${name}.`)],
    `${pathOf(node)}/${name}`,
  );
}

/** As LIO does it: the LUNs of a group that goes are in the default one. */
function moveToDefault(document: Document, members: readonly LunUse[]): Document {
  return members.reduce((now, use) => {
    const at = placeOf(use);
    return setIn(now, at, withGroupName(getIn(now, at) as TpgLun, DEFAULT_ALUA_GROUP));
  }, document);
}

function deleteGroup({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const object = ownerAt(view.document, node.at);
  const name = textOf(args['name']);
  if (name === DEFAULT_ALUA_GROUP) throw new ConfigError(`Can not delete ${name}`);
  const names = namedGroups(object.alua);
  if (!names.includes(name)) {
    throw new ConfigError(withHint('Invalid ALUA group name', name, names));
  }
  const members = groupMembers(view.document, ownerReference(node.at), name);
  const moved = moveToDefault(view.document, members);
  const messages = [info(`Deleted ALUA TPG ${name}.`)];
  const standard = groupOf(object, DEFAULT_ALUA_GROUP);
  if (members.length > 0 && standard !== undefined) {
    const state = stateText(groupValues(standard).alua_access_state);
    const which = describeUses(members, 8);
    messages.push(info(`In ${DEFAULT_ALUA_GROUP} (${state}) now: ${which}`));
  }
  return changed(setIn(moved, ownerPath(node.at), withGroup(object, name, undefined)), messages);
}

const groupNode = (folder: TreeNode, name: string) =>
  makeNode(ALUA_GROUP, folder, name, [...folder.at, name]);

export const ALUA: NodeKind = {
  id: 'alua',
  help: 'Groups of target ports: by which paths initiators should reach the storage object.',
  ...NO_ATTRIBUTES,
  commands: {
    create: {
      help:
        'Creates an ALUA group, to which LUNs of this storage object can be assigned.\n' +
        'A storage object that two targets export is reached by two paths; a group says of its ' +
        'paths whether initiators should use them (`help alua`). The tag, 1 to 65535, is the ' +
        'number that initiators see: no other group of the storage object may have it. A LUN ' +
        'joins by `set alua alua_tg_pt_gp_name=NAME` at its node.',
      params: {
        name: { ...textParameter('Name of the group.'), required: true },
        tag: {
          ...textParameter('Number of the group, as initiators see it.'),
          form: 'a number from 1 to 65535',
          required: true,
          suggest: ({ node, view }) => [String(freeId(ownerAt(view.document, node.at)))],
        },
      },
      run: create,
      seeAlso: ['delete'],
    },
    delete: {
      help:
        'Deletes an ALUA group.\nLUNs that are in it are in default_tg_pt_gp from then on, with ' +
        'its state; which ones is told. The default group stays.',
      params: {
        name: {
          ...textParameter('Name of the group.'),
          required: true,
          suggest: ({ node, view }) => namedGroups(ownerAt(view.document, node.at).alua),
          note: ({ node, view }, name) => {
            const group = own(ownerAt(view.document, node.at).alua ?? {}, name);
            return group && stateText(groupValues(group).alua_access_state);
          },
        },
      },
      run: deleteGroup,
      seeAlso: ['create'],
    },
  },
  children: (document, node) =>
    [...groupNames(ownerAt(document, node.at))]
      .sort(compareNames)
      .map((name) => groupNode(node, name)),
  child: (document, node, name) =>
    groupOf(ownerAt(document, node.at), name) === undefined ? undefined : groupNode(node, name),
  summary: ({ document }, node) => ({
    text: count('ALUA Groups', groupNames(ownerAt(document, node.at)).length),
    healthy: null,
  }),
};
