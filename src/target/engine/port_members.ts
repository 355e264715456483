/**
 * Which TPGs have a LUN on a storage object, and in which of its target port groups: kept as LUNs
 * change, because an initiator may ask for one storage object among thousands.
 */
import type { TpgLun } from '../../objects/document.ts';
import type { TargetPort } from '../scsi/nexus.ts';
import type { PortMember } from '../scsi/port_groups.ts';

/** SPC-4 §7.8.6.7 knows no relative port 0, LIO's tags do. */
const relativePortId = (tag: number): number => (tag === 0 ? 0xffff : tag & 0xffff);

/** SAM-5's target port is a TPG: RFC 7143 §4.4.1. */
export function targetPortOf(target: string, tag: number): TargetPort {
  return { name: target, tpgTag: tag, relativePortId: relativePortId(tag) };
}

interface Member extends PortMember {
  readonly lun: number;
}
interface LunPlace {
  readonly target: string;
  readonly tag: number;
  readonly lun: number;
}

export class PortMembers {
  /** By `fileio/disk1`. */
  readonly #members = new Map<string, readonly Member[]>();

  of(storageObject: string): readonly PortMember[] {
    return this.#members.get(storageObject) ?? [];
  }

  /** What the LUN was and is; either may be absent. */
  change(place: LunPlace, before: TpgLun | undefined, after: TpgLun | undefined): void {
    if (before !== undefined) this.#remove(before.storage_object, place);
    if (after === undefined) return;
    const { storage_object: reference, alua_tg_pt_gp_name: group } = after;
    const port = targetPortOf(place.target, place.tag);
    const others = this.#members.get(reference) ?? [];
    this.#members.set(reference, [...others, { port, group, lun: place.lun }]);
  }

  #remove(reference: string, { target, tag, lun }: LunPlace): void {
    const left = (this.#members.get(reference) ?? []).filter(
      (one) => one.port.name !== target || one.port.tpgTag !== tag || one.lun !== lun,
    );
    if (left.length > 0) this.#members.set(reference, left);
    else this.#members.delete(reference);
  }
}
