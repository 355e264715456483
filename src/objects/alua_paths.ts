/** The state of the path by which an initiator reaches a LUN. */
import { groupNameOf, groupOfLun, groupValues, refusesAccess, stateText } from './alua.ts';
import { ACCESS_STATE, ACCESS_TYPE } from './declarations/alua.ts';
import { own, type Document, type TpgLun } from './document.ts';
import type { SessionInfo } from './engine_port.ts';
import { nameKey } from './names.ts';

export interface PathState {
  /** The ALUA group that it comes from. */
  readonly group: string;
  readonly state: number;
  /** `Active/optimized`. */
  readonly text: string;
  /** Commands that reach the medium are refused. */
  readonly refuses: boolean;
  /** What each command waits, of a path that is not optimized. */
  readonly delayMs: number;
  /** The command that makes the path serve. */
  readonly remedy: string;
}

/** Undefined where storage object or group do not exist. */
export function pathState(document: Document, lun: TpgLun): PathState | undefined {
  const found = groupOfLun(document, lun);
  if (found === undefined) return undefined;
  const group = groupNameOf(lun);
  const { alua_access_state: state, ...values } = groupValues(found);
  const target = values.alua_support_active_optimized
    ? ACCESS_STATE.ACTIVE_OPTIMIZED
    : ACCESS_STATE.ACTIVE_NON_OPTIMIZED;
  const closed = (values.alua_access_type & ACCESS_TYPE.IMPLICIT) === 0;
  const type = closed ? ` alua_access_type=${values.alua_access_type | ACCESS_TYPE.IMPLICIT}` : '';
  return {
    group,
    state,
    text: stateText(state),
    refuses: refusesAccess(state),
    delayMs: state === ACCESS_STATE.ACTIVE_NON_OPTIMIZED ? values.nonop_delay_msecs : 0,
    remedy:
      `/backstores/${lun.storage_object}/alua/${group} ` +
      `set alua alua_access_state=${target}${type}`,
  };
}

/** The LUN of the TPG that a session sees under a number. */
function lunSeen(document: Document, session: SessionInfo, seenAs: number): TpgLun | undefined {
  const tpgs = own(document.iscsi.targets, session.target)?.tpgs;
  const tpg = tpgs && own(tpgs, String(session.tpgTag));
  const acl = tpg && own(tpg.acls, nameKey(session.initiator));
  const lun = acl === undefined ? seenAs : own(acl.mapped_luns, String(seenAs))?.lun;
  return lun === undefined ? undefined : tpg && own(tpg.luns, String(lun));
}

/** `Standby`, of a path that is not active/optimized; else empty. */
export function pathNote(document: Document, session: SessionInfo, seenAs: number): string {
  const lun = lunSeen(document, session, seenAs);
  const path = lun && pathState(document, lun);
  return path === undefined || path.state === ACCESS_STATE.ACTIVE_OPTIMIZED ? '' : path.text;
}
