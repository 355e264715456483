import { EMPTY_DOCUMENT, type Document } from '../../src/objects/document.ts';

export const TARGET = 'iqn.2003-01.org.example:t1';

/** One thin ramdisk of 8 MiB as LUN 0 of a target in demo mode on a port of 127.0.0.1. */
export function demoDocument(port: number): Document {
  return {
    backstores: {
      ...EMPTY_DOCUMENT.backstores,
      ramdisk: {
        r1: {
          size: 8 * 1024 * 1024,
          nullio: false,
          wwn: 'c6c12b2e-6a0e-4b53-8e3c-1c5f0f7d9a01',
          attributes: { emulate_tpu: true, emulate_tpws: true },
        },
      },
    },
    iscsi: {
      discovery_auth: {},
      targets: {
        [TARGET]: {
          tpgs: {
            1: {
              enabled: true,
              attributes: { generate_node_acls: true, demo_mode_write_protect: false },
              parameters: {},
              auth: {},
              portals: { [`127.0.0.1:${port}`]: { iser: false } },
              luns: { 0: { storage_object: 'ramdisk/r1' } },
              acls: {},
            },
          },
        },
      },
    },
  };
}
