/** Changes to a storage object while it is served: size, name, backing. */
import { setIn, type BackstoreKind, type Document, type StorageObject } from '../document.ts';
import { getIn } from '../document.ts';
import { ConfigError } from '../errors.ts';
import { placeOf, usesOf } from '../lun_uses.ts';
import type { Arguments, CommandContext, CommandDeclaration, CommandOutcome } from '../node.ts';
import type { Parameter } from '../node.ts';
import { formatSize } from '../../util/sizes.ts';
import { changed, flagParameter, info, pathOf, textOf, textParameter, warning } from './kit.ts';
import { effectiveBlockSize, newName, newSize, SIZE_SYNTAX } from './storage_folder.ts';

/** What a storage object stands on after it was moved; `size` absent where it has none. */
export interface Located {
  readonly path: string;
  readonly size?: number;
  readonly readonly?: boolean;
}
/** Looks at another file or device; refuses what cannot be one. */
export type Locate = (context: CommandContext, path: string) => Promise<Located>;

function objectOf({ node, view }: CommandContext): StorageObject {
  const object = getIn(view.document, node.at);
  if (object === undefined) throw new ConfigError(`No storage object named ${node.name}.`);
  return object as StorageObject;
}

const ALLOW_SHRINK: Parameter = flagParameter(
  'Make it smaller all the same: what lies beyond is lost to initiators.',
  false,
);

function refuseToShrink(now: number, wanted: number, args: Arguments): void {
  if (wanted >= now || args['allow_shrink'] === true) return;
  throw new ConfigError(
    `This would shrink it from ${formatSize(now)} to ${formatSize(wanted)}, and what lies beyond ` +
      'is lost to initiators: shrink their file systems first, then give allow_shrink=true',
  );
}

const resized = (context: CommandContext, bytes: number) =>
  info(`Storage object ${context.node.name} has ${bytes} bytes now.`);

/** Without a size: what the file has now. */
async function wantedSize(
  context: CommandContext,
  kind: BackstoreKind,
  object: StorageObject,
  text: string,
): Promise<number> {
  const blockSize = effectiveBlockSize(kind, object);
  if (text !== '') return newSize(kind, text, blockSize);
  if (!('path' in object)) throw new ConfigError('Missing required parameter size');
  const found = await context.host.probe(object.path);
  if (!found.exists) throw new ConfigError(`Could not open ${object.path}: no such file`);
  return found.size - (found.size % blockSize);
}

async function resize(
  kind: BackstoreKind,
  context: CommandContext,
  args: Arguments,
): Promise<CommandOutcome> {
  const object = objectOf(context);
  const text = textOf(args['size']);
  if ('dev' in object) {
    if (text !== '') {
      throw new ConfigError(`The size of ${object.dev} is its own: enlarge it, then give no size`);
    }
    return {
      messages: [resized(context, await context.host.rescan(`${kind}/${context.node.name}`))],
    };
  }
  const size = await wantedSize(context, kind, object, text);
  if (size === object.size) return { messages: [resized(context, size)] };
  refuseToShrink(object.size, size, args);
  const document = setIn(context.view.document, [...context.node.at, 'size'], size);
  return changed(document, [resized(context, size)]);
}

/** Every LUN on `before` stands on `after`. */
function withReference(document: Document, before: string, after: string): Document {
  return usesOf(document, before).reduce(
    (now, use) => setIn(now, [...placeOf(use), 'storage_object'], after),
    document,
  );
}

function rename(kind: BackstoreKind, context: CommandContext, args: Arguments): CommandOutcome {
  const { node, view } = context;
  const name = newName(view.document, kind, { name: textOf(args['new_name']) });
  const folder = node.at.slice(0, -1);
  const without = setIn(view.document, node.at, undefined);
  const renamed = setIn(without, [...folder, name], objectOf(context));
  const document = withReference(renamed, `${kind}/${node.name}`, `${kind}/${name}`);
  const messages = [info(`Renamed storage object ${node.name} to ${name}.`)];
  const parent = node.parent === undefined ? '' : pathOf(node.parent);
  return changed(document, messages, `${parent}/${name}`);
}

async function relocate(
  locate: Locate,
  context: CommandContext,
  args: Arguments,
): Promise<CommandOutcome> {
  const { node, view } = context;
  const object = objectOf(context);
  const { path, size, readonly } = await locate(context, textOf(args['path']));
  if ('size' in object && size !== undefined) refuseToShrink(object.size, size, args);
  const moved = {
    ...object,
    ...('path' in object ? { path } : { dev: path }),
    ...('size' in object && size !== undefined && { size }),
    ...('readonly' in object && { readonly: object.readonly || readonly === true }),
  };
  const messages = [info(`Storage object ${node.name} stands on ${path} now.`)];
  if (usesOf(view.document, `${node.at[1]}/${node.name}`).length > 0) {
    messages.push(
      warning('Initiators see the other data at once: it must be a copy of the former'),
    );
  }
  return changed(setIn(view.document, node.at, moved), messages);
}

const RESIZE_HELP: Readonly<Record<BackstoreKind, string>> = {
  block:
    'Looks at the size of the block device again.\nAfter the device was enlarged: initiators are ' +
    'told of the new capacity, and lose nothing.',
  fileio:
    'Changes the size.\nA larger size makes the file longer; without a size it becomes what the ' +
    'file has now. A smaller one needs allow_shrink=true, and the file keeps its length. ' +
    `Initiators are told, and go on meanwhile. ${SIZE_SYNTAX}`,
  ramdisk:
    'Changes the size.\nA smaller one needs allow_shrink=true and loses what lies beyond. ' +
    `Initiators are told, and go on meanwhile. ${SIZE_SYNTAX}`,
};

function resizeCommand(kind: BackstoreKind): CommandDeclaration {
  const size: Parameter = { ...textParameter('The new size.'), form: 'a size, as 64M' };
  return {
    help: RESIZE_HELP[kind],
    params: kind === 'block' ? { size } : { size, allow_shrink: ALLOW_SHRINK },
    run: (context, args) => resize(kind, context, args),
    seeAlso: ['info', 'rename'],
  };
}

function relocateCommand(locate: Locate, files: 'any' | 'block'): CommandDeclaration {
  return {
    help:
      'Puts the storage object on another file or device.\nName, wwn, attributes and LUNs stay. ' +
      'Commands under way are aborted, and initiators repeat them against the new one: stop ' +
      'them first, and copy the data.',
    params: {
      path: { ...textParameter('Path of what exists there already.'), required: true, files },
      ...(files === 'any' && { allow_shrink: ALLOW_SHRINK }),
    },
    run: (context, args) => relocate(locate, context, args),
    seeAlso: ['resize'],
  };
}

/** Commands of a storage object's node; `locate` absent: it stands on nothing. */
export function storageCommands(
  kind: BackstoreKind,
  locate?: Locate,
): Readonly<Record<string, CommandDeclaration>> {
  const relocating = locate && relocateCommand(locate, kind === 'block' ? 'block' : 'any');
  return {
    ...(relocating !== undefined && { relocate: relocating }),
    rename: {
      help:
        'Gives the storage object another name.\nLUNs, mappings and sessions stay; initiators ' +
        'that are shown the name as model are told.',
      params: { new_name: { ...textParameter('The new name.'), required: true } },
      run: (context, args) => rename(kind, context, args),
      seeAlso: ['resize'],
    },
    resize: resizeCommand(kind),
  };
}
