/** A target: its target portal groups. */
import {
  getIn,
  own,
  setIn,
  type Document,
  type Portal,
  type Target,
  type Tpg,
} from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { Arguments, CommandContext, CommandOutcome, Message, NodeKind } from '../node.ts';
import type { TreeNode } from '../node.ts';
import type { Preferences } from '../preferences.ts';
import { TAG_MAX } from '../rules.ts';
import {
  FORCE,
  changed,
  count,
  firstFree,
  flagParameter,
  info,
  makeNode,
  namesAt,
  NO_ATTRIBUTES,
  numberAfter,
  pathOf,
  recordAt,
  textOf,
  textParameter,
} from './kit.ts';
import { TPG } from './tpg.ts';

const DEFAULT_PORTAL = '0.0.0.0:3260';
const TAG_PREFIX = /^(tpgt|tgpt|tpg)/i;

function tagOf(text: string): number {
  const tag = numberAfter(TAG_PREFIX, text);
  if (tag === undefined) {
    if (/^-\d+$/.test(text)) throw new ConfigError('The TPG Tag must be >=0');
    throw new ConfigError('Tag argument must be a number.');
  }
  if (tag > TAG_MAX) throw new ConfigError(`The TPG Tag must be 0 to ${TAG_MAX}`);
  return tag;
}

function defaultPortal(target: Target): { portals: Record<string, Portal>; messages: Message[] } {
  for (const tpg of Object.values(target.tpgs)) {
    if (own(tpg.portals, DEFAULT_PORTAL) === undefined) continue;
    const text = 'Default portal not created, TPGs within a target cannot share ip:port.';
    return { portals: {}, messages: [info(text)] };
  }
  return {
    portals: { [DEFAULT_PORTAL]: { iser: false } },
    messages: [
      info('Global pref auto_add_default_portal=true'),
      info('Created default portal listening on all IPs (0.0.0.0), port 3260.'),
    ],
  };
}

export interface NewTpg {
  readonly enable: boolean;
  readonly defaultPortal: boolean;
}

/** What the arguments say, else the preferences. */
export function newTpg(args: Arguments, preferences: Preferences): NewTpg {
  return {
    enable: (args['enable'] ?? preferences.auto_enable_tpgt) === true,
    defaultPortal: (args['add_default_portal'] ?? preferences.auto_add_default_portal) === true,
  };
}

export const NEW_TPG_PARAMETERS = {
  enable: flagParameter('Enable the TPG; when omitted, as auto_enable_tpgt says.', true),
  add_default_portal: flagParameter(
    'Listen on all addresses; when omitted, as auto_add_default_portal says.',
    true,
  ),
} as const;

/** The document with a new TPG of a target, and what to tell the user. */
export function addTpg(
  document: Document,
  targetName: string,
  tag: number,
  wanted: NewTpg,
): { document: Document; messages: readonly Message[] } {
  const target = own(document.iscsi.targets, targetName) ?? { tpgs: {} };
  const { portals, messages } = wanted.defaultPortal
    ? defaultPortal(target)
    : { portals: {}, messages: [] };
  const tpg: Tpg = {
    enabled: wanted.enable,
    attributes: {},
    parameters: {},
    auth: {},
    portals,
    luns: {},
    acls: {},
  };
  const at = ['iscsi', 'targets', targetName, 'tpgs', String(tag)];
  return {
    document: setIn(document, at, tpg),
    messages: [info(`Created TPG ${tag}.`), ...messages],
  };
}

function create(context: CommandContext, args: Arguments): CommandOutcome {
  const { node, view, preferences } = context;
  const tpgs = recordAt(view.document, [...node.at, 'tpgs']);
  const text = textOf(args['tag']);
  const tag = text === '' ? firstFree(tpgs, 1) : tagOf(text);
  if (Object.hasOwn(tpgs, String(tag))) {
    throw new ConfigError('This TPG already exists in configFS');
  }
  const added = addTpg(view.document, node.name, tag, newTpg(args, preferences));
  return changed(added.document, added.messages, `${pathOf(node)}/tpg${tag}`);
}

function deleteTpg({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const tag = tagOf(textOf(args['tag']));
  const at = [...node.at, 'tpgs', String(tag)];
  if (getIn(view.document, at) === undefined) {
    throw new ConfigError(`No such TPG in configfs: ${pathOf(node)}/tpg${tag}`);
  }
  return changed(setIn(view.document, at, undefined), [info(`Deleted TPGT ${tag}.`)]);
}

const tpgNode = (parent: TreeNode, tag: string) =>
  makeNode(TPG, parent, `tpg${tag}`, [...parent.at, 'tpgs', tag]);

export const TARGET: NodeKind = {
  id: 'target',
  help: 'An iSCSI target: initiators log in to one of its target portal groups.',
  ...NO_ATTRIBUTES,
  commands: {
    create: {
      help:
        'Creates a new Target Portal Group within the target.\nThe tag is a number, or tpgN; the ' +
        'next free one is taken when it is omitted.',
      params: {
        tag: {
          ...textParameter('Tag of the TPG.'),
          form: 'a number or tpgN',
          suggest: ({ node, view }) => [
            String(firstFree(recordAt(view.document, [...node.at, 'tpgs']), 1)),
          ],
        },
        ...NEW_TPG_PARAMETERS,
      },
      run: create,
      seeAlso: ['delete'],
    },
    delete: {
      help:
        'Deletes a Target Portal Group.\nIts LUNs, ACLs and portals are deleted with it and its ' +
        'sessions end; storage objects stay.',
      params: {
        tag: {
          ...textParameter('Tag of the TPG.'),
          form: 'a number or tpgN',
          required: true,
          suggest: ({ node, view }) => namesAt(view.document, [...node.at, 'tpgs']),
        },
        force: FORCE,
      },
      dangerous: true,
      run: deleteTpg,
      seeAlso: ['create'],
    },
  },
  children: (document, node) =>
    namesAt(document, [...node.at, 'tpgs']).map((tag) => tpgNode(node, tag)),
  child: (document, node, name) => {
    const tag = TAG_PREFIX.test(name) ? numberAfter(TAG_PREFIX, name) : undefined;
    if (tag === undefined) return undefined;
    const known = Object.hasOwn(recordAt(document, [...node.at, 'tpgs']), String(tag));
    return known ? tpgNode(node, String(tag)) : undefined;
  },
  summary: ({ document }, node) => ({
    text: count('TPGs', Object.keys(recordAt(document, [...node.at, 'tpgs'])).length),
    healthy: null,
  }),
  info: (_view, node) => ['fabric: iscsi', `wwn: ${node.name}`],
};
