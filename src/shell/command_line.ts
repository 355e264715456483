/** What the words of a line mean at a place of the tree: where to go, or which command to run. */
import { ConfigError } from '../objects/errors.ts';
import type { CommandDeclaration, TreeNode, View } from '../objects/node.ts';
import { viewChild, viewChildren } from '../objects/tree.ts';
import type { Builtin, Builtins } from './builtin.ts';
import { keywordOf } from './grammar.ts';
import type { Word } from './grammar.ts';
import { nearest } from '../util/near.ts';
import { withHint } from '../util/near.ts';
import { hasGlob, looksLikePath, resolvePath } from './paths.ts';
import type { PathScope } from './paths.ts';

export type Command =
  | { readonly name: string; readonly builtin: Builtin }
  | { readonly name: string; readonly declared: CommandDeclaration };

export type Meaning =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'move'; readonly node: TreeNode }
  /** Only `name=value` words: the rest of a `set` that was wrapped when pasted. */
  | { readonly kind: 'continued'; readonly words: readonly Word[] }
  | {
      readonly kind: 'run';
      readonly nodes: readonly TreeNode[];
      /** The path held `*` or `?`. */
      readonly globbed: boolean;
      readonly command: string;
      readonly words: readonly Word[];
    };

/** The command of that name at a node: the kind's own first. */
export function commandAt(node: TreeNode, name: string, builtins: Builtins): Command | undefined {
  const declared = Object.hasOwn(node.kind.commands, name) ? node.kind.commands[name] : undefined;
  if (declared !== undefined) return { name, declared };
  const builtin = Object.hasOwn(builtins, name) ? builtins[name] : undefined;
  if (builtin === undefined || builtin.only?.(node) === false) return undefined;
  return { name, builtin };
}

const isOffered = ({ builtin }: Command & { builtin: Builtin }, node: TreeNode) =>
  builtin.at?.(node) !== false;

/** Names offered by help and completion at a node, sorted. */
export function commandsAt(node: TreeNode, builtins: Builtins): readonly string[] {
  const offered = Object.entries(builtins)
    .filter(([, b]) => b.only?.(node) !== false && b.at?.(node) !== false)
    .map(([name]) => name);
  return [...new Set([...offered, ...Object.keys(node.kind.commands)])].sort();
}

/** `acls, luns, portals`: children whose own command has that name; one of each kind. */
export function childrenWith(node: TreeNode, name: string, { view }: { view: View }): string {
  const found = new Map<string, string>();
  for (const child of viewChildren(view, node).slice(0, 1000)) {
    const { id, commands } = child.kind;
    if (Object.hasOwn(commands, name) && !found.has(id)) found.set(id, child.name);
  }
  return [...found.values()].join(', ');
}

function commandNotFound(node: TreeNode, name: string, scope: LineScope): ConfigError {
  if (viewChild(scope.view, node, name) !== undefined) {
    return new ConfigError(
      `Command not found ${name}; did you mean the path ${node.name}/${name}?`,
    );
  }
  const below = childrenWith(node, name, scope);
  if (below !== '')
    return new ConfigError(`Command not found ${name}; it is a command of ${below}`);
  const elsewhere = Object.keys(scope.builtins).filter(
    (one) => commandAt(node, one, scope.builtins) !== undefined,
  );
  const commands = [...commandsAt(node, scope.builtins), ...elsewhere];
  const children = viewChildren(scope.view, node).slice(0, 1000);
  const guess =
    nearest(name, commands) ??
    nearest(
      name,
      children.map((child) => child.name),
    );
  return new ConfigError(
    withHint(`Command not found ${name}`, name, guess === undefined ? [] : [guess]),
  );
}

export interface LineScope extends PathScope {
  readonly builtins: Builtins;
}

export function meaningOf(words: readonly Word[], scope: LineScope): Meaning {
  const [first, second] = words;
  if (first === undefined) return { kind: 'nothing' };
  if (words.every((word) => keywordOf(word) !== undefined)) return { kind: 'continued', words };
  const { here, view, builtins } = scope;
  const { text } = first;
  // `<` and `>` alone go back and forth, as behind cd.
  if (second === undefined && !first.quoted && /^[<>]$/.test(text)) {
    return run([here], false, 'cd', words);
  }
  if (!looksLikePath(text)) {
    const child = viewChild(view, here, text);
    const command = commandAt(here, text, builtins);
    // `sessions` is a child of a TPG, and elsewhere a command.
    const elsewhere = command !== undefined && 'builtin' in command && !isOffered(command, here);
    if (command !== undefined && (child === undefined || !elsewhere)) {
      return run([here], false, text, words.slice(1));
    }
    if (child === undefined) throw commandNotFound(here, text, scope);
    return second === undefined ? { kind: 'move', node: child } : at([child], false, words, scope);
  }
  const asCommand = rootCommand(text, scope);
  if (asCommand !== undefined) return run([scope.root], false, asCommand, words.slice(1));
  const globbed = !first.quoted && hasGlob(text);
  const nodes = resolvePath(text, scope, globbed);
  if (second !== undefined) return at(nodes, globbed, words, scope);
  const [node] = nodes;
  // As in targetcli, `*` alone shows every child.
  if (globbed && nodes.length > 1) return run(nodes, true, 'ls', []);
  return node === undefined ? { kind: 'nothing' } : { kind: 'move', node };
}

const run = (
  nodes: readonly TreeNode[],
  globbed: boolean,
  command: string,
  words: readonly Word[],
): Meaning => ({ kind: 'run', nodes, globbed, command, words });

/** The second word is the command; each node that the path matched must have it. */
function at(
  nodes: readonly TreeNode[],
  globbed: boolean,
  words: readonly Word[],
  scope: LineScope,
): Meaning {
  const name = words[1]?.text ?? '';
  const without = nodes.find((node) => commandAt(node, name, scope.builtins) === undefined);
  if (without !== undefined) throw commandNotFound(without, name, scope);
  return run(nodes, globbed, name, words.slice(2));
}

/** `/saveconfig`: a command of the root, spelled like a path, when no child is called so. */
function rootCommand(text: string, scope: LineScope): string | undefined {
  const { root, view } = scope;
  const name = /^\/+([a-z_]+)$/.exec(text)?.[1];
  if (name === undefined || commandAt(root, name, scope.builtins) === undefined) return undefined;
  return viewChild(view, root, name) === undefined ? name : undefined;
}
