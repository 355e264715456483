/** Limits of rate, declared once: of storage objects, node ACLs and the sessions of a TPG. */
import type { AttributeGroup } from '../attribute.ts';

const UINT32_MAX = 0xffff_ffff;

/** `whose`: of whom the commands are counted together. */
export const rateLimits = (whose: string) =>
  ({
    burst_time: {
      kind: 'uint',
      min: 10,
      max: 60_000,
      unit: 'milliseconds',
      default: 100,
      help: `Rate ${whose} that may be used at once after less use.`,
    },
    max_bandwidth: {
      kind: 'uint',
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      unit: 'bytes',
      default: 0,
      help: `Bytes ${whose} in a second; 0 is no limit.`,
    },
    max_iops: {
      kind: 'uint',
      min: 0,
      max: UINT32_MAX,
      default: 0,
      help: `Commands ${whose} in a second; 0 is no limit.`,
    },
  }) as const satisfies AttributeGroup;
