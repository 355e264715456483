import type { AttributeGroup, ValuesOf } from '../attribute.ts';
import { rateLimits } from './rate_limits.ts';

const flag = (value: boolean) => ({ kind: 'bool', style: 'digit', default: value }) as const;
const SESSION = rateLimits('of each session alone');
const NO_EFFECT = 'Kept for existing scripts, without effect in this engine.';

/** Attributes of a TPG, with LIO's names and defaults; ranges narrower than LIO's say why. */
export const TPG_ATTRIBUTES = {
  authentication: {
    ...flag(false),
    applies: 'next-login',
    help: 'If set to 1, enforce authentication for this TPG.',
  },
  cache_dynamic_acls: {
    ...flag(false),
    help: `If set to 1 in demo mode, cache dynamically generated ACLs. ${NO_EFFECT}`,
  },
  default_cmdsn_depth: {
    kind: 'uint',
    min: 1,
    max: 512,
    default: 64,
    applies: 'next-login',
    spec: 'RFC 7143 §4.2.2.1',
    help: 'Default CmdSN (Command Sequence Number) depth.',
  },
  default_erl: {
    kind: 'uint',
    min: 0,
    max: 0,
    default: 0,
    why: 'error recovery levels 1 and 2 are not served',
    help: 'Default Error Recovery Level.',
  },
  demo_mode_discovery: {
    ...flag(true),
    help: 'If set to 1 in demo mode, enable discovery.',
  },
  demo_mode_write_protect: {
    ...flag(true),
    help: 'If set to 1 in demo mode, prevent writes to LUNs.',
  },
  fabric_prot_type: {
    kind: 'uint',
    min: 0,
    max: 0,
    default: 0,
    why: 'protection information is not served',
    help: 'Fabric DIF protection type.',
  },
  generate_node_acls: {
    ...flag(false),
    applies: 'next-login',
    help: 'If set to 1, allow all initiators to login (i.e. demo mode).',
  },
  login_keys_workaround: { ...flag(true), help: NO_EFFECT },
  login_timeout: {
    kind: 'uint',
    min: 5,
    max: 30,
    unit: 'seconds',
    default: 15,
    applies: 'next-login',
    help: 'Login timeout value in seconds.',
  },
  netif_timeout: {
    kind: 'uint',
    min: 2,
    max: 15,
    unit: 'seconds',
    default: 2,
    help: `NIC failure timeout in seconds. ${NO_EFFECT}`,
  },
  prod_mode_write_protect: {
    ...flag(false),
    help: 'If set to 1, prevent writes to LUNs.',
  },
  session_burst_time: SESSION.burst_time,
  session_max_bandwidth: SESSION.max_bandwidth,
  session_max_iops: SESSION.max_iops,
  t10_pi: {
    kind: 'uint',
    min: 0,
    max: 0,
    default: 0,
    why: 'protection information is not served',
    help: 'If set to 1, enable T10 Protection Information.',
  },
  tpg_enabled_sendtargets: {
    ...flag(true),
    help:
      'If set to 1, the SendTargets discovery response advertises the TPG only if the TPG is ' +
      'enabled.',
  },
} as const satisfies AttributeGroup;
export type TpgAttributes = ValuesOf<typeof TPG_ATTRIBUTES>;
