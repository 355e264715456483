/**
 * The check of a whole document: every value against its declaration, every reference, every rule
 * between objects. The daemon runs it on every change, the YAML reader on every file.
 */
import { DEFAULT_ALUA_GROUP } from './declarations/alua.ts';
import { DISCOVERY_AUTH } from './declarations/auth.ts';
import type { Document } from './document.ts';
import { isRecord } from './equal.ts';
import { nearest, withHint } from '../util/near.ts';
import { checkFields, Place, type Issue } from './validate_kit.ts';
import { checkBackstores } from './validate_storage.ts';
import { checkTargets, credentials } from './validate_targets.ts';

export type { Issue };
export type Validated =
  | { readonly document: Document; readonly issues?: undefined }
  | { readonly document?: undefined; readonly issues: readonly Issue[] };

/** The entries of a collection; none where something else stands. */
const entriesOf = (value: unknown): [string, unknown][] =>
  isRecord(value) ? Object.entries(value) : [];
const within = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined);

function storageObject(backstores: unknown, reference: string): unknown {
  const slash = reference.indexOf('/');
  const objects = within(backstores, reference.slice(0, slash));
  const name = reference.slice(slash + 1);
  return isRecord(objects) && Object.hasOwn(objects, name) ? objects[name] : undefined;
}

/** The group that a LUN names must be one of its storage object. */
function checkGroup(object: unknown, lun: unknown, place: Place): void {
  const name = within(lun, 'alua_tg_pt_gp_name');
  if (typeof name !== 'string' || name === DEFAULT_ALUA_GROUP) return;
  const groups = within(object, 'alua');
  if (isRecord(groups) && Object.hasOwn(groups, name)) return;
  const reference = String(within(lun, 'storage_object'));
  const known = [DEFAULT_ALUA_GROUP, ...(isRecord(groups) ? Object.keys(groups) : [])];
  const message = `storage object ${reference} has no ALUA group ${JSON.stringify(name)}`;
  place.at('alua_tg_pt_gp_name').add(withHint(message, name, known));
}

const referencesIn = (backstores: unknown): string[] =>
  entriesOf(backstores).flatMap(([kind, objects]) =>
    entriesOf(objects).map(([name]) => `${kind}/${name}`),
  );

function checkLuns(backstores: unknown, tpg: unknown, place: Place): void {
  const exported = new Map<string, string>();
  for (const [lun, entry] of entriesOf(within(tpg, 'luns'))) {
    const reference = within(entry, 'storage_object');
    // Anything else has been told already.
    if (typeof reference !== 'string' || reference === '') continue;
    const object = storageObject(backstores, reference);
    if (object !== undefined) checkGroup(object, entry, place.at('luns').at(lun));
    else {
      const here = place.at('luns').at(lun).at('storage_object');
      const meant = nearest(reference, referencesIn(backstores));
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      here.add(`no storage object ${JSON.stringify(reference)}${hint}`);
    }
    const other = exported.get(reference);
    if (other !== undefined) {
      const here = place.at('luns').at(lun);
      here.add(`lun for storage object ${reference} already exists: lun${other}`);
    } else exported.set(reference, lun);
  }
}

function checkMappedLuns(tpg: unknown, place: Place): void {
  const luns = within(tpg, 'luns');
  if (!isRecord(luns)) return;
  for (const [name, acl] of entriesOf(within(tpg, 'acls'))) {
    for (const [number, mapped] of entriesOf(within(acl, 'mapped_luns'))) {
      const lun = within(mapped, 'lun');
      if (typeof lun !== 'number' || Object.hasOwn(luns, String(lun))) continue;
      const here = place.at('acls').at(name).at('mapped_luns').at(number);
      here.add(`LUN ${lun} does not exist in this TPG`);
    }
  }
}

/** RFC 7143 §4.2.5: TPGs of one target cannot share a portal; different targets may. */
function checkPortals(tpgs: unknown, place: Place): void {
  const owners = new Map<string, string>();
  for (const [tag, tpg] of entriesOf(tpgs)) {
    for (const [portal] of entriesOf(within(tpg, 'portals'))) {
      const owner = owners.get(portal);
      if (owner !== undefined) {
        const here = place.at(tag).at('portals').at(portal);
        here.add(`portal ${portal} belongs to tpg${owner}: TPGs of a target cannot share ip:port`);
      } else owners.set(portal, tag);
    }
  }
}

/** Targets whose references were found in these backstores. */
const resolved = new WeakMap<object, object>();

/** What refers to something else, wherever the shape is right: every mistake is told at once. */
function checkReferences(document: unknown, root: Place): void {
  const backstores = within(document, 'backstores');
  const targets = root.at('iscsi').at('targets');
  for (const [name, target] of entriesOf(within(within(document, 'iscsi'), 'targets'))) {
    if (isRecord(target) && isRecord(backstores) && resolved.get(target) === backstores) continue;
    const before = root.issues.length;
    const place = targets.at(name).at('tpgs');
    const tpgs = within(target, 'tpgs');
    for (const [tag, tpg] of entriesOf(tpgs)) {
      checkLuns(backstores, tpg, place.at(tag));
      checkMappedLuns(tpg, place.at(tag));
    }
    checkPortals(tpgs, place);
    const right = root.issues.length === before;
    if (right && isRecord(target) && isRecord(backstores)) resolved.set(target, backstores);
  }
}

/** The document itself, unchanged, or all that is wrong with it. */
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
  checkReferences(document, root);
  return issues.length === 0 ? { document: document as Document } : { issues };
}

/** `iscsi targets iqn… tpgs 1 luns 0: no storage object "fileio/disk9"`. */
export function describeIssue({ path, message }: Issue): string {
  return path.length === 0 ? message : `${path.join(' ')}: ${message}`;
}
