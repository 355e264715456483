/**
 * A TPG as tgt, istgt and NetBSD mean it: disks, who may use them, where. An import never lets in
 * more than its source did: what limited access in a way that is not served closes the TPG.
 */
import { AUTH } from '../../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import { TPG_ATTRIBUTES } from '../../objects/declarations/tpg.ts';
import type { DocumentPath } from '../../objects/document.ts';
import { TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { normaliseName } from '../../objects/names.ts';
import { parsePortal, portalKey } from '../../objects/portal_address.ts';
import type { Draft, Origin } from './draft.ts';

export interface Login {
  readonly userid?: string;
  readonly password?: string;
  readonly mutual_userid?: string;
  readonly mutual_password?: string;
}
export interface PlannedValue {
  readonly name: string;
  readonly value: string;
  readonly from: Origin;
}
export interface PlannedLun {
  readonly lun: number;
  readonly reference: string;
  readonly readonly: boolean;
  readonly from: Origin;
}
export interface PlannedInitiator {
  readonly name: string;
  readonly login: Login;
  readonly from: Origin;
}
export interface PlannedPortal {
  readonly text: string;
  readonly iser?: boolean;
  readonly from: Origin;
}
export interface TpgPlan {
  readonly target: string;
  readonly tag: string;
  readonly enabled: boolean;
  readonly from: Origin;
  readonly luns: readonly PlannedLun[];
  /** `ADDRESS:PORT`. */
  readonly portals: readonly PlannedPortal[];
  readonly initiators: readonly PlannedInitiator[];
  /** Initiators without an ACL may log in, too. */
  readonly open: boolean;
  /** What else the source asked of an initiator, as an address. */
  readonly limits: readonly { readonly what: string; readonly from: Origin }[];
  readonly login: Login;
  readonly authentication: boolean;
  readonly parameters: readonly PlannedValue[];
  /** Attributes of every ACL. */
  readonly aclAttributes: readonly PlannedValue[];
}

export function targetName(text: string): string {
  const named = normaliseName(text);
  return named.ok ? named.name : text;
}

export function putTpg(draft: Draft, plan: TpgPlan): void {
  const { target, tag, from, open, limits } = plan;
  const closed = open && limits.length > 0;
  const path = draft.tpg(target, tag, plan.enabled && !closed, from);
  for (const limit of limits) {
    const why = closed
      ? 'access by address is not served, so the TPG is disabled: make ACLs, then enable it'
      : 'access by address is not served: the ACLs alone decide';
    draft.drop(limit.what, limit.from, why);
  }
  const attribute = (name: string, value: boolean) =>
    draft.attribute(TPG_ATTRIBUTES, [...path, 'attributes', name], value, from);
  attribute('authentication', plan.authentication);
  attribute('generate_node_acls', open);
  putLogin(draft, [...path, 'auth'], plan.login, from);
  for (const { name, value, from: line } of plan.parameters) {
    draft.attribute(TPG_PARAMETERS, [...path, 'parameters', name], value, line);
  }
  for (const portal of plan.portals) putPortal(draft, path, portal);
  const luns = putLuns(draft, path, plan);
  if (open && luns.length > 0) {
    attribute(
      'demo_mode_write_protect',
      luns.every((lun) => lun.readonly),
    );
  }
  for (const initiator of plan.initiators) putAcl(draft, path, plan, initiator, luns);
}

function putLogin(draft: Draft, path: DocumentPath, login: Login, from: Origin): void {
  for (const [name, value] of Object.entries(login)) {
    if (typeof value === 'string') draft.attribute(AUTH, [...path, name], value, from);
  }
}

function putPortal(
  draft: Draft,
  tpg: DocumentPath,
  { text, iser = false, from }: PlannedPortal,
): void {
  const parsed = parsePortal(text);
  if (!parsed.ok) return draft.drop(`portal ${text}`, from, parsed.reason);
  draft.put([...tpg, 'portals', portalKey(parsed.portal)], { iser }, from);
}

function putLuns(draft: Draft, tpg: DocumentPath, plan: TpgPlan): readonly PlannedLun[] {
  const writable = plan.luns.some((lun) => !lun.readonly);
  const kept: PlannedLun[] = [];
  for (const lun of plan.luns) {
    const what = `LUN ${lun.lun} of ${plan.target} tpg${plan.tag}`;
    const path = [...tpg, 'luns', String(lun.lun)];
    if (plan.open && lun.readonly && writable) {
      const why = 'without ACLs it would be writable, as the others are: it is left out';
      draft.drop(`read-only ${what}`, lun.from, why);
    } else if (draft.has(path)) {
      draft.drop(what, lun.from, 'it is there twice');
    } else {
      draft.put(path, { storage_object: lun.reference }, lun.from);
      kept.push(lun);
    }
  }
  return kept;
}

function putAcl(
  draft: Draft,
  tpg: DocumentPath,
  plan: TpgPlan,
  { name, login, from }: PlannedInitiator,
  luns: readonly PlannedLun[],
): void {
  const path = draft.acl(tpg, targetName(name), from);
  putLogin(draft, [...path, 'auth'], login, from);
  for (const { name: key, value, from: line } of plan.aclAttributes) {
    draft.attribute(NODE_ACL_ATTRIBUTES, [...path, 'attributes', key], value, line);
  }
  for (const { lun, readonly } of luns) {
    const mapped = { lun, write_protect: readonly };
    draft.put([...path, 'mapped_luns', String(lun)], mapped, from);
  }
}
