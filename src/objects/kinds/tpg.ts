/** A target portal group: access rules, LUNs, initiators, portals. */
import { effective, type AttributeBag, type AttributeGroup } from '../attribute.ts';
import { AUTH, AUTH_ALIASES } from '../declarations/auth.ts';
import { TPG_ATTRIBUTES } from '../declarations/tpg.ts';
import { getIn, setIn, type Document, type Tpg } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { TPG_PARAMETERS } from '../iscsi_keys.ts';
import { parsePortal, portalKey } from '../portal_address.ts';
import { tpgProblems } from '../rules.ts';
import type { CommandContext, CommandOutcome, NodeKind, Summary, TreeNode } from '../node.ts';
import { ACLS } from './acls.ts';
import { checkCredentials, checkDirections, credentialsOf } from './auth_group.ts';
import { FORCE, changed, info, makeNode, mergeBag, unknownGroup } from './kit.ts';
import { LUNS } from './luns.ts';
import { PORTALS } from './portals.ts';
import { SESSIONS, sessionsOf } from './sessions.ts';

/** Datera shows beside the credentials whether this target proves itself; it follows from them. */
export const TPG_AUTH = {
  ...AUTH,
  authenticate_target: {
    kind: 'bool',
    style: 'digit',
    default: false,
    readonly: true,
    help: 'Whether this target proves itself to initiators: it does with both mutual values set.',
  },
} as const satisfies AttributeGroup;

const GROUPS = {
  attribute: TPG_ATTRIBUTES,
  auth: TPG_AUTH,
  parameter: TPG_PARAMETERS,
} as const;
const STORED = { attribute: 'attributes', auth: 'auth', parameter: 'parameters' } as const;
type Group = keyof typeof GROUPS;

function tpgAt(document: Document, node: TreeNode): Tpg {
  const tpg = getIn(document, node.at);
  if (tpg === undefined) throw new ConfigError(`No such TPG: ${node.name}`);
  return tpg as Tpg;
}

function read(document: Document, node: TreeNode, group: string): AttributeBag {
  const tpg = tpgAt(document, node);
  switch (group) {
    case 'attribute':
      return tpg.attributes;
    case 'auth':
      return { ...tpg.auth, authenticate_target: credentialsOf(tpg.auth).mutual };
    case 'parameter':
      if (tpg.attributes.authentication !== true) return tpg.parameters;
      // With authentication on, None is not offered unless somebody asked for a method by name.
      return { AuthMethod: 'CHAP', ...tpg.parameters };
    default:
      return {};
  }
}

/** authentication=1 takes `None` out of what is offered, as LIO does: the older choice is void. */
function withoutAuthMethod(tpg: Tpg): Tpg {
  const parameters: Record<string, unknown> = { ...tpg.parameters };
  delete parameters['AuthMethod'];
  return { ...tpg, parameters };
}

function checkAuthMethod(tpg: Tpg, method: unknown): void {
  if (tpg.attributes.authentication !== true || typeof method !== 'string') return;
  if (method.split(',').includes('None')) {
    throw new ConfigError(
      `Cannot set parameter AuthMethod: ${method} lets initiators in without CHAP while ` +
        'authentication=1; set attribute authentication=0 first',
    );
  }
}

function write(document: Document, node: TreeNode, group: string, values: AttributeBag): Document {
  if (!Object.hasOwn(GROUPS, group)) throw unknownGroup(group);
  const name = group as Group;
  const tpg = tpgAt(document, node);
  if (name === 'auth') checkCredentials(values);
  if (name === 'parameter') checkAuthMethod(tpg, values['AuthMethod']);
  const key = STORED[name];
  const bag = mergeBag(group, GROUPS[name], tpg[key], values);
  if (name === 'auth') checkDirections(bag);
  const merged: Tpg = { ...tpg, [key]: bag };
  const switched = merged.attributes.authentication !== tpg.attributes.authentication;
  const wanted = switched ? withoutAuthMethod(merged) : merged;
  const [problem] = tpgProblems(wanted);
  if (problem !== undefined) throw new ConfigError(`Cannot set ${group}: ${problem}`);
  return setIn(document, node.at, wanted);
}

