import type { AttributeGroup } from '../attribute.ts';
import { rateLimits } from './rate_limits.ts';

const LIMITS = rateLimits('of all its sessions together');
const RANDOM_WHY = 'this engine sends in order';

/** Attributes of a node ACL, with LIO's names, defaults and ranges. */
export const NODE_ACL_ATTRIBUTES = {
  authentication: {
    kind: 'int',
    min: -1,
    max: 1,
    default: -1,
    applies: 'next-login',
    help: 'Require CHAP of this initiator: 1 yes, 0 no, -1 as the TPG says.',
  },
  burst_time: LIMITS.burst_time,
  dataout_timeout: {
    kind: 'uint',
    min: 2,
    max: 60,
    unit: 'seconds',
    default: 3,
    applies: 'next-login',
    help: 'Data-Out timeout in seconds before invoking recovery.',
  },
  dataout_timeout_retries: {
    kind: 'uint',
    min: 1,
    max: 15,
    default: 5,
    applies: 'next-login',
    help: 'Number of Data-Out timeout recovery attempts before failing the connection.',
  },
  default_erl: {
    kind: 'uint',
    min: 0,
    max: 0,
    default: 0,
    why: 'error recovery levels 1 and 2 are not served',
    help: 'Default Error Recovery Level.',
  },
  max_bandwidth: LIMITS.max_bandwidth,
  max_iops: LIMITS.max_iops,
  nopin_response_timeout: {
    kind: 'uint',
    min: 3,
    max: 60,
    unit: 'seconds',
    default: 30,
    applies: 'next-login',
    help: 'Time an initiator has to answer a NOP-In ping before its connection is dropped.',
  },
  nopin_timeout: {
    kind: 'uint',
    min: 0,
    max: 60,
    unit: 'seconds',
    default: 15,
    applies: 'next-login',
    help: 'Silence after which the target sends a NOP-In ping; 0 never.',
  },
  random_datain_pdu_offsets: {
    kind: 'bool',
    style: 'digit',
    default: false,
    only: false,
    why: RANDOM_WHY,
    help: 'If set to 1, request random Data-In PDU offsets.',
  },
  random_datain_seq_offsets: {
    kind: 'bool',
    style: 'digit',
    default: false,
    only: false,
    why: RANDOM_WHY,
    help: 'If set to 1, request random Data-In sequence offsets.',
  },
  random_r2t_offsets: {
    kind: 'bool',
    style: 'digit',
    default: false,
    only: false,
    why: RANDOM_WHY,
    help: 'If set to 1, request random R2T offsets.',
  },
} as const satisfies AttributeGroup;
