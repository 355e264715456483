/** What scripts read: nodes, trees and sessions as JSON of a stable shape (docs/JSON.md). */
import type { AttributeBag, AttributeGroup, AttributeValue } from '../objects/attribute.ts';
import { isSecret } from '../objects/attribute.ts';
import { getIn } from '../objects/document.ts';
import { isRecord } from '../objects/equal.ts';
import type { TreeNode, View } from '../objects/node.ts';
import { pathOf, viewChildren } from '../objects/tree.ts';
import { placesOf } from '../objects/kinds/kit.ts';
import { MASK } from './groups.ts';
import { summaryText } from './render.ts';

/** Every value of a group, defaults filled in; set secrets are starred out unless `clear`. */
export function groupValues(group: AttributeGroup, bag: AttributeBag, clear: boolean) {
  const values: Record<string, AttributeValue> = {};
  for (const [name, attribute] of Object.entries(group)) {
    const value = bag[name] ?? attribute.default;
    values[name] = isSecret(attribute) && value !== '' && !clear ? MASK : value;
  }
  return values;
}

/** The value with every set password starred out. */
function masked(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, entry]) => {
    const secret = /password/i.test(key) && typeof entry === 'string' && entry !== '';
    return [key, secret ? MASK : masked(entry)] as const;
  });
  return Object.fromEntries(entries);
}

const membersOf = (node: TreeNode) => placesOf(node).map((at) => at.at(-1) ?? '');

export interface NodeJson {
  readonly path: string;
  readonly kind: string;
  readonly summary: string;
  readonly healthy: boolean | null;
  /** By group name, every value, defaults filled in. */
  readonly groups: Readonly<Record<string, Readonly<Record<string, AttributeValue>>>>;
  /** The initiators of a tagged group, which are alike; absent for every other node. */
  readonly members?: readonly string[];
  /** What the configuration holds at and below the node, in its sparse form. */
  readonly config: unknown;
  /** Names of the nodes right below. */
  readonly children: readonly string[];
}

export function nodeJson(view: View, node: TreeNode, clear: boolean): NodeJson {
  const { document } = view;
  const groups = Object.entries(node.kind.groups(node)).map(([name, group]) => {
    const bag = {
      ...node.kind.read(document, node, name),
      ...node.kind.live?.(view, node, name),
    };
    return [name, groupValues(group, bag, clear)] as const;
  });
  const config = getIn(document, node.at) ?? null;
  return {
    ...headOf(view, node),
    groups: Object.fromEntries(groups),
    ...(node.kind.id === 'node_acl' && node.also !== undefined && { members: membersOf(node) }),
    config: clear ? config : masked(config),
    children: viewChildren(view, node).map(({ name }) => name),
  };
}

/** What every form of a node begins with. */
export function headOf(view: View, node: TreeNode) {
  const summary = node.kind.summary(view, node);
  return {
    path: pathOf(node),
    kind: node.kind.id,
    summary: summary.text === '' && summary.healthy === null ? '' : summaryText(summary),
    healthy: summary.healthy,
  };
}

export interface TreeJson {
  readonly path: string;
  readonly kind: string;
  readonly summary: string;
  readonly healthy: boolean | null;
  readonly children: readonly TreeJson[];
}

/** The node and so many levels below it. */
export function treeJson(view: View, node: TreeNode, levels: number): TreeJson {
  const below = levels > 0 ? viewChildren(view, node) : [];
  return {
    ...headOf(view, node),
    children: below.map((child) => treeJson(view, child, levels - 1)),
  };
}

/** Lines of `info` by key; lines without one are a list under the key before them. */
export function infoJson(lines: readonly string[]): Readonly<Record<string, unknown>> {
  const values = new Map<string, string | string[]>();
  let last = '';
  for (const line of lines) {
    const [, key, value] = /^([^:]+):(?: (.*))?$/s.exec(line) ?? [];
    if (key !== undefined) {
      last = key;
      values.set(key, value ?? []);
      continue;
    }
    const list = values.get(last);
    values.set(last, Array.isArray(list) ? [...list, line] : [line]);
  }
  return Object.fromEntries(values);
}
