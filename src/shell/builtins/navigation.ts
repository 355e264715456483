/** `ls cd pwd bookmarks refresh status info exit`: where one is and what is there. */
import { ConfigError } from '../../objects/errors.ts';
import type { TreeNode, View } from '../../objects/node.ts';
import { JSON_FLAG, type Builtin, type Call, type ShellContext } from '../builtin.ts';
import { headOf, infoJson, treeJson } from '../machine_form.ts';
import { notices } from '../marks.ts';
import { resolvePath } from '../paths.ts';
import { pathOf, viewChild, viewChildren } from '../../objects/tree.ts';
import { withHint } from '../../util/near.ts';
import { heading, renderTree, summaryText } from '../render.ts';

const text = (help: string) => ({ kind: 'text', lengthMax: 4096, default: '', help }) as const;

/** The one node that a path names. */
function oneNode(call: Call, path: string): TreeNode {
  const nodes = resolvePath(path, call.shell.scope(call.view, call.node));
  const [node] = nodes;
  if (node === undefined || nodes.length > 1) {
    throw new ConfigError(`${path} matches ${nodes.length} nodes: name one of them`);
  }
  return node;
}

const ls: Builtin = {
  help:
    'Shows the tree below a node.\n' +
    'Without a path the tree starts at the current node. A path may be absolute, relative, a\n' +
    'bookmark, or hold `*` and `?`.',
  params: {
    path: text('Where to start.'),
    depth: text('How many levels to show; 0 shows all.'),
    json: JSON_FLAG,
  },
  seeAlso: ['cd', 'bookmarks'],
  run: ({ shell, node, view, args }) => {
    let path = String(args['path'] ?? '');
    let depthText = args['depth'];
    // `ls 2`: a number that is no child is a depth.
    if (depthText === undefined && /^\d+$/.test(path)) {
      if (viewChild(view, node, path) === undefined) {
        depthText = path;
        path = '';
      }
    }
    const { preferences } = shell.store;
    const depth = depthText === undefined ? preferences.tree_max_depth : Number(depthText);
    if (!Number.isInteger(depth) || depth < 0) {
      throw new ConfigError('The tree depth must be a number.');
    }
    const nodes = path === '' ? [node] : resolvePath(path, shell.scope(view, node));
    const { painter, columns } = shell.console;
    if (args['json'] === true) {
      const trees = nodes.map((start) => treeJson(view, start, depth === 0 ? Infinity : depth));
      const staged = shell.mirror.candidate === undefined ? {} : { candidate: true };
      const [tree] = trees;
      const shape = trees.length === 1 ? { ...tree, ...staged } : trees;
      return shell.console.json(shape);
    }
    for (const start of nodes) {
      const tree = renderTree(start, { view, preferences, painter, columns, depth });
      if (tree !== '') shell.console.display(tree);
    }
  },
};

const cd: Builtin = {
  help:
    'Goes to another node.\n' +
    'A path is built like a Unix path: `/` separates, `.` is the current node, `..` the one\n' +
    'above. `@NAME` is a bookmark. `cd <` goes back in the history of paths, `cd >` forward.\n' +
    'A path alone, without `cd`, does the same. Without a path, a terminal offers all nodes\n' +
    'to choose from.',
  params: { path: text('Where to go.') },
  seeAlso: ['ls', 'bookmarks'],
  run: async (call) => {
    const { shell, node, view } = call;
    const path = String(call.args['path'] ?? '');
    if (path === '<') shell.moveInHistory(-1, view);
    else if (path === '>') shell.moveInHistory(1, view);
    else if (path !== '') shell.moveTo(pathOf(oneNode(call, path)));
    else {
      if (shell.dialogs === undefined) {
        throw new ConfigError('Missing required parameter path: there is no terminal to choose in');
      }
      const picked = await shell.dialogs.pickPath(allPaths(shell.root, view), pathOf(node));
      if (picked !== undefined) shell.moveTo(picked);
    }
  },
};

function allPaths(root: TreeNode, view: View): readonly string[] {
  const paths: string[] = [];
  const walk = (node: TreeNode) => {
    paths.push(pathOf(node));
    viewChildren(view, node).forEach(walk);
  };
  walk(root);
  return paths;
}

const pwd: Builtin = {
  help: 'Shows the path of the current node.',
  params: { json: JSON_FLAG },
  seeAlso: ['ls', 'cd'],
  run: ({ shell, node, args }) => {
    if (args['json'] === true) shell.console.json({ path: pathOf(node) });
    else shell.console.display(pathOf(node));
  },
};

const BOOKMARK_ACTIONS = ['add', 'del', 'go', 'show'] as const;

