/** `find` and `tree`: looking for something in a large tree. */
import { ConfigError } from '../../objects/errors.ts';
import type { TreeNode, View } from '../../objects/node.ts';
import { pathOf, viewChildren } from '../../objects/tree.ts';
import { JSON_FLAG, type Builtin } from '../builtin.ts';
import { groupsOf, MASK, shown } from '../groups.ts';
import { treeJson } from '../machine_form.ts';
import { renderTree, summaryText } from '../render.ts';

/** More nobody reads; the rest is counted. */
const HITS_SHOWN = 500;

/** Why a node fits: its name, its summary, or `group name=value`; undefined when it does not. */
function hit(view: View, node: TreeNode, words: string): string | undefined {
  const fits = (text: string) => text.toLowerCase().includes(words);
  const summary = summaryText(node.kind.summary(view, node));
  if (fits(node.name) || fits(summary)) return `[${summary}]`;
  for (const [groupName, group] of Object.entries(groupsOf(node))) {
    if (groupName === 'global') continue;
    const bag = node.kind.read(view.document, node, groupName);
    for (const [name, attribute] of Object.entries(group)) {
      const value = bag[name];
      // Only what was set: a default fits everywhere and tells nothing.
      if (value === undefined) continue;
      const text = shown(attribute, value, false);
      if (text !== MASK && fits(`${name}=${text}`)) return `${groupName} ${name}=${text}`;
    }
  }
  // The name of a value stands at every node of the kind.
  const line = node.kind.info?.(view, node).find((one) => fits(one.replace(/^[^:]*: /, '')));
  return line;
}

const find: Builtin = {
  help:
    'Looks for a text in names, summaries and values that were set, from here downwards.\n' +
    'Capitals do not matter. Each line is the path of a node and why it fits; secrets are\n' +
    'never looked at.\n' +
    '\n' +
    'Example: find client1',
  params: {
    text: {
      kind: 'text',
      lengthMax: 255,
      default: '',
      required: true,
      help: 'What to look for.',
    },
    json: JSON_FLAG,
  },
  seeAlso: ['ls', 'tree'],
  run: ({ shell, node, view, args }) => {
    const words = String(args['text']).toLowerCase();
    const matches: { path: string; reason: string }[] = [];
    let hits = 0;
    const walk = (at: TreeNode) => {
      const reason = hit(view, at, words);
      if (reason !== undefined) {
        hits += 1;
        if (hits <= HITS_SHOWN) matches.push({ path: pathOf(at), reason });
      }
      viewChildren(view, at).forEach(walk);
    };
    walk(node);
    if (hits === 0) throw new ConfigError(`Nothing below ${pathOf(node)} holds ${args['text']}`);
    if (args['json'] === true) {
      return shell.console.json({ text: args['text'], matches, more: hits - matches.length });
    }
    const lines = matches.map(({ path, reason }) => `${path} ${reason}`);
    if (hits > HITS_SHOWN) lines.push(`and ${hits - HITS_SHOWN} more: look for more of it`);
    return shell.console.display(lines.join('\n'));
  },
};

const tree: Builtin = {
  help:
    'Shows the tree below the current node, to a depth.\n' +
    'The same as `ls`, with the depth first: `tree 2`.',
  params: {
    depth: { kind: 'uint', min: 0, max: 100, default: 0, help: 'Levels to show; 0 shows all.' },
    json: JSON_FLAG,
  },
  seeAlso: ['ls', 'find'],
  run: ({ shell, node, view, args }) => {
    const { preferences } = shell.store;
    const { painter, columns } = shell.console;
    const depth = Number(args['depth'] ?? preferences.tree_max_depth);
    if (args['json'] === true) {
      return shell.console.json(treeJson(view, node, depth === 0 ? Infinity : depth));
    }
    return shell.console.display(renderTree(node, { view, preferences, painter, columns, depth }));
  },
};

export const FIND = { find, tree } as const;