function summary(tpg: Tpg): Summary {
  if (!tpg.enabled) return { text: 'disabled', healthy: false };
  const { generate_node_acls, authentication } = effective(TPG_ATTRIBUTES, tpg.attributes);
  if (!generate_node_acls) {
    return { text: `no-gen-acls, ${authentication ? 'auth per-acl' : 'no-auth'}`, healthy: null };
  }
  if (!authentication) return { text: 'gen-acls, no-auth', healthy: true };
  const { oneWay, mutual } = credentialsOf(tpg.auth);
  return { text: `gen-acls, tpg-auth, ${mutual ? 'mutual' : '1-way'} auth`, healthy: oneWay };
}

function switchTo(enabled: boolean) {
  const word = enabled ? 'enabled' : 'disabled';
  return ({ node, view }: CommandContext): CommandOutcome => {
    if (tpgAt(view.document, node).enabled === enabled) {
      return { messages: [info(`The TPGT is already ${word}.`)] };
    }
    const document = setIn(view.document, [...node.at, 'enabled'], enabled);
    return changed(document, [info(`The TPGT has been ${word}.`)]);
  };
}

const FOLDERS: Readonly<Record<string, NodeKind>> = { acls: ACLS, luns: LUNS, portals: PORTALS };

function folder(parent: TreeNode, name: string): TreeNode | undefined {
  const kind = Object.hasOwn(FOLDERS, name) ? FOLDERS[name] : undefined;
  return kind && makeNode(kind, parent, name, [...parent.at, name]);
}

const sessionsFolder = (parent: TreeNode) =>
  makeNode(SESSIONS, parent, 'sessions', [...parent.at, 'sessions']);

export const TPG: NodeKind = {
  id: 'tpg',
  help: 'A target portal group: who may log in where, and which LUNs are seen.',
  groups: () => GROUPS,
  read,
  write,
  attributeAliases: AUTH_ALIASES,
  commands: {
    enable: {
      help: 'Enables the TPG: initiators may log in.',
      params: {},
      run: switchTo(true),
      seeAlso: ['disable', 'status'],
    },
    disable: {
      help: 'Disables the TPG: its sessions end and nobody may log in.',
      params: { force: FORCE },
      dangerous: true,
      run: switchTo(false),
      seeAlso: ['enable', 'status'],
    },
  },
  children: (_document, node) => [
    makeNode(ACLS, node, 'acls', [...node.at, 'acls']),
    makeNode(LUNS, node, 'luns', [...node.at, 'luns']),
    makeNode(PORTALS, node, 'portals', [...node.at, 'portals']),
  ],
  child: (document, node, name) => {
    const found = folder(node, name);
    if (found !== undefined) return found;
    // Old guides leave `portals` out: /iscsi/IQN/tpgt1/192.168.1.139:3260
    const portal = name.includes(':') ? parsePortal(name) : undefined;
    const portals = folder(node, 'portals');
    if (portal?.ok !== true || portals === undefined) return undefined;
    return portals.kind.child(document, portals, portalKey(portal.portal));
  },
  // Not among the others while nobody is logged in: the tree is then the one that guides show.
  liveChildren: (view, node) => (sessionsOf(view, node).length === 0 ? [] : [sessionsFolder(node)]),
  liveChild: (_view, node, name) => (name === 'sessions' ? sessionsFolder(node) : undefined),
  summary: ({ document }, node) => summary(tpgAt(document, node)),
  info: ({ document }, node) => [
    `enable: ${tpgAt(document, node).enabled ? 'True' : 'False'}`,
    `tag: ${node.at.at(-1)}`,
  ],
};
