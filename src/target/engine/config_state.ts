/**
 * The engine's copy of the targets, kept current step by step. Entries are immutable and replaced
 * whole, so that a login that holds one sees a consistent value while the configuration changes.
 */
import { effective } from '../../objects/attribute.ts';
import { AUTH, DISCOVERY_AUTH } from '../../objects/declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import { TPG_ATTRIBUTES } from '../../objects/declarations/tpg.ts';
import type {
  AuthBag,
  DiscoveryAuthBag,
  MappedLun,
  NodeAcl,
  Portal,
  Tpg,
  TpgLun,
} from '../../objects/document.ts';
import type { Step } from '../../objects/plan.ts';
import type { NodeAclEntry, TargetDirectory, TpgEntry } from '../iscsi/directory.ts';
import { PortMembers } from './port_members.ts';

export interface TpgState extends TpgEntry {
  readonly portals: Set<string>;
  readonly iserPortals: Set<string>;
  readonly acls: Map<string, NodeAclState>;
  readonly luns: Map<number, TpgLun>;
}
export interface NodeAclState extends NodeAclEntry {
  readonly mappedLuns: Map<number, MappedLun>;
}
interface TargetState {
  readonly name: string;
  readonly tpgs: Map<number, TpgState>;
}

const authOf = (bag: AuthBag) => effective(AUTH, bag);

/** Where an object stands in `iscsi/targets/<target>/tpgs/<tag>/<collection>/<key>/…`. */
function place(step: Step) {
  const [, , target = '', , tag = '', , key = '', , mapped = ''] = step.path;
  return { target, tag: Number(tag), key, mapped: Number(mapped) };
}

export class ConfigState implements TargetDirectory {
  discoveryAuth = effective(DISCOVERY_AUTH, {});
  readonly targets = new Map<string, TargetState>();
  readonly portMembers = new PortMembers();

  tpg(target: string, tag: number): TpgState | undefined {
    return this.targets.get(target)?.tpgs.get(tag);
  }

  /** Every subject but storage objects. The document was checked: a missing parent is our bug. */
  apply(step: Step): void {
    const at = place(step);
    switch (step.subject) {
      case 'discovery_auth':
        this.discoveryAuth = effective(DISCOVERY_AUTH, (step.after ?? {}) as DiscoveryAuthBag);
        return;
      case 'target':
        if (step.after === undefined) this.targets.delete(at.target);
        else if (!this.targets.has(at.target)) {
          this.targets.set(at.target, { name: at.target, tpgs: new Map() });
        }
        return;
      case 'tpg':
        this.#applyTpg(at.target, at.tag, step.after as Tpg | undefined);
        return;
      case 'lun':
        this.#applyLun(at, step.after as TpgLun | undefined);
        return;
      case 'node_acl':
        this.#applyNodeAcl(at, step.after as NodeAcl | undefined);
        return;
      case 'mapped_lun':
        put(this.#nodeAcl(at).mappedLuns, at.mapped, step.after as MappedLun | undefined);
        return;
      case 'portal':
        this.#applyPortal(at, step.after as Portal | undefined);
        return;
      case 'storage_object':
        throw new Error('storage objects are not part of the directory');
    }
  }

  #applyTpg(target: string, tag: number, after: Tpg | undefined): void {
    const tpgs = this.targets.get(target)?.tpgs;
    if (tpgs === undefined) throw new Error(`no target ${target}`);
    if (after === undefined) {
      tpgs.delete(tag);
      return;
    }
    const now = tpgs.get(tag);
    tpgs.set(tag, {
      targetName: target,
      tag,
      enabled: after.enabled,
      attributes: effective(TPG_ATTRIBUTES, after.attributes),
      parameters: after.parameters,
      auth: authOf(after.auth),
      portals: now?.portals ?? new Set(),
      iserPortals: now?.iserPortals ?? new Set(),
      luns: now?.luns ?? new Map<number, TpgLun>(),
      acls: now?.acls ?? new Map<string, NodeAclState>(),
    });
  }

  #applyLun(at: ReturnType<typeof place>, after: TpgLun | undefined): void {
    const { luns } = this.#tpg(at);
    const lun = Number(at.key);
    this.portMembers.change({ ...at, lun }, luns.get(lun), after);
    put(luns, lun, after);
  }

  #applyPortal(at: ReturnType<typeof place>, after: Portal | undefined): void {
    const { portals, iserPortals } = this.#tpg(at);
    if (after === undefined) portals.delete(at.key);
    else portals.add(at.key);
    if (after?.iser === true) iserPortals.add(at.key);
    else iserPortals.delete(at.key);
  }

  /** Whether any TPG with this portal has iSER enabled on it: they share one socket. */
  servesIser(portal: string): boolean {
    for (const { tpgs } of this.targets.values()) {
      for (const { iserPortals } of tpgs.values()) if (iserPortals.has(portal)) return true;
    }
    return false;
  }

  #applyNodeAcl(at: ReturnType<typeof place>, after: NodeAcl | undefined): void {
    const { acls } = this.#tpg(at);
    const entry =
      after === undefined
        ? undefined
        : {
            initiatorName: at.key,
            attributes: effective(NODE_ACL_ATTRIBUTES, after.attributes),
            auth: authOf(after.auth),
            mappedLuns: acls.get(at.key)?.mappedLuns ?? new Map<number, MappedLun>(),
          };
    put(acls, at.key, entry);
  }

  #tpg(at: { target: string; tag: number }): TpgState {
    const tpg = this.tpg(at.target, at.tag);
    if (tpg === undefined) throw new Error(`no tpg${at.tag} in ${at.target}`);
    return tpg;
  }

  #nodeAcl(at: { target: string; tag: number; key: string }): NodeAclState {
    const acl = this.#tpg(at).acls.get(at.key);
    if (acl === undefined) throw new Error(`no node ACL ${at.key}`);
    return acl;
  }
}

function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
