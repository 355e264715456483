/** Targets of a document under check. */
import { AUTH } from './declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from './declarations/node_acl.ts';
import { TPG_ATTRIBUTES } from './declarations/tpg.ts';
import { isRecord } from './equal.ts';
import { TPG_PARAMETERS } from './iscsi_keys.ts';
import { normaliseName } from './names.ts';
import { parsePortal, portalKey } from './portal_address.ts';
import {
  credentialProblem,
  lunNumberProblem,
  strayMembers,
  TAG_MAX,
  tagProblem,
  tpgProblems,
} from './rules.ts';
import type { AttributeGroup } from './attribute.ts';
import type { Tpg } from './document.ts';
import type { Place } from './validate_kit.ts';
import {
  checkBag,
  checkEntries,
  checkFields,
  isBoolean,
  isText,
  numberKey,
  type FieldCheck,
} from './validate_kit.ts';

const bag =
  (group: AttributeGroup): FieldCheck =>
  (value, place) =>
    checkBag(place, value, group);

/** Credentials: as declared, and never LIO's word for unset. */
export const credentials =
  (group: AttributeGroup): FieldCheck =>
  (value, place) => {
    checkBag(place, value, group);
    if (!isRecord(value)) return;
    for (const key of Object.keys(value)) {
      const problem = credentialProblem(value[key]);
      if (problem !== undefined) place.at(key).add(`${key}: ${problem}`);
    }
  };

function checkName(key: string, place: Place): void {
  const result = normaliseName(key);
  if (!result.ok) place.add(result.reason);
  else if (result.name !== key) place.add(`write this name as ${result.name}`);
}

function checkLunKey(key: string, place: Place): void {
  const lun = numberKey(key);
  const problem =
    lun === undefined ? `${JSON.stringify(key)} is not a LUN number` : lunNumberProblem(lun);
  if (problem !== undefined) place.add(problem);
}

const isLunNumber: FieldCheck = (value, place) => {
  const problem =
    typeof value === 'number' ? lunNumberProblem(value) : `${place.key}: not a LUN number`;
  if (problem !== undefined) place.add(problem);
};

const LUN_FIELDS = { storage_object: isText, alua_tg_pt_gp_name: isText };
const MAPPED_LUN_FIELDS = { lun: isLunNumber, write_protect: isBoolean };
const PORTAL_FIELDS = { iser: isBoolean };

const luns: FieldCheck = (value, place) =>
  checkEntries(place, value, (key, lun, here) => {
    checkLunKey(key, here);
    checkFields(here, lun, LUN_FIELDS, ['alua_tg_pt_gp_name']);
  });

const mappedLuns: FieldCheck = (value, place) =>
  checkEntries(place, value, (key, mapped, here) => {
    checkLunKey(key, here);
    checkFields(here, mapped, MAPPED_LUN_FIELDS);
  });

const aclTag: FieldCheck = (value, place) => {
  const problem = typeof value === 'string' ? tagProblem(value) : 'not text';
  if (problem !== undefined) place.add(`tag: ${problem}`);
};

const NODE_ACL_FIELDS = {
  tag: aclTag,
  attributes: bag(NODE_ACL_ATTRIBUTES),
  auth: credentials(AUTH),
  mapped_luns: mappedLuns,
};

const acls: FieldCheck = (value, place) =>
  checkEntries(place, value, (key, acl, here) => {
    checkName(key, here);
    checkFields(here, acl, NODE_ACL_FIELDS, ['tag']);
  });

const portals: FieldCheck = (value, place) =>
  checkEntries(place, value, (key, portal, here) => {
    const parsed = parsePortal(key);
    if (!parsed.ok) here.add(parsed.reason);
    else if (portalKey(parsed.portal) !== key) {
      here.add(`write this portal as ${portalKey(parsed.portal)}`);
    }
    checkFields(here, portal, PORTAL_FIELDS);
  });

const TPG_FIELDS = {
  enabled: isBoolean,
  attributes: bag(TPG_ATTRIBUTES),
  parameters: bag(TPG_PARAMETERS),
  auth: credentials(AUTH),
  portals,
  luns,
  acls,
};

function checkTpg(key: string, value: unknown, place: Place): void {
  const tag = numberKey(key);
  if (tag === undefined || tag > TAG_MAX) {
    place.add(`${JSON.stringify(key)} is not a TPG tag: 0 to ${TAG_MAX} is expected`);
  }
  const before = place.issues.length;
  if (!checkFields(place, value, TPG_FIELDS) || place.issues.length > before) return;
  const tpg = value as unknown as Tpg;
  for (const problem of tpgProblems(tpg)) place.add(problem);
  for (const [name, model] of strayMembers(tpg)) {
    const { tag: shared } = tpg.acls[model] ?? {};
    const at = place.at('acls').at(name).at('tag');
    at.add(`tag ${shared}: this ACL is not as ${model}, but ACLs of one tag are one group`);
  }
}

const TARGET_FIELDS: Readonly<Record<string, FieldCheck>> = {
  tpgs: (value, place) => checkEntries(place, value, checkTpg),
};

/** Targets found right: most of them are shared by one document and the next. */
const sound = new WeakSet<object>();

export const checkTargets: FieldCheck = (value, place) =>
  checkEntries(place, value, (key, target, here) => {
    checkName(key, here);
    if (isRecord(target) && sound.has(target)) return;
    const before = here.issues.length;
    checkFields(here, target, TARGET_FIELDS);
    if (isRecord(target) && here.issues.length === before) sound.add(target);
  });
