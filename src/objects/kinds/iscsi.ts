/** `/iscsi`: the fabric, its targets, and what discovery sessions must prove. */
import { randomBytes } from 'node:crypto';
import type { AttributeBag } from '../attribute.ts';
import { AUTH_ALIASES, DISCOVERY_AUTH } from '../declarations/auth.ts';
import { own, setIn, type Document, type Target } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { withHint } from '../../util/near.ts';
import { generatedTargetName, nameKey, normaliseName } from '../names.ts';
import type {
  Arguments,
  CommandContext,
  CommandOutcome,
  NodeKind,
  Summary,
  TreeNode,
} from '../node.ts';
import { checkCredentials, checkDirections, credentialsOf } from './auth_group.ts';
import {
  FORCE,
  bagAt,
  changed,
  count,
  info,
  makeNode,
  mergeBag,
  namesAt,
  pathOf,
  textOf,
  textParameter,
  writeBagAt,
  unknownGroup,
} from './kit.ts';
import { addTpg, NEW_TPG_PARAMETERS, newTpg, TARGET } from './target.ts';

const GROUP = 'discovery_auth';

/** A name that is free: LIO's form, with a random serial. */
function freeName(context: CommandContext): string {
  const { targets } = context.view.document.iscsi;
  for (;;) {
    const serial = randomBytes(6).toString('hex');
    const name = generatedTargetName(context.host.hostname(), process.arch, serial);
    if (!Object.hasOwn(targets, name)) return name;
  }
}

function givenName(context: CommandContext, text: string): string {
  const result = normaliseName(text);
  if (!result.ok) throw new ConfigError(result.reason);
  if (own(context.view.document.iscsi.targets, result.name) !== undefined) {
    throw new ConfigError('This Target already exists in configFS');
  }
  return result.name;
}

function create(context: CommandContext, args: Arguments): CommandOutcome {
  const text = textOf(args['wwn']);
  const name = text === '' ? freeName(context) : givenName(context, text);
  const empty: Target = { tpgs: {} };
  const at = ['iscsi', 'targets', name];
  const withTarget = setIn(context.view.document, at, empty);
  const tpg = addTpg(withTarget, name, 1, newTpg(args, context.preferences));
  return changed(
    tpg.document,
    [info(`Created target ${name}.`), ...tpg.messages],
    `${pathOf(context.node)}/${name}/tpg1`,
  );
}

function deleteTarget(context: CommandContext, args: Arguments): CommandOutcome {
  const text = textOf(args['wwn']);
  const { document } = context.view;
  const result = normaliseName(text);
  const name = result.ok ? result.name : nameKey(text);
  if (own(document.iscsi.targets, name) === undefined) {
    const message = `No such Target in configfs: /iscsi/${text}`;
    throw new ConfigError(withHint(message, text, Object.keys(document.iscsi.targets)));
  }
  return changed(setIn(document, ['iscsi', 'targets', name], undefined), [
    info(`Deleted Target ${name}.`),
  ]);
}

function summary(document: Document): Summary {
  const targets = count('Targets', Object.keys(document.iscsi.targets).length);
  const { enable, ...auth } = document.iscsi.discovery_auth;
  if (enable !== true) return { text: targets, healthy: null };
  const { oneWay, mutual } = credentialsOf(auth);
  return { text: `${mutual ? 'mutual' : '1-way'} disc auth, ${targets}`, healthy: oneWay };
}

const NONE = 'none: this engine runs in user space';

function write(document: Document, node: TreeNode, group: string, values: AttributeBag): Document {
  if (group !== GROUP) throw unknownGroup(group);
  checkCredentials(values);
  const merged = mergeBag(GROUP, DISCOVERY_AUTH, bagAt(document, node, GROUP), values);
  checkDirections(merged);
  return writeBagAt(document, node, GROUP, merged);
}

export const ISCSI: NodeKind = {
  id: 'iscsi',
  help: 'The iSCSI fabric: targets, and authentication of discovery sessions.',
  groups: () => ({ [GROUP]: DISCOVERY_AUTH }),
  read: (document, node, group) => (group === GROUP ? bagAt(document, node, GROUP) : {}),
  write,
  attributeAliases: AUTH_ALIASES,
  commands: {
    create: {
      help:
        'Creates a new target with TPG 1.\nThe name is an iqn, eui or naa name; when it is ' +
        'omitted one is generated from the name of this host.',
      params: {
        wwn: textParameter('Name of the target; generated when omitted.'),
        ...NEW_TPG_PARAMETERS,
      },
      run: create,
      seeAlso: ['info', 'delete'],
    },
    delete: {
      help:
        'Deletes a target.\nIts TPGs, LUNs, ACLs and portals are deleted with it and its ' +
        'sessions end; storage objects stay.',
      params: {
        wwn: {
          ...textParameter('Name of the target.'),
          required: true,
          suggest: ({ view }) => namesAt(view.document, ['iscsi', 'targets']),
        },
        force: FORCE,
      },
      dangerous: true,
      run: deleteTarget,
      seeAlso: ['create'],
    },
  },
  children: (document, node) =>
    namesAt(document, ['iscsi', 'targets']).map((name) => targetNode(node, name)),
  child: (document, node, name) => {
    const key = nameKey(name);
    return own(document.iscsi.targets, key) === undefined ? undefined : targetNode(node, key);
  },
  summary: ({ document }) => summary(document),
  info: () => [
    'Fabric module name: iscsi',
    `ConfigFS path: ${NONE}`,
    'Allowed WWN types: iqn, naa, eui',
    'Fabric module features: discovery_auth, acls, auth, nps, tpgts',
    `Corresponding kernel module: ${NONE}`,
  ],
};

function targetNode(parent: TreeNode, name: string): TreeNode {
  return makeNode(TARGET, parent, name, ['iscsi', 'targets', name]);
}

/** Datera had iSER as a fabric of its own; here it is a flag of a portal. */
export const ISER: NodeKind = {
  ...ISCSI,
  id: 'iser',
  help: 'Another name of /iscsi, kept for old guides: iSER is a flag of a portal.',
  info: () => [
    'Fabric module name: iser',
    `ConfigFS path: ${NONE}`,
    'Allowed WWNs list type: iqn',
    'Fabric module specfile: none: iser is another name of /iscsi',
    'Fabric module features: discovery_auth, acls, acls_auth, nps, tpgts',
    `Corresponding kernel module: ${NONE}`,
  ],
};
