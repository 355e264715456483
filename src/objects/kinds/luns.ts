/** `luns` of a TPG and one LUN. */
import { own, setIn, type NodeAcl, type Tpg } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type {
  Arguments,
  CommandContext,
  CommandOutcome,
  Message,
  NodeKind,
  TreeNode,
} from '../node.ts';
import { lunNumberProblem } from '../rules.ts';
import {
  FORCE,
  changed,
  count,
  firstFree,
  flagParameter,
  hasAt,
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
import { LUN } from './lun.ts';
import { withoutLun } from './lun_edits.ts';
import { resolveBacking, sizeNote, storagePaths } from './storage_reference.ts';
import { tpgOf } from './tpg_access.ts';

export const LUN_PREFIX = /^lun/i;

/** The number for a new LUN: the one given, or the first that is free. */
function newNumber(luns: Readonly<Record<string, unknown>>, text: string): number {
  if (text === '') {
    const free = firstFree(luns, 0);
    const problem = lunNumberProblem(free);
    if (problem !== undefined) throw new ConfigError('All LUNs in use');
    return free;
  }
  const lun = numberAfter(LUN_PREFIX, text);
  if (lun === undefined) throw new ConfigError(`Invalid LUN ${text}: a number or lunN is expected`);
  const problem = lunNumberProblem(lun);
  if (problem !== undefined) throw new ConfigError(problem);
  if (Object.hasOwn(luns, String(lun))) {
    throw new ConfigError(`This LUN already exists in configFS: lun${lun}`);
  }
  return lun;
}

/** Map the LUN into every ACL: under its own number, or the first free one. */
function mapEverywhere(tpg: Tpg, lun: number): { tpg: Tpg; messages: Message[] } {
  const messages: Message[] = [];
  const acls: Record<string, NodeAcl> = { ...tpg.acls };
  for (const [name, acl] of Object.entries(tpg.acls)) {
    const taken = acl.mapped_luns;
    const mapped = Object.hasOwn(taken, String(lun)) ? firstFree(taken, 0) : lun;
    if (lunNumberProblem(mapped) !== undefined) continue;
    acls[name] = {
      ...acl,
      mapped_luns: { ...taken, [String(mapped)]: { lun, write_protect: false } },
    };
    messages.push(info(`Created LUN ${lun}->${mapped} mapping in node ACL ${name}`));
  }
  return { tpg: { ...tpg, acls }, messages };
}

async function create(context: CommandContext, args: Arguments): Promise<CommandOutcome> {
  const { node, preferences } = context;
  const text = textOf(args['storage_object']);
  const tpgAt = node.at.slice(0, -1);
  const before = tpgOf(context.view.document, tpgAt);
  const number = newNumber(before.luns, textOf(args['lun']));
  const found = await resolveBacking(context, text, 'storage object or path not valid');
  const exported = Object.values(before.luns).some((l) => l.storage_object === found.reference);
  if (exported) {
    throw new ConfigError(`lun for storage object ${found.reference} already exists`);
  }
  const luns = { ...before.luns, [String(number)]: { storage_object: found.reference } };
  const withLun: Tpg = { ...before, luns };
  const wanted = args['add_mapped_luns'] ?? preferences.auto_add_mapped_luns;
  const mapped = wanted === true ? mapEverywhere(withLun, number) : { tpg: withLun, messages: [] };
  return changed(
    setIn(found.document, tpgAt, mapped.tpg),
    [...found.messages, info(`Created LUN ${number}.`), ...mapped.messages],
    `${pathOf(node)}/lun${number}`,
  );
}

function deleteLun({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const text = textOf(args['lun']);
  const number = numberAfter(LUN_PREFIX, text);
  if (number === undefined || !hasAt(view.document, [...node.at, String(number)])) {
    throw new ConfigError(`Invalid LUN ${text}`);
  }
  const [, , target = '', , tag = ''] = node.at;
  return changed(withoutLun(view.document, { target, tag, lun: String(number) }), [
    info(`Deleted LUN ${number}.`),
  ]);
}

const lunNode = (parent: TreeNode, number: string) =>
  makeNode(LUN, parent, `lun${number}`, [...parent.at, number]);

export const LUNS: NodeKind = {
  id: 'luns',
  help: 'The LUNs of a TPG: storage objects that it exports.',
  ...NO_ATTRIBUTES,
  commands: {
    create: {
      help:
        'Creates a new LUN in the TPG, attached to a storage object.\nThe storage object is ' +
        'given by its path, as /backstores/fileio/disk1, or by the path of an existing file or ' +
        'block device: then a storage object is made for it first. The LUN is a number or lunN, ' +
        'the first free one when omitted. With add_mapped_luns=true (the default follows ' +
        'auto_add_mapped_luns) it is mapped into every ACL of the TPG.',
      params: {
        storage_object: {
          ...textParameter('Path of a storage object, file or block device.'),
          required: true,
          files: 'any',
          suggest: ({ view }) => storagePaths(view.document),
          note: sizeNote,
        },
        lun: {
          ...textParameter('Number of the LUN.'),
          form: 'a number or lunN',
          suggest: ({ node, view }) => [String(firstFree(recordAt(view.document, node.at), 0))],
        },
        add_mapped_luns: flagParameter('Map the LUN into every ACL of the TPG.', true),
      },
      run: create,
      seeAlso: ['delete'],
    },
    delete: {
      help: 'Deletes a LUN from the TPG.\nThe mapped LUNs on it are deleted too.',
      params: {
        lun: {
          ...textParameter('Number of the LUN.'),
          form: 'a number or lunN',
          required: true,
          suggest: ({ node, view }) => namesAt(view.document, node.at),
          note: ({ node, view }, lun) =>
            own(tpgOf(view.document, node.at).luns, lun)?.storage_object,
        },
        force: FORCE,
      },
      dangerous: true,
      run: deleteLun,
      seeAlso: ['create'],
    },
  },
  children: (document, node) => namesAt(document, node.at).map((n) => lunNode(node, n)),
  child: (document, node, name) => {
    const number = LUN_PREFIX.test(name) ? numberAfter(LUN_PREFIX, name) : undefined;
    if (number === undefined || !hasAt(document, [...node.at, String(number)])) return undefined;
    return lunNode(node, String(number));
  },
  summary: ({ document }, node) => ({
    text: count('LUNs', namesAt(document, node.at).length),
    healthy: null,
  }),
};
