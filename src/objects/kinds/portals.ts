/** `portals` of a TPG and one portal. */
import { getIn, own, setIn, type Document, type Portal, type Tpg } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { NodeKind, Summary, TreeNode, View } from '../node.ts';
import type { Arguments, CommandContext, CommandOutcome, Message, Parameter } from '../node.ts';
import {
  canonicalAddress,
  DEFAULT_PORT,
  isWildcard,
  normalisePortal,
  parsePortal,
  portalKey,
  portalLabel,
  type PortalAddress,
} from '../portal_address.ts';
import {
  changed,
  count,
  hasAt,
  info,
  makeNode,
  namesAt,
  NO_ATTRIBUTES,
  NO_CHILDREN,
  pathOf,
  textOf,
  textParameter,
  warning,
} from './kit.ts';

/** What moves the data of iSER, for `info`. */
const ISER_PROVIDER = 'iwarp (user space)';

function addressOf(key: string): PortalAddress {
  const parsed = parsePortal(key);
  return parsed.ok ? parsed.portal : { address: key, port: 0 };
}

const labelOf = (key: string) => portalLabel(addressOf(key));

/** The TPG of the same target that has this portal, by tag. */
function ownerOf(document: Document, targetAt: readonly string[], key: string): string | undefined {
  const tpgs = getIn(document, [...targetAt, 'tpgs']) as Readonly<Record<string, Tpg>>;
  return Object.keys(tpgs).find((tag) => own(tpgs[tag]?.portals ?? {}, key) !== undefined);
}

const notCreated = (reason: string) =>
  new ConfigError(`Could not create NetworkPortal in configFS: ${reason}`);

function addressGiven(args: Arguments): { portal: PortalAddress; messages: Message[] } {
  const messages: Message[] = [];
  const typed = textOf(args['ip_address']);
  const port = args['ip_port'];
  if (port === undefined) messages.push(info(`Using default IP port ${DEFAULT_PORT}`));
  const result = normalisePortal(typed === '' ? '0.0.0.0' : typed, Number(port ?? DEFAULT_PORT));
  if (!result.ok) throw notCreated(result.reason);
  if (result.portal.address === '0.0.0.0') messages.push(info('Binding to INADDR_ANY (0.0.0.0)'));
  if (result.portal.address === '::') messages.push(info('Binding to INADDR_ANY (::0)'));
  return { portal: result.portal, messages };
}

/** The engine will say whether it can listen; a foreign address is most often a typing error. */
async function foreignAddress(context: CommandContext, address: string): Promise<Message[]> {
  if (isWildcard(address)) return [];
  const local = await context.host.addresses();
  if (local.length === 0 || local.some((one) => canonicalAddress(one) === address)) return [];
  if (address.startsWith('127.')) return [];
  return [warning(`${address} is no address of this machine at present`)];
}

async function create(context: CommandContext, args: Arguments): Promise<CommandOutcome> {
  const { node, view } = context;
  const { portal, messages } = addressGiven(args);
  const key = portalKey(portal);
  const owner = ownerOf(view.document, node.at.slice(0, 3), key);
  if (owner !== undefined) {
    const elsewhere = owner === node.at[4] ? '' : `: it belongs to tpg${owner} of this target`;
    throw new ConfigError(`This NetworkPortal already exists in configFS${elsewhere}`);
  }
  messages.push(...(await foreignAddress(context, portal.address)));
  const value: Portal = { iser: false };
  messages.push(info(`Created network portal ${portalLabel(portal)}.`));
  const document = setIn(view.document, [...node.at, key], value);
  return changed(document, messages, `${pathOf(node)}/${labelOf(key)}`);
}

