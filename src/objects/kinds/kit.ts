/** What the node kinds share: nodes, paths, sorted names, sparse groups, messages. */
import {
  check,
  type AttributeBag,
  type AttributeGroup,
  type AttributeValue,
} from '../attribute.ts';
import { getIn, setIn, type Document, type DocumentPath } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { CommandOutcome, Message, NodeKind, Parameter, TreeNode } from '../node.ts';

export function makeNode(
  kind: NodeKind,
  parent: TreeNode | undefined,
  name: string,
  at: DocumentPath,
  also?: readonly DocumentPath[],
): TreeNode {
  return { kind, name, parent, at, ...(also !== undefined && { also }) };
}

/** Every place that a node stands for: more than one only in a tagged group of node ACLs. */
export const placesOf = ({ at, also = [] }: TreeNode): readonly DocumentPath[] => [at, ...also];

/** Every place of a node changed in the same way. */
export const atEachPlace = (
  document: Document,
  node: TreeNode,
  change: (document: Document, at: DocumentPath) => Document,
): Document => placesOf(node).reduce(change, document);

/** `/iscsi/iqn…/tpg1/luns/lun0`; the root is `/`. */
export function pathOf(node: TreeNode): string {
  const names: string[] = [];
  for (let at: TreeNode | undefined = node; at?.parent !== undefined; at = at.parent) {
    names.push(at.name);
  }
  return `/${names.reverse().join('/')}`;
}

/** Where the digits at the end begin. */
function stemLength(name: string): number {
  let end = name.length;
  while (end > 0 && isDigit(name.charCodeAt(end - 1))) end -= 1;
  return end;
}
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;

/** By name, a trailing number as a number: lun2 before lun10. */
export function compareNames(a: string, b: string): number {
  const [x, y] = [stemLength(a), stemLength(b)];
  if (x === y && x < a.length && y < b.length && a.startsWith(b.slice(0, y))) {
    return Number(a.slice(x)) - Number(b.slice(y));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The object at a node's place; empty when the place is gone. */
export function recordAt(document: Document, at: DocumentPath): Readonly<Record<string, unknown>> {
  const value = getIn(document, at);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function namesAt(document: Document, at: DocumentPath): readonly string[] {
  return Object.keys(recordAt(document, at)).sort(compareNames);
}

export function hasAt(document: Document, at: DocumentPath): boolean {
  return getIn(document, at) !== undefined;
}

/** Sparse values of the group that stands at `key` of a node. */
export function bagAt(document: Document, node: TreeNode, key: string): AttributeBag {
  return recordAt(document, [...node.at, key]) as AttributeBag;
}

/** `bag` with `values` set: each checked by its declaration, those equal to a default removed. */
export function mergeBag(
  name: string,
  group: AttributeGroup,
  bag: AttributeBag,
  values: AttributeBag,
): AttributeBag {
  const merged: Record<string, AttributeValue> = { ...bag };
  for (const [key, value] of Object.entries(values)) {
    const attribute = Object.hasOwn(group, key) ? group[key] : undefined;
    if (attribute === undefined) {
      throw new ConfigError(`Unknown parameter ${key} in group '${name}'.`);
    }
    if (attribute.readonly === true) throw new ConfigError(`Parameter ${key} is read-only.`);
    const checked = check(attribute, value);
    if (!checked.ok) throw new ConfigError(`Cannot set ${name} ${key}: ${checked.reason}`);
    if (checked.value === attribute.default) delete merged[key];
    else merged[key] = checked.value;
  }
  return merged;
}

/** `set GROUP …` for a group stored as it is under `key`. */
export function writeBagAt(
  document: Document,
  node: TreeNode,
  key: string,
  merged: AttributeBag,
): Document {
  return setIn(document, [...node.at, key], merged);
}

export const unknownGroup = (group: string): ConfigError =>
  new ConfigError(`Unknown configuration group: ${group}`);

const noGroups: NodeKind['groups'] = () => ({});
const readNothing: NodeKind['read'] = () => ({});
const writeNothing: NodeKind['write'] = (_document, _node, group) => {
  throw unknownGroup(group);
};
export const NO_ATTRIBUTES = {
  groups: noGroups,
  read: readNothing,
  write: writeNothing,
} as const satisfies Partial<NodeKind>;
const NONE: readonly TreeNode[] = [];
export const NO_CHILDREN = {
  children: () => NONE,
  child: () => undefined,
} as const satisfies Partial<NodeKind>;

export const info = (text: string): Message => ({ level: 'info', text });
export const warning = (text: string): Message => ({ level: 'warning', text });

/** The outcome of a command that changed the document. */
export function changed(
  document: Document,
  messages: readonly Message[],
  created?: string,
): CommandOutcome {
  return { document, messages, ...(created !== undefined && { created }) };
}

export function count(word: string, n: number): string {
  return `${word}: ${n}`;
}

/** Text parameter of up to 4096 characters. */
export function textParameter(help: string): Parameter & { kind: 'text' } {
  return { kind: 'text', lengthMax: 4096, default: '', help };
}

export function flagParameter(help: string, value: boolean): Parameter & { kind: 'bool' } {
  return { kind: 'bool', style: 'truefalse', default: value, help };
}

/** Of every command that may take disks from open sessions. */
export const FORCE: Parameter = flagParameter(
  'Do it without a question, although open sessions end or lose a disk by it.',
  false,
);

/** An argument as text; empty when omitted. */
export function textOf(value: AttributeValue | undefined): string {
  return value === undefined ? '' : String(value);
}

/** `3`, `tpg3`, `lun3`: the number after an optional prefix; undefined for anything else. */
export function numberAfter(prefix: RegExp, text: string): number | undefined {
  const digits = text.trim().replace(prefix, '');
  return /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
}

/** The smallest number from `first` on that is no key of `taken`. */
export function firstFree(taken: Readonly<Record<string, unknown>>, first: number): number {
  let n = first;
  while (Object.hasOwn(taken, String(n))) n += 1;
  return n;
}

/** The machine's own words name the path again: once is enough. */
export function notOpened(path: string, problem: string): ConfigError {
  const rest = problem.startsWith(path) ? problem.slice(path.length) : `: ${problem}`;
  return new ConfigError(`Could not open ${path}${rest.replace(/^ /, ': it ')}`);
}
