/** `/backstores/block`: whole block devices. */
import { resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import type { Arguments, CommandContext, CommandDeclaration, CommandOutcome } from '../node.ts';
import { flagParameter, info, notOpened, textOf, textParameter } from './kit.ts';
import {
  addObject,
  GENERATE_WWN_PARAMETER,
  NAME_PARAMETER,
  newAttributes,
  newName,
  newWwn,
  objectOn,
  storageFolderKind,
  WWN_PARAMETER,
} from './storage_folder.ts';
import { storageCommands, type Located } from './storage_commands.ts';
import { storageObjectKind } from './storage_object.ts';

/** Whether the device can be taken, and whether it is read-only. */
export async function probeDevice(
  context: CommandContext,
  dev: string,
): Promise<{ readonly: boolean }> {
  const taken = objectOn(context.view.document, dev);
  if (taken !== undefined) {
    throw new ConfigError(
      `Cannot configure StorageObject because device ${dev} is already in use by ${taken}`,
    );
  }
  const found = await context.host.probe(dev);
  if (!found.exists) throw new ConfigError(`Could not open ${dev}: no such device`);
  if (found.type !== 'block') {
    const use = found.type === 'file' ? ': use the fileio backstore for files' : '';
    throw new ConfigError(`Device ${dev} is not a TYPE_DISK block device${use}`);
  }
  if (found.problem !== undefined) throw notOpened(dev, found.problem);
  return { readonly: found.readonly };
}

async function create(context: CommandContext, args: Arguments): Promise<CommandOutcome> {
  const { document } = context.view;
  const name = newName(document, 'block', args);
  if (args['exclusive'] === false) {
    throw new ConfigError('Cannot configure StorageObject. exclusive=false not supported.');
  }
  const wwn = newWwn(document, args['wwn']);
  const dev = resolve(textOf(args['dev']));
  const found = await probeDevice(context, dev);
  if (found.readonly && args['readonly'] === false) {
    throw new ConfigError(`Device ${dev} is read-only: omit readonly or give readonly=true`);
  }
  const readonly = args['readonly'] === true || found.readonly;
  const object = { dev, readonly, wwn, attributes: newAttributes(context) };
  return addObject(context, 'block', name, object, [
    info(`Created block storage object ${name} using ${dev}.`),
  ]);
}

const CREATE: CommandDeclaration = {
  help:
    'Creates a block storage object.\nThe device is taken whole and exclusively: it must not be ' +
    'mounted or in use. readonly follows the device when omitted.',
  params: {
    name: NAME_PARAMETER,
    dev: { ...textParameter('Path of the block device.'), required: true, files: 'block' },
    readonly: flagParameter('Refuse writes; when omitted, as the device itself says.', false),
    wwn: WWN_PARAMETER,
    exclusive: flagParameter('The device is opened exclusively; nothing else is possible.', true),
    generate_wwn: GENERATE_WWN_PARAMETER,
  },
  run: create,
  seeAlso: ['delete'],
};

async function locate(context: CommandContext, text: string): Promise<Located> {
  const path = resolve(text);
  const { readonly } = await probeDevice(context, path);
  return { path, readonly };
}

const BLOCK_OBJECT = storageObjectKind('block', storageCommands('block', locate));
export const BLOCK_FOLDER = storageFolderKind(
  'block',
  BLOCK_OBJECT,
  'Storage objects on block devices.',
  CREATE,
);
