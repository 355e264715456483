/** Tags of node ACLs: several initiators under one name, with one record. */
import { own, setIn, type Document, type NodeAcl } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { nameKey } from '../names.ts';
import type {
  Arguments,
  CommandContext,
  CommandDeclaration,
  CommandOutcome,
  TreeNode,
} from '../node.ts';
import { tagProblem } from '../rules.ts';
import { changed, FORCE, info, textOf, textParameter } from './kit.ts';
import { tpgOf } from './tpg_access.ts';

type Acls = Readonly<Record<string, NodeAcl>>;

/** The initiators that share the tag, in the order of the document. */
export function membersOf(acls: Acls, tag: string): readonly string[] {
  return Object.keys(acls).filter((name) => acls[name]?.tag === tag);
}

/** Names of the ACLs that `text` means: the one of an initiator, or all of a tag. */
export function namedAcls(acls: Acls, text: string): readonly string[] {
  const key = nameKey(text);
  return own(acls, key) === undefined ? membersOf(acls, text) : [key];
}

const aclsAt = (document: Document, node: TreeNode): Acls => tpgOf(document, node.at).acls;

function tagsOf(acls: Acls): readonly string[] {
  const tags = Object.values(acls).flatMap(({ tag }) => (tag === undefined ? [] : [tag]));
  return [...new Set(tags)];
}

function found(acls: Acls, text: string): readonly string[] {
  const names = namedAcls(acls, text);
  if (names.length === 0) throw new ConfigError(`wwn_or_tag ${text} not found.`);
  return names;
}

const plural = (n: number) => (n === 1 ? '1 Node ACL' : `${n} Node ACLs`);

function tag({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const text = textOf(args['wwn_or_tag']);
  const wanted = textOf(args['new_tag']);
  if (text === wanted) return { messages: [] };
  const problem = tagProblem(wanted);
  if (problem !== undefined) throw new ConfigError(problem);
  const acls = aclsAt(view.document, node);
  const names = found(acls, text);
  const others = membersOf(acls, wanted).filter((name) => !names.includes(name));
  // Who joins a group takes what the group has.
  const model = own(acls, others[0] ?? '');
  const tagged: Record<string, NodeAcl> = { ...acls };
  for (const name of names) {
    const acl = model ?? own(acls, name);
    if (acl !== undefined) tagged[name] = { ...acl, tag: wanted };
  }
  const joined = others.length === 0 ? '' : `: it has ${others.length + names.length} of them now`;
  return changed(setIn(view.document, node.at, tagged), [
    info(`Tagged ${plural(names.length)} as ${wanted}${joined}.`),
  ]);
}

function untag({ node, view }: CommandContext, args: Arguments): CommandOutcome {
  const acls = aclsAt(view.document, node);
  const text = textOf(args['wwn_or_tag']);
  const names = found(acls, text).filter((name) => acls[name]?.tag !== undefined);
  if (names.length === 0) return { messages: [info(`${text} has no tag.`)] };
  const without = (now: Document, name: string) => setIn(now, [...node.at, name, 'tag'], undefined);
  return changed(names.reduce(without, view.document), [info(`Untagged ${plural(names.length)}.`)]);
}

const wwnOrTag = {
  ...textParameter('Name of an initiator, or the tag of several.'),
  required: true,
} as const;

export const GROUP_COMMANDS: Readonly<Record<string, CommandDeclaration>> = {
  tag: {
    help:
      'Tags a Node ACL, or those of another tag.\nA tag gives one initiator a better name, or ' +
      'makes several initiators one group: they are one node of the tree, under the tag, and ' +
      'what is set, mapped or deleted there holds for all. Who joins a tag that exists takes ' +
      'over its credentials, attributes and mapped LUNs. `info` at the group names its members.',
    params: {
      wwn_or_tag: {
        ...wwnOrTag,
        suggest: ({ node, view }) => {
          const acls = aclsAt(view.document, node);
          return [...Object.keys(acls), ...tagsOf(acls)];
        },
      },
      new_tag: {
        ...textParameter('The tag; no dot is possible in it.'),
        required: true,
        suggest: ({ node, view }) => tagsOf(aclsAt(view.document, node)),
      },
      force: FORCE,
    },
    dangerous: true,
    run: tag,
    seeAlso: ['untag', 'info'],
  },
  untag: {
    help:
      'Takes the tag from a Node ACL, or from all that have it.\nThey stand under their own ' +
      'names again and keep their settings.',
    params: {
      wwn_or_tag: {
        ...wwnOrTag,
        suggest: ({ node, view }) => {
          const acls = aclsAt(view.document, node);
          const tagged = Object.keys(acls).filter((name) => acls[name]?.tag !== undefined);
          return [...tagsOf(acls), ...tagged];
        },
      },
    },
    run: untag,
    seeAlso: ['tag'],
  },
};
