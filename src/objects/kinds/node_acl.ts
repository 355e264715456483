/** One initiator's ACL: its credentials, attributes and mapped LUNs. */
import { aclAccess, authPolicy, tpgAccess } from '../access_rules.ts';
import type { AttributeBag, AttributeGroup } from '../attribute.ts';
import { AUTH, AUTH_ALIASES } from '../declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../declarations/node_acl.ts';
import {
  getIn,
  own,
  setIn,
  type Document,
  type DocumentPath,
  type NodeAcl,
  type Tpg,
} from '../document.ts';
import { ConfigError } from '../errors.ts';
import { TPG_PARAMETERS } from '../iscsi_keys.ts';
import { nameKey } from '../names.ts';
import type {
  Arguments,
  CommandContext,
  CommandOutcome,
  NodeKind,
  Summary,
  TreeNode,
  View,
} from '../node.ts';
import { lunNumberProblem } from '../rules.ts';
import { checkCredentials, checkDirections, credentialsOf } from './auth_group.ts';
import {
  FORCE,
  atEachPlace,
  changed,
  count,
  firstFree,
  flagParameter,
  hasAt,
  info,
  makeNode,
  mergeBag,
  namesAt,
  numberAfter,
  pathOf,
  placesOf,
  textOf,
  textParameter,
  warning,
  unknownGroup,
} from './kit.ts';
import { LUN_PREFIX } from './luns.ts';
import { MAPPED_LUN } from './mapped_lun.ts';
import { resolveBacking, sizeNote, storagePaths } from './storage_reference.ts';
import { tpgOf, tpgPath } from './tpg_access.ts';

const NO_SESSION = 'No Active iSCSI Session';
const SHOWN_PARAMETERS = [
  'DataPDUInOrder',
  'DataSequenceInOrder',
  'DefaultTime2Retain',
  'DefaultTime2Wait',
  'ErrorRecoveryLevel',
  'FirstBurstLength',
  'ImmediateData',
  'InitialR2T',
  'MaxBurstLength',
  'MaxConnections',
  'MaxOutstandingR2T',
] as const;

/** What the session of this initiator has negotiated: shown, never set. */
const SESSION_PARAMETERS: AttributeGroup = Object.fromEntries(
  SHOWN_PARAMETERS.map((key) => [
    key,
    {
      kind: 'text',
      lengthMax: 255,
      default: NO_SESSION,
      readonly: true,
      help: TPG_PARAMETERS[key].help,
    },
  ]),
);

const GROUPS: Readonly<Record<string, AttributeGroup>> = {
  attribute: NODE_ACL_ATTRIBUTES,
  auth: AUTH,
  parameter: SESSION_PARAMETERS,
};
const STORED = { attribute: 'attributes', auth: 'auth' } as const;

function aclAt(document: Document, node: TreeNode): NodeAcl {
  const acl = getIn(document, node.at);
  if (acl === undefined) throw new ConfigError(`No such NodeACL: ${node.name}`);
  return acl as NodeAcl;
}

/** The initiators that a node stands for. */
const namesOf = (node: TreeNode): readonly string[] =>
  placesOf(node).map((at) => at.at(-1) ?? node.name);

function read(document: Document, node: TreeNode, group: string): AttributeBag {
  const key = own<(typeof STORED)[keyof typeof STORED]>(STORED, group);
  return key === undefined ? {} : aclAt(document, node)[key];
}

function live({ runtime }: View, node: TreeNode, group: string): AttributeBag {
  if (group !== 'parameter') return {};
  const [, , target, , tag] = node.at;
  const names = namesOf(node);
  const session = runtime.sessions.find(
    (one) =>
      one.target === target && String(one.tpgTag) === tag && names.includes(nameKey(one.initiator)),
  );
  if (session === undefined) return {};
  const known = SHOWN_PARAMETERS.filter((key) => Object.hasOwn(session.parameters, key));
  return Object.fromEntries(known.map((key) => [key, session.parameters[key] ?? '']));
}

