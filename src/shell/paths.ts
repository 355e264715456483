/** Paths of the tree: absolute, relative, `..`, `.`, `@bookmark`, `@bookmark/child` and globs. */
import { ConfigError } from '../objects/errors.ts';
import type { TreeNode, View } from '../objects/node.ts';
import { pathOf, viewChild, viewChildren } from '../objects/tree.ts';
import { withHint } from '../util/near.ts';

export interface PathScope {
  readonly view: View;
  readonly root: TreeNode;
  readonly here: TreeNode;
  bookmark(name: string): string | undefined;
  bookmarks(): readonly string[];
}

export function looksLikePath(text: string): boolean {
  return text.includes('/') || text === '.' || text === '..' || /^[@*]/.test(text) || hasGlob(text);
}

/** `[` is no glob character: IPv6 portals are written with it. */
export function hasGlob(text: string): boolean {
  return /[*?]/.test(text);
}

function globPattern(component: string): RegExp {
  const source = component.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*');
  return new RegExp(`^${source.replace(/\?/g, '.')}$`);
}

function noSuchPath(parent: TreeNode, name: string, view: View): ConfigError {
  const base = parent.parent === undefined ? '' : pathOf(parent);
  const known = viewChildren(view, parent).map((child) => child.name);
  return new ConfigError(withHint(`No such path ${base}/${name}`, name, known.slice(0, 1000)));
}

/**
 * The nodes that a path names, in order of display. Exactly one unless `globs` and a component has
 * `*` or `?`. Throws ConfigError for what does not exist.
 */
export function resolvePath(text: string, scope: PathScope, globs = true): readonly TreeNode[] {
  let nodes: readonly TreeNode[] = [scope.here];
  let rest = text;
  if (text.startsWith('@')) {
    const [name = '', ...more] = text.slice(1).split('/');
    const target = scope.bookmark(name);
    if (target === undefined) {
      throw new ConfigError(withHint(`No such bookmark ${name}`, name, scope.bookmarks()));
    }
    nodes = resolvePath(target, scope, false);
    rest = more.join('/');
  } else if (text.startsWith('/')) nodes = [scope.root];
  for (const name of rest.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') nodes = [...new Map(nodes.map((n) => parentEntry(n))).values()];
    else nodes = step(nodes, name, scope.view, globs);
  }
  return nodes;
}

function parentEntry(node: TreeNode): [string, TreeNode] {
  const parent = node.parent ?? node;
  return [pathOf(parent), parent];
}

function step(
  nodes: readonly TreeNode[],
  name: string,
  view: View,
  globs: boolean,
): readonly TreeNode[] {
  const found: TreeNode[] = [];
  for (const node of nodes) {
    const child = viewChild(view, node, name);
    if (child !== undefined) found.push(child);
    else if (globs && hasGlob(name)) {
      const pattern = globPattern(name);
      const children = viewChildren(view, node);
      found.push(...children.filter((candidate) => pattern.test(candidate.name)));
    }
  }
  const first = nodes[0];
  if (found.length === 0 && first !== undefined) throw noSuchPath(first, name, view);
  return found;
}

/** The node at a path, or the nearest one above it that still exists. */
export function nearestExisting(path: string, root: TreeNode, view: View): TreeNode {
  let node = root;
  for (const name of path.split('/')) {
    if (name === '') continue;
    const child = viewChild(view, node, name);
    if (child === undefined) return node;
    node = child;
  }
  return node;
}
