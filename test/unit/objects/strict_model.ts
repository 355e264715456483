/** An engine that refuses every step whose preconditions do not hold, to test `diff` with. */
import type { DocumentPath } from '../../../src/objects/document.ts';
import { getIn, setIn, type Document, type StorageObject } from '../../../src/objects/document.ts';
import { isRecord, sameValue } from '../../../src/objects/equal.ts';
import { usesOf } from '../../../src/objects/lun_uses.ts';
import type { Step } from '../../../src/objects/plan.ts';
import { backingOf, storageObjects, wwnIdentity } from '../../../src/objects/rules.ts';

const CHILDREN: Readonly<Record<string, readonly string[]>> = {
  target: ['tpgs'],
  tpg: ['luns', 'acls', 'portals'],
  node_acl: ['mapped_luns'],
};

class Refused extends Error {}

function must(condition: boolean, step: Step, why: string): void {
  if (!condition) throw new Refused(`${step.subject} ${step.path.join('/')}: ${why}`);
}

/** The value without its children, and the children as they stand. */
function split(step: Step, value: unknown): { bare: unknown; children: Record<string, unknown> } {
  const children: Record<string, unknown> = {};
  if (!isRecord(value)) return { bare: value, children };
  const bare: Record<string, unknown> = { ...value };
  for (const name of CHILDREN[step.subject] ?? []) {
    children[name] = value[name];
    bare[name] = {};
  }
  return { bare, children };
}

function storageObjectFree(document: Document, step: Step): void {
  const object = step.after as StorageObject;
  for (const [reference, other] of storageObjects(document)) {
    if (`${step.path[1]}/${step.path[2]}` === reference) continue;
    const same = backingOf(object) !== undefined && backingOf(object) === backingOf(other);
    must(!same, step, `${reference} is on the same file`);
    must(wwnIdentity(object.wwn) !== wwnIdentity(other.wwn), step, `${reference} has this wwn`);
  }
}

function portalFree(document: Document, step: Step): void {
  const key = step.path.at(-1) ?? '';
  const tpgs = getIn(document, step.path.slice(0, 4)) as Record<string, { portals: object }>;
  for (const [tag, tpg] of Object.entries(tpgs)) {
    must(tag === step.path[4] || !Object.hasOwn(tpg.portals, key), step, `tpg${tag} has it`);
  }
}

function checkNew(document: Document, step: Step): void {
  const value = step.after as { storage_object?: string; lun?: number };
  if (step.subject === 'storage_object') storageObjectFree(document, step);
  if (step.subject === 'portal') portalFree(document, step);
  if (step.subject === 'lun') {
    const [kind = '', name = ''] = (value.storage_object ?? '').split('/');
    const object = getIn(document, ['backstores', kind, name]);
    must(object !== undefined, step, 'its storage object does not exist');
  }
  if (step.subject === 'mapped_lun') {
    const at: DocumentPath = [...step.path.slice(0, 5), 'luns', String(value.lun)];
    must(getIn(document, at) !== undefined, step, 'its LUN does not exist');
  }
}

function checkGone(document: Document, step: Step, value: unknown): void {
  for (const child of Object.values(split(step, value).children)) {
    must(Object.keys(child as object).length === 0, step, 'it has children');
  }
  if (step.subject === 'storage_object') {
    const uses = usesOf(document, `${step.path[1]}/${step.path[2]}`);
    must(uses.length === 0, step, 'it is exported');
  }
  if (step.subject !== 'lun') return;
  const acls = getIn(document, [...step.path.slice(0, 5), 'acls']) as Record<
    string,
    { mapped_luns: Record<string, { lun: number }> }
  >;
  for (const [name, acl] of Object.entries(acls)) {
    for (const mapped of Object.values(acl.mapped_luns)) {
      must(String(mapped.lun) !== step.path.at(-1), step, `${name} maps it`);
    }
  }
}

/** The document after the step; throws where a strict engine would refuse it. */
export function applyStrictly(document: Document, step: Step): Document {
  const now = getIn(document, step.path);
  const { bare, children } = split(step, now);
  must(sameValue(bare, step.before), step, 'its value is not the one before');
  must(getIn(document, step.path.slice(0, -1)) !== undefined, step, 'its parent does not exist');
  if (step.after === undefined) {
    must(now !== undefined, step, 'it does not exist');
    checkGone(document, step, now);
    return setIn(document, step.path, undefined);
  }
  checkNew(document, step);
  const after = isRecord(step.after) ? { ...step.after, ...children } : step.after;
  return setIn(document, step.path, after);
}
