/** `/backstores/ramdisk`: storage in memory. */
import type { CommandDeclaration } from '../node.ts';
import { flagParameter, info, textOf, textParameter } from './kit.ts';
import {
  addObject,
  GENERATE_WWN_PARAMETER,
  NAME_PARAMETER,
  newAttributes,
  newName,
  newSize,
  newWwn,
  SIZE_SYNTAX,
  storageFolderKind,
  WWN_PARAMETER,
} from './storage_folder.ts';
import { storageCommands } from './storage_commands.ts';
import { storageObjectKind } from './storage_object.ts';

const CREATE: CommandDeclaration = {
  help:
    `Creates a ramdisk storage object.\nIts data is lost when the daemon stops. ${SIZE_SYNTAX} ` +
    'With nullio=true reads give zeros and writes vanish: for benchmarks only.',
  params: {
    name: NAME_PARAMETER,
    size: { ...textParameter('Size of the ramdisk.'), form: 'a size, as 64M', required: true },
    nullio: flagParameter('Keep no data at all: for benchmarks.', false),
    wwn: WWN_PARAMETER,
    generate_wwn: GENERATE_WWN_PARAMETER,
  },
  run: (context, args) => {
    const { document } = context.view;
    const name = newName(document, 'ramdisk', args);
    const typed = textOf(args['size']);
    const object = {
      size: newSize('ramdisk', typed),
      nullio: args['nullio'] === true,
      wwn: newWwn(document, args['wwn']),
      attributes: newAttributes(context),
    };
    return addObject(context, 'ramdisk', name, object, [
      info(`Created ramdisk ${name} with size ${typed}.`),
    ]);
  },
  seeAlso: ['delete'],
};

const RAMDISK_OBJECT = storageObjectKind('ramdisk', storageCommands('ramdisk'));
export const RAMDISK_FOLDER = storageFolderKind(
  'ramdisk',
  RAMDISK_OBJECT,
  'Storage objects in memory.',
  CREATE,
);
