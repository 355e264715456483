/**
 * A plan as people read it: one line per object, `+ create`, `~ change` or `- delete`, with what
 * the sessions of this moment will notice. Secrets are starred out.
 */
import { format, isSecret, type AttributeGroup, type AttributeValue } from './attribute.ts';
import { ALUA_ATTRIBUTES, DEFAULT_ALUA_GROUP } from './declarations/alua.ts';
import { AUTH, DISCOVERY_AUTH } from './declarations/auth.ts';
import { NODE_ACL_ATTRIBUTES } from './declarations/node_acl.ts';
import { STORAGE_ATTRIBUTES_OF } from './declarations/storage.ts';
import { TPG_ATTRIBUTES } from './declarations/tpg.ts';
import type { BackstoreKind, DocumentPath } from './document.ts';
import type { RuntimeState } from './engine_port.ts';
import { isRecord, sameValue } from './equal.ts';
import { TPG_PARAMETERS } from './iscsi_keys.ts';
import { noticedBySessions, renamesIn } from './plan_sessions.ts';
import type { Step, StepSubject } from './plan.ts';
import { formatSize } from '../util/sizes.ts';

export interface PlanLine {
  readonly action: 'create' | 'change' | 'replace' | 'delete';
  /** As the shell writes it: `/iscsi/iqn…/tpg1/luns/lun0`. */
  readonly path: string;
  /** `authentication: 0 -> 1 (takes effect at next login)`; of a new object what it is made of. */
  readonly details: readonly string[];
  /** `2 sessions will lose LUN 3`. */
  readonly notices: readonly string[];
}

const MASK = '********';
const SIGN = { create: '+', change: '~', replace: '~', delete: '-' } as const;

/** Where the shell shows what stands at a place of the document. */
function shellPath(at: DocumentPath): string {
  if (at[0] === 'backstores') return `/${at.join('/')}`;
  const [, collection, target, , tag, kind, key, , mapped] = at;
  if (collection !== 'targets') return '/iscsi';
  let path = '/iscsi';
  if (target !== undefined) path += `/${target}`;
  if (tag !== undefined) path += `/tpg${tag}`;
  if (kind !== undefined) path += `/${kind}`;
  if (key !== undefined) path += kind === 'luns' ? `/lun${key}` : `/${key}`;
  if (mapped !== undefined) path += `/mapped_lun${mapped}`;
  return path;
}

type Groups = Readonly<Record<string, AttributeGroup>>;
const TPG_GROUPS: Groups = { attributes: TPG_ATTRIBUTES, parameters: TPG_PARAMETERS, auth: AUTH };
const ACL_GROUPS: Groups = { attributes: NODE_ACL_ATTRIBUTES, auth: AUTH };

function groupsOf({ subject, path }: Step): Groups {
  switch (subject) {
    case 'storage_object':
      return { attributes: STORAGE_ATTRIBUTES_OF[path[1] as BackstoreKind] };
    case 'tpg':
      return TPG_GROUPS;
    case 'node_acl':
      return ACL_GROUPS;
    case 'discovery_auth':
    case 'target':
    case 'lun':
    case 'mapped_lun':
    case 'portal':
      return {};
  }
}

/** Collections of children, which steps of their own describe. */
const CHILDREN = new Set(['tpgs', 'luns', 'acls', 'portals', 'mapped_luns']);

function field(name: string, value: unknown): string {
  if (value === undefined) return name === 'alua_tg_pt_gp_name' ? DEFAULT_ALUA_GROUP : '(none)';
  if (name === 'size' && typeof value === 'number') return formatSize(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The differing values of a group, each with its declared default where it is absent. */
function groupDifferences(group: AttributeGroup, was: unknown, is: unknown): string[] {
  const [before, after] = [isRecord(was) ? was : {}, isRecord(is) ? is : {}];
  const lines: string[] = [];
  for (const [name, attribute] of Object.entries(group)) {
    const [old, now] = [before[name] ?? attribute.default, after[name] ?? attribute.default];
    if (old === now) continue;
    const shown = (value: unknown) => {
      if (value === '') return '(unset)';
      return isSecret(attribute) ? MASK : format(attribute, value as AttributeValue);
    };
    const later = attribute.applies === 'next-login' ? ' (takes effect at next login)' : '';
    lines.push(`${name}: ${shown(old)} -> ${shown(now)}${later}`);
  }
  return lines;
}

function differences(step: Step): string[] {
  const { before, after } = step;
  if (step.subject === 'discovery_auth') return groupDifferences(DISCOVERY_AUTH, before, after);
  const groups = groupsOf(step);
  const [was, is] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}];
  const lines: string[] = [];
  for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
    if (CHILDREN.has(name) || sameValue(was[name], is[name])) continue;
    const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
    if (group !== undefined) lines.push(...groupDifferences(group, was[name], is[name]));
    else if (name === 'alua') lines.push(...aluaDifferences(was[name], is[name]));
    else lines.push(`${name}: ${field(name, was[name])} -> ${field(name, is[name])}`);
  }
  return lines;
}