function write(document: Document, node: TreeNode, group: string, values: AttributeBag): Document {
  const table = own(GROUPS, group);
  if (table === undefined) throw unknownGroup(group);
  if (group === 'auth') checkCredentials(values);
  const merged = mergeBag(group, table, read(document, node, group), values);
  if (group === 'auth') checkDirections(merged);
  const key = own<(typeof STORED)[keyof typeof STORED]>(STORED, group);
  if (key === undefined) return document;
  return atEachPlace(document, node, (now, at) => setIn(now, [...at, key], merged));
}

function mappedNumber(text: string): number {
  const number = numberAfter(/^(mapped_lun|lun)/i, text);
  if (number === undefined) throw new ConfigError('mapped_lun must be an integer');
  const problem = lunNumberProblem(number);
  if (problem !== undefined) throw new ConfigError(`Mapped ${problem}`);
  return number;
}

interface TpgLunFound {
  readonly lun: number;
  readonly document: Document;
  readonly messages: CommandOutcome['messages'];
}

/** The TPG LUN that a number, `lunN`, storage object or path means; made when it does not exist. */
async function tpgLun(context: CommandContext, text: string): Promise<TpgLunFound> {
  const { node, view } = context;
  const { document } = view;
  const { luns } = tpgOf(document, node.at);
  const number = numberAfter(LUN_PREFIX, text);
  if (number !== undefined) {
    if (Object.hasOwn(luns, String(number))) return { lun: number, document, messages: [] };
    throw new ConfigError(`LUN ${number} does not exist in this TPG`);
  }
  const found = await resolveBacking(context, text, 'LUN, storage object, or path not valid');
  const exported = Object.entries(luns).find(([, l]) => l.storage_object === found.reference);
  if (exported) return { lun: Number(exported[0]), document, messages: [] };
  let free = 0;
  while (Object.hasOwn(luns, String(free))) free += 1;
  const at = [...tpgPath(node.at), 'luns', String(free)];
  return {
    lun: free,
    document: setIn(found.document, at, { storage_object: found.reference }),
    messages: [...found.messages, info(`Created LUN ${free}.`)],
  };
}

async function create(context: CommandContext, args: Arguments): Promise<CommandOutcome> {
  const { node, view } = context;
  const mapped = mappedNumber(textOf(args['mapped_lun']));
  const { mapped_luns } = aclAt(view.document, node);
  if (Object.hasOwn(mapped_luns, String(mapped))) {
    throw new ConfigError('This MappedLUN already exists in configFS');
  }
  const found = await tpgLun(context, textOf(args['tpg_lun_or_backstore']));
  const messages = [...found.messages];
  if (Object.values(mapped_luns).some(({ lun }) => lun === found.lun)) {
    messages.unshift(warning(`Warning: TPG LUN ${found.lun} already mapped to this NodeACL`));
  }
  messages.push(info(`Created Mapped LUN ${mapped}.`));
  const value = { lun: found.lun, write_protect: args['write_protect'] === true };
  return changed(
    atEachPlace(found.document, node, (now, at) =>
      setIn(now, [...at, 'mapped_luns', String(mapped)], value),
    ),
    messages,
    `${pathOf(node)}/mapped_lun${mapped}`,
  );
}

