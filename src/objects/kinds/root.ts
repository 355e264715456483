/** `/`: backstores and the iSCSI fabric. */
import { ConfigError } from '../errors.ts';
import type { NodeKind, TreeNode } from '../node.ts';
import { BACKSTORES } from './backstores.ts';
import { ISCSI, ISER } from './iscsi.ts';
import { makeNode, NO_ATTRIBUTES } from './kit.ts';

const INSTEAD: Readonly<Record<string, string>> = {
  loopback: 'use /iscsi with an initiator on this machine',
  vhost: 'use /iscsi: QEMU attaches iscsi:// URLs itself',
  'xen-pvscsi': 'use /iscsi',
  xen_pvscsi: 'use /iscsi',
  srpt: 'use /iscsi',
  ib_srpt: 'use /iscsi',
  qla2xxx: 'use /iscsi',
  tcm_qla2xxx: 'use /iscsi',
  tcm_fc: 'use /iscsi',
  efct: 'use /iscsi',
  sbp: 'use /iscsi',
  ibmvscsis: 'use /iscsi',
  usb_gadget: 'use /iscsi',
};

export const ROOT_KIND: NodeKind = {
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
      default:
        if (Object.hasOwn(INSTEAD, name)) {
          throw new ConfigError(`${name} is not available in this engine; ${INSTEAD[name]}`);
        }
        return undefined;
    }
  },
  summary: () => ({ text: '', healthy: null }),
  // What the engine chose at its start, each with a plain way where the fast one is absent.
  info: ({ runtime }) =>
    Object.entries(runtime.accelerators).map(([what, choice]) => `${what}: ${choice}`),
};

export const ROOT: TreeNode = makeNode(ROOT_KIND, undefined, '', []);
