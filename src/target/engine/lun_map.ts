/** What one initiator sees of one TPG: LIO's rules of demo mode, mapping and write protection. */
import { writeProtection } from '../../objects/access_rules.ts';
import type { MappedLun } from '../../objects/document.ts';
import type { LunMapping } from '../scsi/nexus.ts';
import type { LogicalUnit } from '../scsi/logical_unit.ts';
import type { TpgState } from './config_state.ts';

export interface Viewed extends LunMapping {
  /** `fileio/disk1`, for `sessions detail`. */
  readonly storageObject: string;
}

/**
 * Key: the LUN as the initiator addresses it. An explicit node ACL gives its mapped LUNs, writable
 * unless mapped otherwise or `prod_mode_write_protect`; demo mode gives every LUN of the TPG, write
 * protected while `demo_mode_write_protect`.
 */
export function lunMapOf(
  tpg: TpgState,
  initiatorName: string,
  logicalUnitOf: (reference: string) => LogicalUnit | undefined,
): ReadonlyMap<number, Viewed> {
  const map = new Map<number, Viewed>();
  const acl = tpg.acls.get(initiatorName);
  const add = (seenAs: number, lun: number, mapped: MappedLun | undefined): void => {
    const found = tpg.luns.get(lun);
    if (found === undefined) return;
    const { storage_object: storageObject, alua_tg_pt_gp_name: group } = found;
    const logicalUnit = logicalUnitOf(storageObject);
    if (logicalUnit === undefined) return;
    const writeProtect = writeProtection(tpg, mapped) !== undefined;
    const portGroup = logicalUnit.portGroups.find(group);
    map.set(seenAs, { logicalUnit, storageObject, writeProtect, portGroup });
  };
  if (acl === undefined) for (const lun of tpg.luns.keys()) add(lun, lun, undefined);
  else for (const [seenAs, mapped] of acl.mappedLuns) add(seenAs, mapped.lun, mapped);
  return map;
}
