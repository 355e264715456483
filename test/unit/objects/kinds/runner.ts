/** A shell without a terminal: walks to a node, parses arguments, runs the command. */
import {
  parse,
  type AttributeBag,
  type AttributeValue,
} from '../../../../src/objects/attribute.ts';
import type { Document } from '../../../../src/objects/document.ts';
import type { BackingInfo, RuntimeState } from '../../../../src/objects/engine_port.ts';
import type { CommandContext, CommandOutcome, TreeNode } from '../../../../src/objects/node.ts';
import { PREFERENCES, type Preferences } from '../../../../src/objects/preferences.ts';
import { effective } from '../../../../src/objects/attribute.ts';
import { nodeAt } from '../../../../src/objects/tree.ts';
import { validate, describeIssue } from '../../../../src/objects/validate.ts';
import { IDLE_RUNTIME } from '../../../fixtures/documents.ts';

export const NOTHING_THERE: BackingInfo = {
  exists: false,
  type: 'none',
  size: 0,
  readonly: false,
  parentExists: true,
};
export const fileOf = (size: number): BackingInfo => ({
  ...NOTHING_THERE,
  exists: true,
  type: 'file',
  size,
});
export const deviceOf = (size: number, readonly = false): BackingInfo => ({
  ...NOTHING_THERE,
  exists: true,
  type: 'block',
  size,
  readonly,
});

export interface World {
  readonly runtime?: RuntimeState;
  readonly preferences?: Partial<Preferences>;
  /** What stands at which path; nothing elsewhere. */
  readonly files?: Readonly<Record<string, BackingInfo>>;
  readonly addresses?: readonly string[];
}

export function walk(document: Document, path: string): TreeNode {
  const node = nodeAt(
    document,
    path.split('/').filter((part) => part !== ''),
  );
  if (node === undefined) throw new Error(`No such path ${path}`);
  return node;
}

export function contextOf(document: Document, path: string, world: World = {}): CommandContext {
  return {
    node: walk(document, path),
    view: { document, runtime: world.runtime ?? IDLE_RUNTIME },
    preferences: { ...effective(PREFERENCES, {}), ...world.preferences },
    host: {
      probe: async (at) => world.files?.[at] ?? NOTHING_THERE,
      addresses: async () => world.addresses ?? [],
      rescan: async () => 4096,
      hostname: () => 'san01.example.com',
    },
  };
}

/** Run `command` at `path` with arguments as typed, by name. A new document must be valid. */
export async function run(
  document: Document,
  path: string,
  command: string,
  typed: Readonly<Record<string, string>> = {},
  world: World = {},
): Promise<CommandOutcome> {
  const context = contextOf(document, path, world);
  const declaration = context.node.kind.commands[command];
  if (declaration === undefined) throw new Error(`Command not found ${command}`);
  const args: Record<string, AttributeValue> = {};
  for (const [name, text] of Object.entries(typed)) {
    const parameter = declaration.params[name];
    if (parameter === undefined) throw new Error(`no parameter ${name}`);
    const parsed = parse(parameter, text);
    if (!parsed.ok) throw new Error(`${name}: ${parsed.reason}`);
    args[name] = parsed.value;
  }
  const outcome = await declaration.run(context, args);
  if (outcome.document !== undefined) {
    const issues = validate(outcome.document).issues ?? [];
    if (issues.length > 0) throw new Error(`invalid: ${issues.map(describeIssue).join('; ')}`);
  }
  return outcome;
}

/** The document after a command that changes it. */
export async function after(...words: Parameters<typeof run>): Promise<Document> {
  const { document } = await run(...words);
  if (document === undefined) throw new Error('nothing changed');
  return document;
}

export async function messages(...words: Parameters<typeof run>): Promise<readonly string[]> {
  return (await run(...words)).messages.map(({ text }) => text);
}

/** `set GROUP`, as the shell does it: values parsed, aliases resolved, result validated. */
export function set(
  document: Document,
  path: string,
  group: string,
  values: AttributeBag,
): Document {
  const node = walk(document, path);
  const wanted = node.kind.write(document, node, group, values);
  const issues = validate(wanted).issues ?? [];
  if (issues.length > 0) throw new Error(`invalid: ${issues.map(describeIssue).join('; ')}`);
  return wanted;
}

export function get(document: Document, path: string, group: string): AttributeBag {
  const node = walk(document, path);
  return node.kind.read(document, node, group);
}

/** `text`, with `+`, `-` or `?` for healthy, unhealthy, neither. */
export function summary(document: Document, path: string, runtime = IDLE_RUNTIME): string {
  const node = walk(document, path);
  const { text, healthy } = node.kind.summary({ document, runtime }, node);
  return `${healthy === null ? '?' : healthy ? '+' : '-'} ${text}`;
}

export function info(document: Document, path: string, runtime = IDLE_RUNTIME): readonly string[] {
  const node = walk(document, path);
  return node.kind.info?.({ document, runtime }, node) ?? [];
}
