/** `/backstores/fileio`: storage in files. */
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { StorageAttributeBag } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { BackingInfo } from '../engine_port.ts';
import type {
  Arguments,
  CommandContext,
  CommandDeclaration,
  CommandOutcome,
  Message,
} from '../node.ts';
import { flagParameter, info, notOpened, textOf, textParameter } from './kit.ts';
import {
  addObject,
  GENERATE_WWN_PARAMETER,
  NAME_PARAMETER,
  newAttributes,
  newName,
  newSize,
  newWwn,
  objectOn,
  SIZE_SYNTAX,
  storageFolderKind,
  WWN_PARAMETER,
} from './storage_folder.ts';
import { storageCommands, type Located } from './storage_commands.ts';
import { storageObjectKind } from './storage_object.ts';
import { hasControlCharacter } from '../../util/control_characters.ts';

const BLOCK_SIZE = 512;

interface Backing {
  readonly size: number;
  /** The file must be made first. */
  readonly isNew: boolean;
  readonly messages: readonly Message[];
}

/** An absolute path; `~` is the user's home. */
export function absolutePath(text: string): string {
  if (text === '') throw new ConfigError('A path is needed');
  if (hasControlCharacter(text)) {
    throw new ConfigError(`Control characters are not possible in a path: ${JSON.stringify(text)}`);
  }
  return resolve(text.replace(/^~(?=\/|$)/, homedir()));
}

function existingFile(path: string, found: BackingInfo, size: string): Backing {
  const usable = found.size - (found.size % BLOCK_SIZE);
  if (usable === 0) {
    throw new ConfigError(
      `${path} exists and is too small (${found.size} bytes): enlarge it, or remove it`,
    );
  }
  const messages: Message[] = [];
  if (size !== '') messages.push(info(`${path} exists, using its size (${usable} bytes) instead`));
  if (usable !== found.size) {
    messages.push(info(`The last ${found.size - usable} bytes are no whole block and stay unused`));
  }
  return { size: usable, isNew: false, messages };
}

function newFile(path: string, found: BackingInfo, size: string): Backing {
  if (!found.parentExists) {
    throw new ConfigError(
      `Could not open ${path}: no such folder ${dirname(path)}; create it first`,
    );
  }
  if (size === '') {
    throw new ConfigError('Attempting to create file for new fileio backstore, need a size');
  }
  return { size: newSize('fileio', size, BLOCK_SIZE), isNew: true, messages: [] };
}

/** What stands at `path`, or shall stand there; refuses what cannot be a fileio backing. */
export async function backingFor(
  context: CommandContext,
  path: string,
  size: string,
): Promise<Backing> {
  const taken = objectOn(context.view.document, path);
  if (taken !== undefined) {
    const name = taken.slice(taken.indexOf('/') + 1);
    throw new ConfigError(`storage object for ${path} already exists: ${name}`);
  }
  const found = await context.host.probe(path);
  if (found.exists && found.type !== 'file' && found.type !== 'block') {
    const what = found.type === 'directory' ? ': it is a folder, give a file in it' : '';
    throw new ConfigError(`Path ${path} exists but is not a file${what}`);
  }
  if (found.problem !== undefined) throw notOpened(path, found.problem);
  if (!found.exists) return newFile(path, found, size);
  if (found.readonly) throw new ConfigError(`Could not open ${path}: it cannot be written to`);
  if (found.type === 'file') return existingFile(path, found, size);
  const messages = [info('Note: block backstore preferred for best results')];
  if (size !== '') messages.unshift(info('Block device, size parameter ignored'));
  return { size: found.size, isNew: false, messages };
}

async function create(context: CommandContext, args: Arguments): Promise<CommandOutcome> {
  const { document } = context.view;
  const name = newName(document, 'fileio', args);
  const wwn = newWwn(document, args['wwn']);
  const path = absolutePath(textOf(args['file_or_dev']));
  const backing = await backingFor(context, path, textOf(args['size']));
  const { size } = backing;
  const attributes: StorageAttributeBag = newAttributes(context);
  const object = { path, size, write_back: args['write_back'] !== false, wwn, attributes };
  const sparse = args['sparse'] !== false;
  const messages = [...backing.messages];
  if (backing.isNew && !sparse) messages.push(info(`Writing ${size} bytes`));
  messages.push(info(`Created fileio ${name} with size ${size}`));
  const outcome = addObject(context, 'fileio', name, object, messages);
  return backing.isNew ? { ...outcome, createFiles: [{ path, size, sparse }] } : outcome;
}

const CREATE: CommandDeclaration = {
  help:
    'Creates a fileio storage object.\nA file that does not exist is made and needs a size; a ' +
    'file that exists keeps its own size. With write_back=true (the default) a write is on ' +
    'stable storage after a flush or with FUA; with write_back=false each write is, before it is ' +
    `answered. sparse=false fills a new file with zeros. ${SIZE_SYNTAX}`,
  params: {
    name: NAME_PARAMETER,
    file_or_dev: { ...textParameter('Path of the file.'), required: true, files: 'any' },
    size: { ...textParameter('Size of a new file.'), form: 'a size, as 10G' },
    write_back: {
      ...flagParameter('Cache writes: durable after a flush or with FUA.', true),
      aliases: ['buffered'],
    },
    sparse: flagParameter('A new file takes space only as it is written.', true),
    wwn: WWN_PARAMETER,
    generate_wwn: GENERATE_WWN_PARAMETER,
  },
  run: create,
  seeAlso: ['delete'],
};

async function locate(context: CommandContext, text: string): Promise<Located> {
  const path = absolutePath(text);
  const found = await context.host.probe(path);
  if (!found.exists) throw new ConfigError(`Could not open ${path}: no such file`);
  const { size } = await backingFor(context, path, '');
  return { path, size };
}

const FILEIO_OBJECT = storageObjectKind('fileio', storageCommands('fileio', locate));
export const FILEIO_FOLDER = storageFolderKind(
  'fileio',
  FILEIO_OBJECT,
  'Storage objects in files.',
  CREATE,
);
