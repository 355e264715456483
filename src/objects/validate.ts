/**
 * The check of a whole document: every value against its declaration, every reference, every rule
 * between objects. The daemon runs it on every change, the YAML reader on every file.
 */
import { DISCOVERY_AUTH } from './declarations/auth.ts';
import { storageObjectOf, type Document, type Target, type Tpg } from './document.ts';
import { nearest } from '../util/near.ts';
import { storageObjects } from './rules.ts';
import { checkFields, Place, type Issue } from './validate_kit.ts';
import { checkBackstores } from './validate_storage.ts';
import { checkTargets, credentials } from './validate_targets.ts';

export type { Issue };
export type Validated =
  | { readonly document: Document; readonly issues?: undefined }
  | { readonly document?: undefined; readonly issues: readonly Issue[] };

function checkLuns(document: Document, tpg: Tpg, place: Place): void {
  const exported = new Map<string, string>();
  for (const [lun, { storage_object }] of Object.entries(tpg.luns)) {
    if (storageObjectOf(document, storage_object) === undefined) {
      const here = place.at('luns').at(lun).at('storage_object');
      const names = [...storageObjects(document)].map(([reference]) => reference);
      const meant = nearest(storage_object, names);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      here.add(`no storage object ${JSON.stringify(storage_object)}${hint}`);
    }
    const other = exported.get(storage_object);
    if (other !== undefined) {
      const here = place.at('luns').at(lun);
      here.add(`lun for storage object ${storage_object} already exists: lun${other}`);
    } else exported.set(storage_object, lun);
  }
}

function checkMappedLuns(tpg: Tpg, place: Place): void {
  for (const [name, acl] of Object.entries(tpg.acls)) {
    for (const [number, { lun }] of Object.entries(acl.mapped_luns)) {
      if (Object.hasOwn(tpg.luns, String(lun))) continue;
      const here = place.at('acls').at(name).at('mapped_luns').at(number);
      here.add(`LUN ${lun} does not exist in this TPG`);
    }
  }
}

/** RFC 7143 §4.2.5: TPGs of one target cannot share a portal; different targets may. */
function checkPortals(target: Target, place: Place): void {
  const owners = new Map<string, string>();
  for (const [tag, tpg] of Object.entries(target.tpgs)) {
    for (const portal of Object.keys(tpg.portals)) {
      const owner = owners.get(portal);
      if (owner !== undefined) {
        const here = place.at(tag).at('portals').at(portal);
        here.add(`portal ${portal} belongs to tpg${owner}: TPGs of a target cannot share ip:port`);
      } else owners.set(portal, tag);
    }
  }
}

/** What refers to something else; the shape has been found right. */
function checkReferences(document: Document, root: Place): void {
  const targets = root.at('iscsi').at('targets');
  for (const [name, target] of Object.entries(document.iscsi.targets)) {
    const tpgs = targets.at(name).at('tpgs');
    for (const [tag, tpg] of Object.entries(target.tpgs)) {
      checkLuns(document, tpg, tpgs.at(tag));
      checkMappedLuns(tpg, tpgs.at(tag));
    }
    checkPortals(target, tpgs);
  }
}

/**
 * The document itself, unchanged, or all that is wrong with it. References are looked at once the
 * shape is right: a wrong shape would only repeat itself there.
 */
export function validate(document: unknown): Validated {
  const issues: Issue[] = [];
  const root = new Place(issues);
  checkFields(root, document, {
    backstores: checkBackstores,
    iscsi: (value, place) =>
      checkFields(place, value, {
        discovery_auth: credentials(DISCOVERY_AUTH),
        targets: checkTargets,
      }),
  });
  if (issues.length === 0) checkReferences(document as Document, root);
  return issues.length === 0 ? { document: document as Document } : { issues };
}

/** `iscsi targets iqn… tpgs 1 luns 0: no storage object "fileio/disk9"`. */
export function describeIssue({ path, message }: Issue): string {
  return path.length === 0 ? message : `${path.join(' ')}: ${message}`;
}