/** What a new object is made of: `10.0GiB`, `authentication=1`; what is default stays unsaid. */
function contents(step: Step): string[] {
  const value = isRecord(step.after) ? step.after : {};
  const groups = groupsOf(step);
  const words: string[] = [];
  for (const [name, entry] of Object.entries(value)) {
    const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
    if (group !== undefined && isRecord(entry)) words.push(...bagWords(group, entry));
    else if (name === 'alua_tg_pt_gp_name') words.push(`ALUA group ${field(name, entry)}`);
    else if (name === 'alua' && isRecord(entry)) words.push(...aluaWords(entry));
    else if (name === 'wwn' || CHILDREN.has(name) || entry === false) continue;
    else if (entry === true) words.push(name);
    else if (name === 'size' || typeof entry === 'string') words.push(field(name, entry));
    else if (name === 'lun') words.push(`lun${field(name, entry)}`);
  }
  return words;
}

function bagWords(group: AttributeGroup, bag: Readonly<Record<string, unknown>>): string[] {
  const words: string[] = [];
  for (const [name, value] of Object.entries(bag)) {
    const attribute = Object.hasOwn(group, name) ? group[name] : undefined;
    if (attribute === undefined || value === attribute.default) continue;
    const text = isSecret(attribute) ? MASK : format(attribute, value as AttributeValue);
    words.push(`${name}=${text}`);
  }
  return words;
}

/** Groups by name: new, gone, or what differs of them. */
function aluaDifferences(was: unknown, is: unknown): string[] {
  const [before, after] = [isRecord(was) ? was : {}, isRecord(is) ? is : {}];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [old, now] = [before[name], after[name]];
    const [idWas, idIs] = [idOf(name, old), idOf(name, now)];
    const values = groupDifferences(ALUA_ATTRIBUTES, attributesIn(old), attributesIn(now));
    const lines = values.map((line) => `ALUA group ${name} ${line}`);
    if (idIs === undefined) return [`ALUA group ${name}: deleted`];
    if (idWas === undefined) return [`ALUA group ${name}: new, tag ${idIs}`, ...lines];
    if (idWas !== idIs) lines.unshift(`ALUA group ${name} tg_pt_gp_id: ${idWas} -> ${idIs}`);
    return lines;
  });
}

/** The default group is always there, with 0. */
function idOf(name: string, group: unknown): number | undefined {
  if (name === DEFAULT_ALUA_GROUP) return 0;
  return isRecord(group) ? Number(group['tg_pt_gp_id']) : undefined;
}

const attributesIn = (group: unknown): unknown => (isRecord(group) ? group['attributes'] : {});

function aluaWords(groups: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(groups).map(([name, group]) => {
    const bag = attributesIn(group);
    const words = isRecord(bag) ? bagWords(ALUA_ATTRIBUTES, bag) : [];
    return [`ALUA group ${name}`, ...words].join(' ');
  });
}

const PLURALS: Readonly<Record<StepSubject, readonly [string, string]>> = {
  storage_object: ['storage object', 'storage objects'],
  discovery_auth: ['discovery authentication', 'discovery authentications'],
  target: ['target', 'targets'],
  tpg: ['TPG', 'TPGs'],
  lun: ['LUN', 'LUNs'],
  node_acl: ['ACL', 'ACLs'],
  mapped_lun: ['mapped LUN', 'mapped LUNs'],
  portal: ['portal', 'portals'],
};

