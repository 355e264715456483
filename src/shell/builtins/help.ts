/** `help`: commands, groups and attributes of a node, from their declarations. */
import { absent } from '../../objects/absent.ts';
import { ConfigError } from '../../objects/errors.ts';
import type { TreeNode } from '../../objects/node.ts';
import { pathOf } from '../../objects/tree.ts';
import { JSON_FLAG, type Builtin, type Builtins, type Call } from '../builtin.ts';
import { childrenWith, commandAt, commandsAt } from '../command_line.ts';
import { attributeNamed, groupsOf, shown, valueIn } from '../groups.ts';
import { attributesEverywhere, namesEverywhere } from '../attribute_catalogue.ts';
import { attributePage, commandPage, overview, usage } from '../help_text.ts';
import type { CommandHelp } from '../help_text.ts';
import { GUIDES, guidePage, topicsPage, type Guide } from '../guides.ts';
import { withHint } from '../../util/near.ts';

/** The help of a command at a node, whichever kind of command it is. */
export function commandHelp(
  node: TreeNode,
  name: string,
  builtins: Builtins,
): CommandHelp | undefined {
  const command = commandAt(node, name, builtins);
  if (command === undefined) return undefined;
  if ('builtin' in command) {
    const { help, params, rest, seeAlso = [] } = command.builtin;
    return { name, help, params, rest, seeAlso };
  }
  const { help, params, seeAlso = [] } = command.declared;
  return { name, help, params, rest: undefined, seeAlso };
}

/** Topics at a node: commands, groups, attributes. */
export function topicsAt(node: TreeNode, builtins: Builtins): readonly string[] {
  const groups = groupsOf(node);
  const attributes = Object.values(groups).flatMap((group) => Object.keys(group));
  const guides = ['topics', ...Object.keys(GUIDES)];
  const commands = commandsAt(node, builtins);
  return [...new Set([...commands, ...Object.keys(groups), ...attributes, ...guides])];
}

function attributePages(
  { shell, node, view }: Call,
  wanted: (group: string, name: string) => boolean,
) {
  const pages: string[] = [];
  for (const [groupName, group] of Object.entries(groupsOf(node))) {
    const bag =
      groupName === 'global'
        ? { ...shell.store.preferences }
        : node.kind.read(view.document, node, groupName);
    for (const [name, attribute] of Object.entries(group)) {
      if (!wanted(groupName, name)) continue;
      const current = shown(attribute, valueIn(bag, name, attribute), false);
      pages.push(attributePage(groupName, name, attribute, { now: current }));
    }
  }
  return pages;
}

/** An attribute by its name or by the other dialect's. */
function attributeTopic(call: Call, topic: string): readonly string[] {
  return attributePages(call, (groupName, name) => {
    const group = groupsOf(call.node)[groupName];
    return group !== undefined && attributeNamed(call.node, group, topic)?.name === name;
  });
}

/** `demo_mode`, `Demo-Mode`: as people write it. */
function guideNamed(name: string): Guide | undefined {
  const key = name.toLowerCase().replaceAll('_', '-');
  return Object.hasOwn(GUIDES, key) ? GUIDES[key] : undefined;
}

/** What stands here under that name; else the attributes of other nodes. Throws ConfigError. */
function topicPages(call: Call, name: string): readonly string[] {
  const { shell, node, view } = call;
  const command = commandHelp(node, name, shell.builtins);
  const isGroup = Object.hasOwn(groupsOf(node), name);
  const guide = guideNamed(name);
  const here = [
    ...(command === undefined ? [] : [commandPage(command)]),
    ...(isGroup ? attributePages(call, (group) => group === name) : []),
    ...attributeTopic(call, name),
    ...(guide === undefined ? [] : [guidePage(guide)]),
    ...(name === 'topics' ? [topicsPage()] : []),
  ];
  if (here.length > 0) return here;
  const below = childrenWith(node, name, { view });
  if (below !== '') {
    const first = below.split(',')[0] ?? '';
    throw new ConfigError(
      `Cannot find help topic ${name}. It is a command of ${below}: ${first} help ${name}`,
    );
  }
  const elsewhere = attributesEverywhere(name).map((found) =>
    attributePage(found.group, found.name, found.attribute, { path: found.path }),
  );
  if (elsewhere.length > 0) return elsewhere;
  const refusal = absent(name);
  if (refusal !== undefined) throw new ConfigError(refusal);
  const known = [...topicsAt(node, shell.builtins), ...namesEverywhere()];
  throw new ConfigError(withHint(`Cannot find help topic ${name}.`, name, known));
}

const help: Builtin = {
  help:
    'Explains a command, a configuration group or a parameter.\n' +
    'Without a topic, lists the commands of the current node; `help topics` lists short guides.',
  params: {
    topic: { kind: 'text', lengthMax: 100, default: '', help: 'What to explain.' },
    json: JSON_FLAG,
  },
  run: (call) => {
    const { shell, node, args } = call;
    const topic = args['topic'];
    const json = args['json'] === true;
    if (topic === undefined) {
      const usages = commandsAt(node, shell.builtins).map((name) => {
        const command = commandHelp(node, name, shell.builtins);
        return command === undefined ? name : usage(name, command.params, command.rest);
      });
      if (json)
        return shell.console.json({
          path: pathOf(node),
          commands: usages.map((one) => one.trimEnd()),
        });
      return shell.console.display(overview(usages));
    }
    const name = String(topic);
    const pages = topicPages(call, name);
    const text = pages.join('');
    if (json) return shell.console.json({ path: pathOf(node), topic: name, text });
    return shell.console.display(text);
  },
};

export const HELP = { help } as const;
