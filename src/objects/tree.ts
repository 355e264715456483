/** The tree over a document: nodes are made on demand, so its size costs nothing. */
import type { Document } from './document.ts';
import type { TreeNode, View } from './node.ts';
import { ROOT } from './kinds/root.ts';

export { pathOf } from './kinds/kit.ts';
export { ROOT } from './kinds/root.ts';

/**
 * The node that `segments` lead to from the root, or undefined. Other spellings are resolved:
 * `tpgt1`, `iblock`, a portal right under its TPG. Throws a ConfigError for fabrics and backstores
 * that LIO has and this engine has not.
 */
export function nodeAt(document: Document, segments: readonly string[]): TreeNode | undefined {
  let node: TreeNode = ROOT;
  for (const name of segments) {
    const next = childOf(document, node, name);
    if (next === undefined) return undefined;
    node = next;
  }
  return node;
}

/** The child of that name or of one of its other spellings. */
export function childOf(document: Document, node: TreeNode, name: string): TreeNode | undefined {
  return node.kind.child(document, node, name);
}

export function childrenOf(document: Document, node: TreeNode): readonly TreeNode[] {
  return node.kind.children(document, node);
}

/** The children as they are now: of the document, then of the running engine. */
export function viewChildren(view: View, node: TreeNode): readonly TreeNode[] {
  const { children, liveChildren } = node.kind;
  const live = liveChildren?.(view, node) ?? [];
  return live.length === 0
    ? children(view.document, node)
    : [...children(view.document, node), ...live];
}

export function viewChild(view: View, node: TreeNode, name: string): TreeNode | undefined {
  return node.kind.child(view.document, node, name) ?? node.kind.liveChild?.(view, node, name);
}