/** `with 1 TPG, 3 LUNs`: what goes with an object. */
function below(counts: ReadonlyMap<StepSubject, number> | undefined): string | undefined {
  if (counts === undefined) return undefined;
  const parts = [...counts].map(([subject, n]) => `${n} ${PLURALS[subject][n === 1 ? 0 : 1]}`);
  return `with ${parts.join(', ')}`;
}

const key = (path: DocumentPath) => path.join('\n');

/** What a plan does to one object. */
interface ObjectPlan {
  readonly step: Step;
  /** It is deleted and made anew. */
  readonly again: boolean;
}

/** The steps of one object as one: a delete and a create of the same path replace it. */
function byObject(steps: readonly Step[]): ReadonlyMap<string, ObjectPlan> {
  const plans = new Map<string, ObjectPlan>();
  for (const step of steps) {
    const at = key(step.path);
    const known = plans.get(at);
    if (known === undefined) {
      plans.set(at, { step, again: false });
      continue;
    }
    const { before } = known.step;
    // At its place among the creations: what it needs stands above it.
    plans.delete(at);
    plans.set(at, { step: 'after' in step ? { ...step, before } : { ...step }, again: true });
  }
  return plans;
}

/** The highest deleted object above a place, when there is one. */
function deletedAbove(
  path: DocumentPath,
  plans: ReadonlyMap<string, ObjectPlan>,
): string | undefined {
  for (let length = 3; length < path.length; length += 2) {
    const above = key(path.slice(0, length));
    const plan = plans.get(above);
    if (plan !== undefined && isDeletion(plan.step)) return above;
  }
  return undefined;
}

const isDeletion = (step: Step) => step.after === undefined;

/** One line per object in the order of the plan; deletions below a deletion are counted in it. */
export function describePlan(
  steps: readonly Step[],
  runtime?: Pick<RuntimeState, 'sessions'>,
): readonly PlanLine[] {
  const sessions = runtime?.sessions ?? [];
  // Nothing comes twice and nothing is below a deletion: of thousands of steps, no keys.
  if (!steps.some(isDeletion)) {
    return steps.map((step) => ({
      ...lineOf(step, false),
      notices: noticedBySessions(step, false, sessions),
    }));
  }
  const plans = byObject(steps);
  const renames = renamesIn(steps);
  const counts = new Map<string, Map<StepSubject, number>>();
  const shown: [string, ObjectPlan][] = [];
  for (const entry of plans) {
    const { path, subject } = entry[1].step;
    const above = isDeletion(entry[1].step) ? deletedAbove(path, plans) : undefined;
    if (above === undefined) {
      shown.push(entry);
      continue;
    }
    const known = counts.get(above) ?? new Map<StepSubject, number>();
    counts.set(above, known.set(subject, (known.get(subject) ?? 0) + 1));
  }
  return shown.map(([at, { step, again }]) => {
    const with_ = below(counts.get(at));
    const noticed = noticedBySessions(step, again, sessions, renames);
    return { ...lineOf(step, again), notices: with_ === undefined ? noticed : [with_, ...noticed] };
  });
}

function lineOf(step: Step, again: boolean): Omit<PlanLine, 'notices'> {
  const path = shellPath(step.path);
  if (isDeletion(step)) return { action: 'delete', path, details: [] };
  if (step.before === undefined) return { action: 'create', path, details: contents(step) };
  return { action: again ? 'replace' : 'change', path, details: differences(step) };
}

/** `~ change /iscsi/… authentication: 0 -> 1 (takes effect at next login)`. */
export function planLineText({ action, path, details, notices }: PlanLine): string {
  const what = action === 'create' && details.length > 0 ? [`(${details.join(', ')})`] : details;
  const tail = notices.length === 0 ? '' : ` (${notices.join('; ')})`;
  const text = what.length === 0 ? '' : ` ${what.join(action === 'create' ? ' ' : ', ')}`;
  return `${SIGN[action]} ${action} ${path}${text}${tail}`;
}

/** The lines of a plan; beyond `most` only their number is told. */
export function planText(lines: readonly PlanLine[], most = Infinity): readonly string[] {
  const shown = lines.slice(0, most).map(planLineText);
  const more = lines.length - shown.length;
  return more === 0 ? shown : [...shown, `and ${more} more ${more === 1 ? 'change' : 'changes'}`];
}
