/** `acls` of a TPG: the initiators that it knows by name. */
import { own, setIn, type Document, type MappedLun, type NodeAcl } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { nameKey, normaliseName } from '../names.ts';
import type { Arguments, CommandContext, CommandOutcome, NodeKind, TreeNode } from '../node.ts';
import { withHint } from '../../util/near.ts';
import { tagProblem } from '../rules.ts';
import { GROUP_COMMANDS, membersOf, namedAcls } from './acl_groups.ts';
import {
  FORCE,
  changed,
  compareNames,
  count,
  flagParameter,
  info,
  makeNode,
  namesAt,
  NO_ATTRIBUTES,
  pathOf,
  textOf,
  textParameter,
} from './kit.ts';
import { NODE_ACL } from './node_acl.ts';
import { tpgOf } from './tpg_access.ts';

function create(context: CommandContext, args: Arguments): CommandOutcome {
  const { node, view, preferences } = context;
  const result = normaliseName(textOf(args['wwn']));
  if (!result.ok) throw new ConfigError(result.reason);
  const { name } = result;
  const tpg = tpgOf(view.document, node.at);
  if (own(tpg.acls, name) !== undefined) {
    throw new ConfigError('This NodeACL already exists in configFS');
  }
  const messages = [info(`Created Node ACL for ${name}`)];
  const mapped: Record<string, MappedLun> = {};
  if ((args['add_mapped_luns'] ?? preferences.auto_add_mapped_luns) === true) {
    for (const lun of namesAt(view.document, [...node.at.slice(0, -1), 'luns'])) {
      mapped[lun] = { lun: Number(lun), write_protect: false };
      messages.push(info(`Created mapped LUN ${lun}.`));
    }
  }
  const acl: NodeAcl = { attributes: {}, auth: {}, mapped_luns: mapped };
  const document = setIn(view.document, [...node.at, name], acl);
  return changed(document, messages, `${pathOf(node)}/${name}`);
}

/** Initiators that are logged in without an ACL, or were refused: the ones to make an ACL for. */
function strangers({ node, view }: CommandContext): readonly string[] {
  const known = tpgOf(view.document, node.at).acls;
  const { sessions, refusedLogins } = view.runtime;
  const seen = [...sessions, ...refusedLogins].map(({ initiator }) => nameKey(initiator));
  const names = seen.filter((name) => normaliseName(name).ok);
  return [...new Set(names)].filter((name) => !Object.hasOwn(known, name)).sort();
}

function deleteAcl({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const text = textOf(args['wwn']);
  const result = normaliseName(text);
  const names = namedAcls(tpgOf(view.document, node.at).acls, result.ok ? result.name : text);
  if (names.length === 0) {
    const message = `No such NodeACL in configfs: ${pathOf(node)}/${text}`;
    throw new ConfigError(withHint(message, text, namesAt(view.document, node.at)));
  }
  const without = (now: Document, name: string) => setIn(now, [...node.at, name], undefined);
  return changed(
    names.reduce(without, view.document),
    names.map((name) => info(`Deleted Node ACL ${name}.`)),
  );
}

const aclNode = (parent: TreeNode, name: string) =>
  makeNode(NODE_ACL, parent, name, [...parent.at, name]);

/** One node for all that share the tag; each that joins is alike, so the first tells for all. */
function groupNode(parent: TreeNode, tag: string, members: readonly string[]) {
  const [first = [], ...others] = members.map((name) => [...parent.at, name]);
  return makeNode(NODE_ACL, parent, tag, first, others);
}

function children(document: Document, node: TreeNode): readonly TreeNode[] {
  const { acls } = tpgOf(document, node.at);
  const groups = new Map<string, string[]>();
  const nodes: TreeNode[] = [];
  for (const [name, { tag }] of Object.entries(acls)) {
    if (tag === undefined) nodes.push(aclNode(node, name));
    else groups.set(tag, [...(groups.get(tag) ?? []), name]);
  }
  for (const [tag, members] of groups) nodes.push(groupNode(node, tag, members));
  return nodes.sort((a, b) => compareNames(a.name, b.name));
}

/** By the name of an initiator or a tag; a member of a group leads to the group. */
function child(document: Document, node: TreeNode, name: string): TreeNode | undefined {
  const { acls } = tpgOf(document, node.at);
  const acl = own(acls, nameKey(name));
  if (acl !== undefined && acl.tag === undefined) return aclNode(node, nameKey(name));
  const tag = acl?.tag ?? name;
  if (tagProblem(tag) !== undefined) return undefined;
  const members = membersOf(acls, tag);
  return members.length === 0 ? undefined : groupNode(node, tag, members);
}

export const ACLS: NodeKind = {
  id: 'acls',
  help: 'The initiators that may log in to a TPG, with what each sees.',
  ...NO_ATTRIBUTES,
  commands: {
    create: {
      help:
        'Creates a Node ACL for an initiator.\nThe wwn is the name of the initiator, as ' +
        'iqn.1994-05.com.redhat:client1. With add_mapped_luns=true (the default follows ' +
        'auto_add_mapped_luns) every LUN of the TPG is mapped under its own number.',
      params: {
        wwn: {
          ...textParameter('Name of the initiator.'),
          required: true,
          suggest: strangers,
        },
        add_mapped_luns: flagParameter('Map every LUN of the TPG.', true),
      },
      run: create,
      seeAlso: ['delete'],
    },
    delete: {
      help:
        'Deletes the Node ACL of an initiator.\nIts sessions end. With a tag, those of the ' +
        'whole group.',
      params: {
        wwn: {
          ...textParameter('Name of the initiator, or a tag.'),
          required: true,
          suggest: ({ node, view }) => [
            ...new Set([
              ...namesAt(view.document, node.at),
              ...children(view.document, node).map(({ name }) => name),
            ]),
          ],
        },
        force: FORCE,
      },
      dangerous: true,
      run: deleteAcl,
      seeAlso: ['create'],
    },
    ...GROUP_COMMANDS,
  },
  children,
  child,
  summary: ({ document }, node) => ({
    text: count('ACLs', children(document, node).length),
    healthy: null,
  }),
};
