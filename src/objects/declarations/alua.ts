/** Asymmetric logical unit access (SPC-4 §5.15): groups of target ports of a storage object. */
import type { AttributeGroup, ValuesOf } from '../attribute.ts';

/** Where every LUN is that names no other group; always there, with tag 0. */
export const DEFAULT_ALUA_GROUP = 'default_tg_pt_gp';

/** SPC-4 table 310: ASYMMETRIC ACCESS STATE. */
export const ACCESS_STATE = {
  ACTIVE_OPTIMIZED: 0,
  ACTIVE_NON_OPTIMIZED: 1,
  STANDBY: 2,
  UNAVAILABLE: 3,
  OFFLINE: 14,
  TRANSITIONING: 15,
} as const;

/** In lower case: what the shell accepts beside the numbers. */
export const ACCESS_STATE_NAMES: Readonly<Record<number, string>> = {
  0: 'active/optimized',
  1: 'active/non-optimized',
  2: 'standby',
  3: 'unavailable',
  14: 'offline',
  15: 'transitioning',
};

/** SPC-4 table 311: STATUS CODE, how the state came about. */
export const ACCESS_STATUS = { NONE: 0, EXPLICIT: 1, IMPLICIT: 2 } as const;

/** `alua_access_type`: bits, as in the TPGS field of INQUIRY data. */
export const ACCESS_TYPE = { IMPLICIT: 1, EXPLICIT: 2 } as const;

const flag = (value: boolean) => ({ kind: 'bool', style: 'digit', default: value }) as const;
const support = (state: string) =>
  ({ ...flag(true), help: `If set to 1, the state ${state} is possible and announced.` }) as const;

/** LIO's names, defaults and ranges. */
export const ALUA_ATTRIBUTES = {
  alua_access_state: {
    kind: 'uint',
    min: 0,
    max: 14,
    oneOf: [0, 1, 2, 3, 14],
    names: ACCESS_STATE_NAMES,
    default: ACCESS_STATE.ACTIVE_OPTIMIZED,
    why: 'LBA dependent (4) is not served, and transitioning (15) comes and goes by itself',
    spec: 'SPC-4 §5.15.2',
    help:
      'State of the paths through this group: 0 active/optimized, 1 active/non-optimized, ' +
      '2 standby, 3 unavailable, 14 offline.',
  },
  alua_access_status: {
    kind: 'uint',
    min: 0,
    max: 2,
    oneOf: [0, 1, 2],
    names: { 0: 'none', 1: 'explicit', 2: 'implicit' },
    default: ACCESS_STATUS.NONE,
    spec: 'SPC-4 §6.37',
    help:
      'How the state came about: 0 not changed, 1 by SET TARGET PORT GROUPS of an initiator, ' +
      '2 by the administrator.',
  },
  alua_access_type: {
    kind: 'uint',
    min: 0,
    max: 3,
    oneOf: [0, 1, 2, 3],
    names: { 0: 'none', 1: 'implicit', 2: 'explicit', 3: 'both' },
    default: 3,
    spec: 'SPC-4 §6.6.2',
    help:
      'Who may change the state: 0 nobody, and no groups are announced; 1 the target, ' +
      '2 initiators, 3 both.',
  },
  alua_support_active_nonoptimized: support('active/non-optimized'),
  alua_support_active_optimized: support('active/optimized'),
  alua_support_offline: support('offline'),
  alua_support_standby: support('standby'),
  alua_support_transitioning: support('transitioning'),
  alua_support_unavailable: support('unavailable'),
  alua_write_metadata: {
    ...flag(false),
    only: false,
    why: 'saveconfig keeps the states',
    help: 'If set to 1, write the state to a file of its own.',
  },
  implicit_trans_secs: {
    kind: 'uint',
    min: 0,
    max: 255,
    unit: 'seconds',
    default: 0,
    help: 'Longest time of a change of state, as told to initiators; 0 tells none.',
  },
  nonop_delay_msecs: {
    kind: 'uint',
    min: 0,
    max: 10_000,
    unit: 'milliseconds',
    default: 100,
    help: 'Time that each command waits in the state active/non-optimized.',
  },
  preferred: { ...flag(false), help: 'If set to 1, initiators are asked to prefer this group.' },
  trans_delay_msecs: {
    kind: 'uint',
    min: 0,
    max: 30_000,
    unit: 'milliseconds',
    default: 0,
    help: 'Time for which a change of state stays in the state transitioning.',
  },
} as const satisfies AttributeGroup;
export type AluaAttributes = ValuesOf<typeof ALUA_ATTRIBUTES>;

/** By state: the attribute that lets it be set; states without one come by themselves or never. */
export const STATE_SUPPORT: Readonly<Record<number, keyof AluaAttributes>> = {
  [ACCESS_STATE.ACTIVE_OPTIMIZED]: 'alua_support_active_optimized',
  [ACCESS_STATE.ACTIVE_NON_OPTIMIZED]: 'alua_support_active_nonoptimized',
  [ACCESS_STATE.STANDBY]: 'alua_support_standby',
  [ACCESS_STATE.UNAVAILABLE]: 'alua_support_unavailable',
  [ACCESS_STATE.OFFLINE]: 'alua_support_offline',
};
