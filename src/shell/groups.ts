/** Configuration groups of a node with `global`, as `get`, `set`, help and completion see them. */
import type {
  Attribute,
  AttributeBag,
  AttributeGroup,
  AttributeValue,
} from '../objects/attribute.ts';
import { format, isSecret } from '../objects/attribute.ts';
import { ConfigError } from '../objects/errors.ts';
import type { TreeNode } from '../objects/node.ts';
import { PREFERENCES } from '../objects/preferences.ts';
import { withHint } from '../util/near.ts';

export const MASK = '********';

export function groupsOf(node: TreeNode): Readonly<Record<string, AttributeGroup>> {
  return { global: PREFERENCES, ...node.kind.groups(node) };
}

export function groupNamed(node: TreeNode, name: string): AttributeGroup {
  const groups = groupsOf(node);
  const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (group === undefined) {
    const message = `Unknown configuration group: ${name}`;
    throw new ConfigError(withHint(message, name, Object.keys(groups)));
  }
  return group;
}

/** The canonical name of an attribute: another case or dialect is forgiven. */
export function attributeNamed(
  node: TreeNode,
  group: AttributeGroup,
  typed: string,
): { readonly name: string; readonly attribute: Attribute } | undefined {
  const alias = node.kind.attributeAliases?.[typed];
  for (const name of [typed, ...(alias === undefined ? [] : [alias])]) {
    const attribute = Object.hasOwn(group, name) ? group[name] : undefined;
    if (attribute !== undefined) return { name, attribute };
  }
  return undefined;
}

/** As the shell prints it: an unset secret is empty, a set one starred out unless `clear`. */
export function shown(attribute: Attribute, value: AttributeValue, clear: boolean): string {
  const text = format(attribute, value);
  return isSecret(attribute) && text !== '' && !clear ? MASK : text;
}

export function valueIn(bag: AttributeBag, name: string, attribute: Attribute): AttributeValue {
  return bag[name] ?? attribute.default;
}

/** The type word of `set GROUP`: targetcli's names. */
export function typeWord(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'uint':
    case 'int':
      return 'number';
    case 'bool':
      return attribute.style === 'yesno'
        ? 'yesno'
        : attribute.style === 'digit'
          ? 'number'
          : 'bool';
    case 'choice':
      return attribute.values.join('|');
    case 'text':
      return 'string';
  }
}
