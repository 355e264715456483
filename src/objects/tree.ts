/** The tree over a document: nodes are made on demand, so its size costs nothing. */
import type { Document } from './document.ts';
import type { TreeNode } from './node.ts';
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
