/** What the three folders of `/backstores` share: names, wwns, delete, summary. */
import { randomUUID } from 'node:crypto';
import type { AttributeValue } from '../attribute.ts';
import { STORAGE_ATTRIBUTES_OF } from '../declarations/storage.ts';
import { own, setIn } from '../document.ts';
import type { BackstoreKind, Document, StorageAttributeBag, StorageObject } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { describeUses, usesOf } from '../lun_uses.ts';
import type {
  Arguments,
  CommandContext,
  CommandDeclaration,
  CommandOutcome,
  Message,
  NodeKind,
  Parameter,
} from '../node.ts';
import {
  backingOf,
  sizeProblem,
  storageNameProblem,
  storageObjects,
  wwnIdentity,
  wwnProblem,
} from '../rules.ts';
import { withHint } from '../../util/near.ts';
import { parseSize } from '../../util/sizes.ts';
import { withoutLun } from './lun_edits.ts';
import {
  FORCE,
  changed,
  count,
  flagParameter,
  hasAt,
  info,
  namesAt,
  NO_ATTRIBUTES,
  pathOf,
  textOf,
  textParameter,
  warning,
} from './kit.ts';
import { storageNode } from './storage_object.ts';

export const SIZE_SYNTAX =
  'Sizes are whole bytes, or a number with k, m, g or t (of factor 1024), as 512, 64M or 10GiB.';

export const NAME_PARAMETER: Parameter = {
  ...textParameter('Name of the storage object.'),
  required: true,
};
export const WWN_PARAMETER: Parameter = textParameter(
  'Unit serial number; a random UUID when omitted.',
);
/** Datera's parameter: every storage object has a wwn here. */
export const GENERATE_WWN_PARAMETER: Parameter = flagParameter(
  'Accepted for old scripts: a wwn is always generated unless one is given.',
  true,
);

/** The name for a new storage object, checked. */
export function newName(document: Document, kind: BackstoreKind, args: Arguments): string {
  const name = textOf(args['name']);
  const problem = storageNameProblem(name);
  if (problem !== undefined) throw new ConfigError(problem);
  if (own<StorageObject>(document.backstores[kind], name) !== undefined) {
    throw new ConfigError(`Storage object ${kind}/${name} exists`);
  }
  return name;
}

/** The given wwn, checked, or a new one. */
export function newWwn(document: Document, given: AttributeValue | undefined): string {
  const wwn = textOf(given);
  if (wwn === '') return randomUUID();
  const problem = wwnProblem(wwn);
  if (problem !== undefined) throw new ConfigError(problem);
  const identity = wwnIdentity(wwn);
  for (const [reference, object] of storageObjects(document)) {
    if (wwnIdentity(object.wwn) === identity) {
      throw new ConfigError(`wwn ${wwn} is taken by storage object ${reference}; give another one`);
    }
  }
  return wwn;
}

export function effectiveBlockSize(kind: BackstoreKind, object: StorageObject): number {
  return object.attributes.block_size ?? STORAGE_ATTRIBUTES_OF[kind].block_size.default;
}

/** A size as typed, in bytes, possible for a new storage object. */
export function newSize(kind: BackstoreKind, text: string, blockSize = 512): number {
  const parsed = parseSize(text);
  if (!parsed.ok) throw new ConfigError(parsed.reason);
  const problem = sizeProblem(kind, parsed.bytes, blockSize);
  if (problem !== undefined) throw new ConfigError(problem);
  return parsed.bytes;
}

/** The storage object that stands on this file or device already. */
export function objectOn(document: Document, path: string): string | undefined {
  for (const [reference, object] of storageObjects(document)) {
    if (backingOf(object) === path) return reference;
  }
  return undefined;
}

/** Attributes that `create` sets by preference. */
export function newAttributes({ preferences }: CommandContext): StorageAttributeBag {
  return preferences.export_backstore_name_as_model ? { emulate_model_alias: true } : {};
}

export function addObject(
  context: CommandContext,
  kind: BackstoreKind,
  name: string,
  object: StorageObject,
  messages: readonly Message[],
): CommandOutcome {
  const document = setIn(context.view.document, ['backstores', kind, name], object);
  return changed(document, messages, `${pathOf(context.node)}/${name}`);
}

function sessionsOn({ view }: CommandContext, reference: string): number {
  const on = view.runtime.sessions.filter((session) =>
    session.mappedLuns.some((lun) => lun.storageObject === reference),
  );
  return on.length;
}

function deleteObject(
  kind: BackstoreKind,
  context: CommandContext,
  args: Arguments,
): CommandOutcome {
  let document = context.view.document;
  const name = textOf(args['name']);
  if (!hasAt(document, ['backstores', kind, name])) {
    const names = Object.keys(document.backstores[kind]);
    throw new ConfigError(withHint(`No storage object named ${name}.`, name, names));
  }
  const reference = `${kind}/${name}`;
  const uses = usesOf(document, reference);
  for (const use of uses) document = withoutLun(document, use);
  const messages = [info(`Deleted storage object ${name}.`)];
  const sessions = sessionsOn(context, reference);
  if (sessions > 0) {
    const whose = sessions === 1 ? '1 open session' : `${sessions} open sessions`;
    messages.push(warning(`${whose} lost the disk: it was exported as ${describeUses(uses)}`));
  }
  const outcome = changed(setIn(document, ['backstores', kind, name], undefined), messages);
  return args['save'] === true ? { ...outcome, save: reference } : outcome;
}

function deleteCommand(kind: BackstoreKind): CommandDeclaration {
  return {
    help:
      'Deletes a storage object.\nThe LUNs and mapped LUNs on it are deleted too. A backing file ' +
      'stays where it is. With save=true the configuration file loses it and its LUNs at once, ' +
      'and nothing else in the file changes.',
    params: {
      name: {
        ...textParameter('Name of the storage object.'),
        required: true,
        suggest: ({ node, view }) => namesAt(view.document, node.at),
      },
      save: flagParameter('Take it out of the configuration file, too.', false),
      force: FORCE,
    },
    dangerous: true,
    run: (context, args) => deleteObject(kind, context, args),
    seeAlso: ['create'],
  };
}

export function storageFolderKind(
  backstore: BackstoreKind,
  objectKind: NodeKind,
  help: string,
  create: CommandDeclaration,
): NodeKind {
  return {
    id: backstore,
    help,
    ...NO_ATTRIBUTES,
    commands: { create, delete: deleteCommand(backstore) },
    children: (document, node) =>
      namesAt(document, node.at).map((name) => storageNode(objectKind, backstore, node, name)),
    child: (document, node, name) =>
      hasAt(document, [...node.at, name])
        ? storageNode(objectKind, backstore, node, name)
        : undefined,
    summary: (view, node) => ({
      text: count('Storage Objects', namesAt(view.document, node.at).length),
      healthy: null,
    }),
  };
}
