/** Groups of target ports: which a storage object has, which LUNs are in them, what fits. */
import { effective } from './attribute.ts';
import {
  ACCESS_STATE,
  ACCESS_STATE_NAMES,
  ACCESS_TYPE,
  ALUA_ATTRIBUTES,
  DEFAULT_ALUA_GROUP,
  STATE_SUPPORT,
  type AluaAttributes,
} from './declarations/alua.ts';
import { getIn, own, storageObjectOf } from './document.ts';
import type { AluaGroup, Document, StorageObject, TpgLun } from './document.ts';
import { placeOf, usesOf, type LunUse } from './lun_uses.ts';
import { nameProblem } from './rules.ts';

type Groups = Readonly<Record<string, AluaGroup>>;

/** SPC-4 §6.37: TARGET PORT GROUP has 16 bits; 0 is the default group's. */
export const GROUP_ID_MAX = 65_535;
/** Groups of one storage object beside the default one: as many as ports of a big array. */
export const ALUA_GROUPS_MAX = 256;

const DEFAULT_GROUP: AluaGroup = { tg_pt_gp_id: 0, attributes: {} };

/** The group of that name; the default one is always there. */
export function groupOf(object: StorageObject, name: string): AluaGroup | undefined {
  const found = object.alua === undefined ? undefined : own(object.alua, name);
  return found ?? (name === DEFAULT_ALUA_GROUP ? DEFAULT_GROUP : undefined);
}

/** Names of those beside the default one. */
export const namedGroups = (alua: Readonly<Record<string, unknown>> = {}): readonly string[] =>
  Object.keys(alua).filter((name) => name !== DEFAULT_ALUA_GROUP);

/** The default group first. */
export const groupNames = ({ alua }: StorageObject): readonly string[] => [
  DEFAULT_ALUA_GROUP,
  ...namedGroups(alua),
];

export const groupValues = (group: AluaGroup): AluaAttributes =>
  effective(ALUA_ATTRIBUTES, group.attributes);

/** The object with the group changed, added or removed (undefined), in the sparse form. */
export function withGroup<T extends StorageObject>(
  object: T,
  name: string,
  group: AluaGroup | undefined,
): T {
  const groups: Record<string, AluaGroup> = { ...object.alua };
  if (group === undefined) delete groups[name];
  else groups[name] = group;
  return withGroups(object, groups);
}

/** The object with those groups, what says nothing left out; itself when nothing changes. */
export function withGroups<T extends StorageObject>(object: T, groups: Groups): T {
  const { [DEFAULT_ALUA_GROUP]: standard, ...others } = groups;
  const telling = standard === undefined || Object.keys(standard.attributes).length > 0;
  const kept = telling ? groups : others;
  const alua = Object.keys(kept).length > 0 ? kept : undefined;
  if (alua === object.alua) return object;
  if (alua !== undefined) return { ...object, alua };
  const copy: { -readonly [K in keyof T]: T[K] } = { ...object };
  delete copy.alua;
  return copy;
}

/** Name of the group that a LUN is in. */
export const groupNameOf = ({ alua_tg_pt_gp_name }: TpgLun): string =>
  alua_tg_pt_gp_name ?? DEFAULT_ALUA_GROUP;

/** The LUN in the group of that name, in the sparse form. */
export function withGroupName(lun: TpgLun, name: string): TpgLun {
  const { storage_object } = lun;
  return name === DEFAULT_ALUA_GROUP
    ? { storage_object }
    : { storage_object, alua_tg_pt_gp_name: name };
}

/** The LUNs of a storage object (`fileio/disk1`) that are in the group. */
export function groupMembers(
  document: Document,
  reference: string,
  group: string,
): readonly LunUse[] {
  return usesOf(document, reference).filter((use) => {
    const lun = getIn(document, placeOf(use)) as TpgLun | undefined;
    return lun !== undefined && groupNameOf(lun) === group;
  });
}

/** The group of a LUN; undefined where storage object or group do not exist. */
export function groupOfLun(document: Document, lun: TpgLun): AluaGroup | undefined {
  const object = storageObjectOf(document, lun.storage_object);
  return object && groupOf(object, groupNameOf(lun));
}

/** `Active/optimized`, as LIO shows it. */
export function stateText(state: number): string {
  const name = ACCESS_STATE_NAMES[state] ?? `state ${state}`;
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** SPC-4 §5.15.2: whether commands that reach the medium are refused in that state. */
export const refusesAccess = (state: number): boolean =>
  state !== ACCESS_STATE.ACTIVE_OPTIMIZED && state !== ACCESS_STATE.ACTIVE_NON_OPTIMIZED;

/** Why text cannot be the name of a group; LIO keeps 256 bytes with the NUL. */
export const groupNameProblem = (name: string): string | undefined =>
  nameProblem('An ALUA group', name);

/** targetcli's words. */
export const groupIdProblem = (id: number): string | undefined =>
  Number.isInteger(id) && id >= 1 && id <= GROUP_ID_MAX
    ? undefined
    : `The TPG Tag must be between 1 and ${GROUP_ID_MAX}`;

/** What is wrong between the values of a group; each begins with the name of a value. */
export function groupProblems(group: AluaGroup): readonly string[] {
  const values = groupValues(group);
  const { alua_access_state: state, trans_delay_msecs: delay } = values;
  const problems: string[] = [];
  const support = STATE_SUPPORT[state];
  if (support !== undefined && values[support] === false) {
    problems.push(
      `alua_access_state=${state} (${stateText(state)}) needs ${support}=1: ` +
        'set that, or another state, with it',
    );
  }
  if (delay > 0 && !values.alua_support_transitioning) {
    problems.push('trans_delay_msecs above 0 needs alua_support_transitioning=1');
  }
  return problems;
}

/** Why the administrator may not change the state: alua_access_type, before and after. */
export function stateChangeProblem(
  before: AluaAttributes,
  after: AluaAttributes,
): string | undefined {
  if (before.alua_access_state === after.alua_access_state) return undefined;
  const types = before.alua_access_type | after.alua_access_type;
  if ((types & ACCESS_TYPE.IMPLICIT) !== 0) return undefined;
  const who = after.alua_access_type === 0 ? 'nobody' : 'initiators only';
  return (
    `alua_access_type=${after.alua_access_type} lets ${who} change the state: ` +
    `set alua_access_type=${after.alua_access_type | ACCESS_TYPE.IMPLICIT} with it`
  );
}
