/** `/backstores` and its folders, one for each way of storing. */
import { absentBackstore } from '../absent.ts';
import type { BackstoreKind } from '../document.ts';
import { ConfigError } from '../errors.ts';
import type { NodeKind, TreeNode } from '../node.ts';
import { backstoreOf } from './backstore_names.ts';
import { BLOCK_FOLDER } from './block.ts';
import { FILEIO_FOLDER } from './fileio.ts';
import { makeNode, NO_ATTRIBUTES } from './kit.ts';
import { RAMDISK_FOLDER } from './ramdisk.ts';

const FOLDERS = { block: BLOCK_FOLDER, fileio: FILEIO_FOLDER, ramdisk: RAMDISK_FOLDER } as const;
const folder = (parent: TreeNode, name: BackstoreKind) =>
  makeNode(FOLDERS[name], parent, name, ['backstores', name]);

export const BACKSTORES: NodeKind = {
  id: 'backstores',
  help: 'The kinds of storage that LUNs can be made of.',
  ...NO_ATTRIBUTES,
  commands: {},
  children: (_document, node) => [
    folder(node, 'block'),
    folder(node, 'fileio'),
    folder(node, 'ramdisk'),
  ],
  child: (_document, node, name) => {
    const found = backstoreOf(name);
    if (found !== undefined) return folder(node, found);
    const refusal = absentBackstore(name);
    if (refusal !== undefined) throw new ConfigError(refusal);
    return undefined;
  },
  summary: () => ({ text: '', healthy: null }),
};
