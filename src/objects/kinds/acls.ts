/** `acls` of a TPG: the initiators that it knows by name. */
import { own, setIn, type MappedLun, type NodeAcl } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { nameKey, normaliseName } from '../names.ts';
import type { Arguments, CommandContext, CommandOutcome, NodeKind, TreeNode } from '../node.ts';
import {
  FORCE,
  changed,
  count,
  flagParameter,
  hasAt,
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
  const name = result.ok ? result.name : nameKey(text);
  if (!hasAt(view.document, [...node.at, name])) {
    throw new ConfigError(`No such NodeACL in configfs: ${pathOf(node)}/${text}`);
  }
  return changed(setIn(view.document, [...node.at, name], undefined), [
    info(`Deleted Node ACL ${name}.`),
  ]);
}

const aclNode = (parent: TreeNode, name: string) =>
  makeNode(NODE_ACL, parent, name, [...parent.at, name]);

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
      help: 'Deletes the Node ACL of an initiator.\nIts sessions end.',
      params: {
        wwn: {
          ...textParameter('Name of the initiator.'),
          required: true,
          suggest: ({ node, view }) => namesAt(view.document, node.at),
        },
        force: FORCE,
      },
      dangerous: true,
      run: deleteAcl,
      seeAlso: ['create'],
    },
  },
  children: (document, node) => namesAt(document, node.at).map((name) => aclNode(node, name)),
  child: (document, node, name) => {
    const key = nameKey(name);
    return hasAt(document, [...node.at, key]) ? aclNode(node, key) : undefined;
  },
  summary: ({ document }, node) => ({
    text: count('ACLs', namesAt(document, node.at).length),
    healthy: null,
  }),
};
