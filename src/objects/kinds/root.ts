/** `/`: backstores and the iSCSI fabric. */
import { absentFabric } from '../absent.ts';
import { ConfigError } from '../errors.ts';
import type { NodeKind, TreeNode } from '../node.ts';
import { BACKSTORES } from './backstores.ts';
import { ISCSI, ISER } from './iscsi.ts';
import { makeNode, NO_ATTRIBUTES } from './kit.ts';

const ROOT_KIND: NodeKind = {
  id: 'root',
  help: 'The root of the configuration: backstores and fabrics.',
  ...NO_ATTRIBUTES,
  commands: {},
  children: (_document, node) => [
    makeNode(BACKSTORES, node, 'backstores', ['backstores']),
    makeNode(ISCSI, node, 'iscsi', ['iscsi']),
  ],
  child: (_document, node, name) => {
    switch (name) {
      case 'backstores':
        return makeNode(BACKSTORES, node, name, ['backstores']);
      case 'iscsi':
        return makeNode(ISCSI, node, name, ['iscsi']);
      case 'iser':
        return makeNode(ISER, node, name, ['iscsi']);
      default: {
        const refusal = absentFabric(name);
        if (refusal !== undefined) throw new ConfigError(refusal);
        return undefined;
      }
    }
  },
  summary: () => ({ text: '', healthy: null }),
  // What the engine chose at its start, each with a plain way where the fast one is absent.
  info: ({ runtime }) =>
    Object.entries(runtime.accelerators).map(([what, choice]) => `${what}: ${choice}`),
};

export const ROOT: TreeNode = makeNode(ROOT_KIND, undefined, '', []);