function deletePortal({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const typed = textOf(args['ip_address']);
  const result = normalisePortal(typed, Number(args['ip_port']));
  const key = result.ok ? portalKey(result.portal) : undefined;
  if (key === undefined || !hasAt(view.document, [...node.at, key])) {
    throw new ConfigError(
      `No such NetworkPortal in configfs: ${pathOf(node)}/${typed}:${args['ip_port']}`,
    );
  }
  return changed(setIn(view.document, [...node.at, key], undefined), [
    info(`Deleted network portal ${labelOf(key)}`),
  ]);
}

/** One change: where the new address cannot listen, the old one goes on. */
async function movePortal(context: CommandContext, args: Arguments): Promise<CommandOutcome> {
  const { node, view } = context;
  const typed = textOf(args['ip_address']);
  const from = normalisePortal(typed, Number(args['ip_port']));
  const before = from.ok ? portalKey(from.portal) : '';
  const value = getIn(view.document, [...node.at, before]) as Portal | undefined;
  if (value === undefined || !from.ok) {
    throw new ConfigError(
      `No such NetworkPortal in configfs: ${pathOf(node)}/${typed}:${args['ip_port']}`,
    );
  }
  const port = Number(args['new_port'] ?? from.portal.port);
  const to = normalisePortal(textOf(args['new_address']) || from.portal.address, port);
  if (!to.ok) throw notCreated(to.reason);
  const key = portalKey(to.portal);
  const owner = ownerOf(view.document, node.at.slice(0, 3), key);
  if (owner !== undefined) {
    throw new ConfigError(`This NetworkPortal already exists in configFS: in tpg${owner}`);
  }
  const messages = await foreignAddress(context, to.portal.address);
  messages.push(info(`Moved network portal ${labelOf(before)} to ${labelOf(key)}.`));
  const without = setIn(view.document, [...node.at, before], undefined);
  return changed(
    setIn(without, [...node.at, key], value),
    messages,
    `${pathOf(node)}/${labelOf(key)}`,
  );
}

function suggestOf(part: 'address' | 'port') {
  return ({ node, view }: CommandContext) => {
    const all = namesAt(view.document, node.at).map((key) => String(addressOf(key)[part]));
    return [...new Set(all)];
  };
}

const IP_PORT: Parameter = {
  kind: 'uint',
  min: 1,
  max: 65_535,
  default: DEFAULT_PORT,
  help: 'TCP port.',
};

const portalNode = (parent: TreeNode, key: string) =>
  makeNode(PORTAL, parent, labelOf(key), [...parent.at, key]);

export const PORTALS: NodeKind = {
  id: 'portals',
  help: 'The addresses at which initiators reach a TPG.',
  ...NO_ATTRIBUTES,
  commands: {
    create: {
      help:
        'Creates a network portal.\nWithout an address it listens on all IPv4 addresses ' +
        '(0.0.0.0), with ::0 on all IPv6 and IPv4 addresses; the port is 3260 when it is ' +
        'omitted. Targets may share an address and port, TPGs of one target may not.',
      params: {
        ip_address: {
          ...textParameter('IPv4 or IPv6 address.'),
          suggest: async ({ host }) => [...(await host.addresses()), '0.0.0.0', '::0'],
        },
        ip_port: IP_PORT,
      },
      run: create,
      seeAlso: ['delete'],
    },
    delete: {
      help: 'Deletes a network portal.\nNew logins there end; sessions that exist go on.',
      params: {
        ip_address: {
          ...textParameter('IPv4 or IPv6 address.'),
          required: true,
          suggest: suggestOf('address'),
        },
        ip_port: { ...IP_PORT, required: true, suggest: suggestOf('port') },
      },
      run: deletePortal,
      seeAlso: ['create'],
    },
    move: {
      help:
        'Moves a network portal to another address or port, in one change.\nSessions that came ' +
        'by the old one stay; new ones come by the new one. Where the new address cannot listen, ' +
        'nothing changes.',
      params: {
        ip_address: {
          ...textParameter('IPv4 or IPv6 address.'),
          required: true,
          suggest: suggestOf('address'),
        },
        ip_port: { ...IP_PORT, required: true, suggest: suggestOf('port') },
        new_address: {
          ...textParameter('The new address; when omitted, the same.'),
          suggest: async ({ host }) => [...(await host.addresses()), '0.0.0.0', '::0'],
        },
        new_port: { ...IP_PORT, help: 'The new port; when omitted, the same.' },
      },
      run: movePortal,
      seeAlso: ['create', 'delete'],
    },
  },
  children: (document, node) =>
    namesAt(document, node.at)
      .map((key) => portalNode(node, key))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  child: (document, node, name) => {
    const parsed = parsePortal(name);
    const key = parsed.ok ? portalKey(parsed.portal) : undefined;
    if (key === undefined || !hasAt(document, [...node.at, key])) return undefined;
    return portalNode(node, key);
  },
  summary: ({ document }, node) => ({
    text: count('Portals', namesAt(document, node.at).length),
    healthy: null,
  }),
};

function summary({ document, runtime }: View, node: TreeNode): Summary {
  const portal = getIn(document, node.at) as Portal | undefined;
  const [, , target, , tag, , key] = node.at;
  const health = own(runtime.portals, `${target}/${tag}/${key}`);
  if (health?.ok === false) return { text: health.reason ?? 'not listening', healthy: false };
  return { text: portal?.iser === true ? 'iser' : 'OK', healthy: true };
}

function setIser({ node, view }: CommandContext, wanted: boolean, say: string): CommandOutcome {
  const at = [...node.at, 'iser'];
  const messages = [info(say)];
  if ((getIn(view.document, at) === true) === wanted) return { messages };
  return changed(setIn(view.document, at, wanted), messages);
}

/** targetcli's commands say what they did, also where there was nothing to do. */
function switchIser(context: CommandContext, wanted: boolean): CommandOutcome {
  const now = getIn(context.view.document, [...context.node.at, 'iser']) === true;
  const done = wanted ? 'enabled' : 'disabled';
  const already = now === wanted ? 'already ' : '';
  return setIser(context, wanted, `iser operation has ${already}been ${done}`);
}

function setOffload(wanted: boolean): CommandOutcome {
  if (wanted) {
    throw new ConfigError('Cannot change offload: this engine drives no iSCSI offload adapter');
  }
  return { messages: [info('offload enable now: False')] };
}

const BOOLEAN: Parameter = {
  kind: 'bool',
  style: 'truefalse',
  default: false,
  required: true,
  help: 'Whether it shall be enabled.',
};

export const PORTAL: NodeKind = {
  id: 'portal',
  help: 'An address and port at which initiators reach a TPG.',
  ...NO_ATTRIBUTES,
  commands: {
    enable_iser: {
      help:
        'Enables or disables iSER for this portal.\nIt serves both: initiators that connect by ' +
        'RDMA (iWARP adapters, or siw of Linux) move their data by iSER, all others use TCP on ' +
        'the same port. Sessions that exist go on as they are.',
      params: { boolean: BOOLEAN },
      run: (context, args) => {
        const wanted = args['boolean'] === true;
        return setIser(context, wanted, `iSER enable now: ${wanted ? 'True' : 'False'}`);
      },
    },
    enable_offload: {
      help: 'Enables or disables offload for this portal.\nOnly false is possible.',
      params: { boolean: BOOLEAN },
      run: (_context, args) => setOffload(args['boolean'] === true),
    },
    iser_enable: {
      help: 'Enables iSER for this portal: the older spelling of enable_iser true.',
      params: {},
      run: (context) => switchIser(context, true),
      seeAlso: ['enable_iser'],
    },
    iser_disable: {
      help: 'Disables iSER for this portal: the older spelling of enable_iser false.',
      params: {},
      run: (context) => switchIser(context, false),
      seeAlso: ['enable_iser'],
    },
  },
  ...NO_CHILDREN,
  summary,
  info: ({ document }, node) => {
    const { address, port } = addressOf(node.at.at(-1) ?? '');
    const iser = (getIn(document, node.at) as Portal | undefined)?.iser === true;
    return [
      `ip_address: ${address.includes(':') ? `[${address}]` : address}`,
      `iser: ${iser ? 'True' : 'False'}`,
      ...(iser ? [`iser_provider: ${ISER_PROVIDER}`] : []),
      'offload: False',
      `port: ${port}`,
    ];
  },
};