function deleteMapped({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const text = textOf(args['mapped_lun']);
  const number = numberAfter(/^(mapped_lun|lun)/i, text);
  if (number === undefined) {
    throw new ConfigError('The mapped_lun parameter must be an integer value');
  }
  const place = ['mapped_luns', String(number)];
  if (!hasAt(view.document, [...node.at, ...place])) {
    throw new ConfigError(`No such MappedLUN in configfs: ${pathOf(node)}/mapped_lun${number}`);
  }
  return changed(
    atEachPlace(view.document, node, (now, at) => setIn(now, [...at, ...place], undefined)),
    [info(`Deleted Mapped LUN ${number}.`)],
  );
}

/** How this initiator must prove itself, in LIO's words, and whether it can. */
function authSummary(tpg: Tpg, acl: NodeAcl): { words: string[]; healthy: boolean | null } {
  const policy = authPolicy(tpgAccess(tpg), aclAccess(acl));
  if (!policy.required) return { words: [], healthy: null };
  if (policy.owner === 'TPG') return { words: ['auth via tpg'], healthy: null };
  const { oneWay, mutual } = credentialsOf(acl.auth);
  return { words: [mutual ? 'mutual auth' : '1-way auth'], healthy: oneWay };
}

function summary({ document }: View, node: TreeNode): Summary {
  const acl = aclAt(document, node);
  const { words, healthy } = authSummary(tpgOf(document, node.at), acl);
  const [name, ...others] = namesOf(node);
  if (others.length > 0) words.unshift(`(group of ${others.length + 1})`);
  else if (node.also !== undefined) words.unshift(`(${name})`);
  words.push(count('Mapped LUNs', Object.keys(acl.mapped_luns).length));
  return { text: words.join(', '), healthy };
}

function infoLines({ document }: View, node: TreeNode): readonly string[] {
  const { auth } = aclAt(document, node);
  const lines: string[] = [];
  if (auth.mutual_password) lines.push('chap_mutual_password: ********');
  if (auth.mutual_userid) lines.push(`chap_mutual_userid: ${auth.mutual_userid}`);
  if (auth.password) lines.push('chap_password: ********');
  if (auth.userid) lines.push(`chap_userid: ${auth.userid}`);
  // Only a tag stands for more places than one.
  if (node.also !== undefined) lines.push(`tag: ${node.name}`);
  return [...lines, 'wwns:', ...namesOf(node)];
}

function mappedNode(parent: TreeNode, number: string): TreeNode {
  const below = (at: DocumentPath) => [...at, 'mapped_luns', number];
  const also = parent.also?.map(below);
  return makeNode(MAPPED_LUN, parent, `mapped_lun${number}`, below(parent.at), also);
}

const MAPPED_LUN_PARAMETER = {
  ...textParameter('Number that the initiator sees.'),
  form: 'a number',
  required: true,
} as const;

export const NODE_ACL: NodeKind = {
  id: 'node_acl',
  help: 'The access record of one initiator: its credentials and the LUNs that it sees.',
  groups: () => GROUPS,
  read,
  live,
  write,
  attributeAliases: AUTH_ALIASES,
  commands: {
    create: {
      help:
        'Creates a mapping of one of the TPG LUNs to the initiator.\nThe TPG LUN is a number, ' +
        'lunN, the path of a storage object or of an existing file or block device; what does ' +
        'not exist of storage object and TPG LUN is made first.',
      params: {
        mapped_lun: {
          ...MAPPED_LUN_PARAMETER,
          suggest: ({ node, view }) => [
            String(firstFree(aclAt(view.document, node).mapped_luns, 0)),
          ],
        },
        tpg_lun_or_backstore: {
          ...textParameter('TPG LUN, storage object, file or block device.'),
          aliases: ['tpg_lun'],
          required: true,
          files: 'any',
          suggest: ({ node, view }) => [
            ...Object.keys(tpgOf(view.document, node.at).luns).map((lun) => `lun${lun}`),
            ...storagePaths(view.document),
          ],
          note: sizeNote,
        },
        write_protect: flagParameter('Refuse writes of this initiator.', false),
      },
      run: create,
      seeAlso: ['delete'],
    },
    delete: {
      help: 'Deletes a mapping from the initiator.',
      params: {
        mapped_lun: {
          ...MAPPED_LUN_PARAMETER,
          suggest: ({ node, view }) => namesAt(view.document, [...node.at, 'mapped_luns']),
        },
        force: FORCE,
      },
      dangerous: true,
      run: deleteMapped,
      seeAlso: ['create'],
    },
  },
  children: (document, node) =>
    namesAt(document, [...node.at, 'mapped_luns']).map((n) => mappedNode(node, n)),
  child: (document, node, name) => {
    const number = /^mapped_lun\d/i.test(name) ? numberAfter(/^mapped_lun/i, name) : undefined;
    if (number === undefined) return undefined;
    if (!hasAt(document, [...node.at, 'mapped_luns', String(number)])) return undefined;
    return mappedNode(node, String(number));
  },
  summary,
  info: infoLines,
};