const bookmarks: Builtin = {
  help:
    'Keeps names for paths.\n' +
    '`add NAME` names the current path, `del NAME` forgets it, `go NAME` goes there, `show`\n' +
    'lists all. `@NAME` stands for the path wherever a path is expected: `cd @NAME`,\n' +
    '`@NAME ls`, `@NAME/luns ls`. `@last` is the node created last.',
  params: {
    action: {
      ...text('One of add, del, go, show.'),
      required: true,
      suggest: () => BOOKMARK_ACTIONS,
    },
    bookmark: text('Name of the bookmark.'),
    json: { ...JSON_FLAG, help: 'With show: print JSON.' },
  },
  seeAlso: ['ls', 'cd'],
  run: ({ shell, node, args }) => {
    const action = String(args['action']);
    const name = String(args['bookmark'] ?? '').replace(/^@/, '');
    const known = shell.store.bookmarks;
    const needs = action === 'add' || action === 'del' || action === 'go';
    if (action === 'show' && name === '' && args['json'] === true) {
      shell.console.json({ bookmarks: known });
    } else if (action === 'show' && name === '')
      showBookmarks(shell.console.display.bind(shell.console), known);
    else if (!needs || !/^[A-Za-z0-9:_.-]+$/.test(name)) {
      throw new ConfigError("Syntax error, see 'help bookmarks'.");
    } else if (action === 'add') {
      if (Object.hasOwn(known, name)) throw new ConfigError(`Bookmark ${name} already exists.`);
      shell.store.setBookmark(name, pathOf(node));
      shell.console.say('info', `Bookmarked ${pathOf(node)} as ${name}.`);
    } else {
      const path = Object.hasOwn(known, name) ? known[name] : undefined;
      if (path === undefined) {
        throw new ConfigError(withHint(`No such bookmark ${name}.`, name, Object.keys(known)));
      }
      if (action === 'go') shell.moveTo(path);
      else {
        shell.store.setBookmark(name, undefined);
        shell.console.say('info', `Deleted bookmark ${name}.`);
      }
    }
  },
};

function showBookmarks(
  display: (text: string) => void,
  known: Readonly<Record<string, string>>,
): void {
  const names = Object.keys(known);
  if (names.length === 0) return display('No bookmarks yet.');
  const blocks = names.map((name) => `\n${heading(name, '-')}${known[name] ?? ''}\n`);
  return display(`\n${heading('BOOKMARKS')}${blocks.join('')}`);
}

const refresh: Builtin = {
  help: 'Reads the configuration anew from the daemon.',
  params: {},
  run: async ({ shell }) => {
    shell.mirror.drop();
    await shell.mirror.view();
  },
};

const status: Builtin = {
  help: 'Shows the summary of the current node.',
  params: { json: JSON_FLAG },
  seeAlso: ['ls'],
  run: async ({ shell, node, view, args }) => {
    const told = node.parent === undefined ? await notices(shell) : [];
    if (args['json'] === true) return shell.console.json({ ...headOf(view, node), notices: told });
    const summary = node.kind.summary(view, node);
    const words = summary.text === '' && summary.healthy === null ? '' : summaryText(summary);
    shell.console.tell(`Status for ${pathOf(node)}: ${words}`);
    if (node.parent === undefined) tellThreads(shell, view);
    for (const notice of told) shell.console.say('warning', notice);
    return undefined;
  },
};

/** What runs, and what is wanted by now. */
function tellThreads({ console, store }: ShellContext, { runtime }: View): void {
  const { 'data threads': running, 'data threads wanted': asked } = runtime.accelerators;
  if (running === undefined) return;
  const wanted = store.preferences.data_threads;
  const next = asked === wanted ? '' : `; data_threads=${wanted} from the daemon's next start`;
  console.tell(`Data threads: ${running}${next}`);
}

const info: Builtin = {
  help: 'Shows what is known of the current node.',
  params: { json: JSON_FLAG },
  seeAlso: ['status'],
  only: (node) => node.kind.info !== undefined,
  run: ({ shell, node, view, args }) => {
    const lines = node.kind.info?.(view, node) ?? [];
    if (args['json'] === true) {
      return shell.console.json({ path: pathOf(node), kind: node.kind.id, info: infoJson(lines) });
    }
    for (const line of lines) shell.console.tell(line);
    return undefined;
  },
};

const exit: Builtin = {
  help:
    'Leaves the shell.\n' +
    'The daemon keeps serving. With the preference auto_save_on_exit the configuration is\n' +
    'saved when this shell changed it.',
  params: {},
  run: ({ shell }) => shell.leave(),
};

export const NAVIGATION = { bookmarks, cd, exit, info, ls, pwd, refresh, status } as const;
