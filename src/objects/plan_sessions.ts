/** What the open sessions will notice of a step: said before it happens. */
import type { StorageObject } from './document.ts';
import type { SessionInfo } from './engine_port.ts';
import { isRecord } from './equal.ts';
import type { Step } from './plan.ts';
import { mediumOf } from './rules.ts';

type Notice = (count: number) => string;
const many = (n: number) => (n === 1 ? '1 session' : `${n} sessions`);
const end: Notice = (n) => `${many(n)} will end`;
const loseDisk: Notice = (n) => `${many(n)} will lose it`;
const seeAnother: Notice = (n) => `${many(n)} will see another disk`;

const text = (value: unknown, name: string): string => {
  const found = isRecord(value) ? value[name] : undefined;
  return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
};

/** The sessions of a step's target, portal group and initiator, as far as its path names them. */
function concerned(step: Step, sessions: readonly SessionInfo[]): readonly SessionInfo[] {
  const [, , target, , tag, kind, key] = step.path;
  return sessions.filter(
    (session) =>
      session.target === target &&
      (tag === undefined || session.tpgTag === Number(tag)) &&
      (kind !== 'acls' || session.initiator === key),
  );
}

function told(sessions: readonly SessionInfo[], notice: Notice): readonly string[] {
  return sessions.length === 0 ? [] : [notice(sessions.length)];
}

/** References of storage objects that go on under another name: old to new. */
export type Renames = ReadonlyMap<string, string>;
const NO_RENAMES: Renames = new Map();

/** A medium that one object gives up and another one of its kind takes stays open. */
export function renamesIn(steps: readonly Step[]): Renames {
  const objects = steps.filter(({ subject }) => subject === 'storage_object');
  const medium = ({ path }: Step, value: unknown) =>
    mediumOf(path[1] ?? '', value as StorageObject);
  const reference = ({ path }: Step) => `${path[1]}/${path[2]}`;
  const gone = objects.filter(({ after }) => after === undefined);
  if (gone.length === 0) return NO_RENAMES;
  const made = objects.filter(({ before }) => before === undefined);
  const taken = new Map(made.map((step) => [medium(step, step.after), reference(step)] as const));
  return new Map(
    gone.flatMap((step) => {
      const to = taken.get(medium(step, step.before));
      return to === undefined || to === reference(step) ? [] : [[reference(step), to] as const];
    }),
  );
}

function disk(
  step: Step,
  again: boolean,
  sessions: readonly SessionInfo[],
  renames: Renames,
): readonly string[] {
  const [, kind = '', name = ''] = step.path;
  const renamed = renames.get(`${kind}/${name}`);
  if (renamed !== undefined) return [`renamed to ${renamed}`];
  const users = sessions.filter(({ mappedLuns }) =>
    mappedLuns.some(({ storageObject }) => storageObject === `${kind}/${name}`),
  );
  const gone = again || step.after === undefined;
  const data = gone && kind === 'ramdisk' ? ['its data is lost'] : [];
  if (!gone) return [];
  return [...data, ...told(users, again ? seeAnother : loseDisk)];
}

function lun(
  step: Step,
  again: boolean,
  sessions: readonly SessionInfo[],
  renames: Renames,
): readonly string[] {
  const number = step.path.at(-1) ?? '';
  const reference = text(step.before, 'storage_object');
  const now = text(step.after, 'storage_object');
  if (now !== '' && renames.get(reference) === now) return [];
  const users = concerned(step, sessions).filter(({ mappedLuns }) =>
    mappedLuns.some(({ storageObject }) => storageObject === reference),
  );
  return told(users, again ? seeAnother : (n) => `${many(n)} will lose LUN ${number}`);
}

/** `again`: the plan deletes the object and makes it anew. */
export function noticedBySessions(
  step: Step,
  again: boolean,
  sessions: readonly SessionInfo[],
  renames: Renames = NO_RENAMES,
): readonly string[] {
  const deleted = step.after === undefined;
  switch (step.subject) {
    case 'storage_object':
      return disk(step, again, sessions, renames);
    case 'lun':
      return deleted || again ? lun(step, again, sessions, renames) : [];
    case 'mapped_lun': {
      const number = step.path.at(-1) ?? '';
      if (!deleted) return [];
      return told(concerned(step, sessions), (n) => `${many(n)} will lose LUN ${number}`);
    }
    case 'target':
    case 'node_acl':
      return deleted ? told(concerned(step, sessions), end) : [];
    case 'tpg': {
      const disabled = isRecord(step.after) && step.after['enabled'] === false;
      const enabled = isRecord(step.before) && step.before['enabled'] === true;
      const ends = deleted || (disabled && enabled);
      return ends ? told(concerned(step, sessions), end) : [];
    }
    case 'portal': {
      const portal = step.path.at(-1);
      const users = concerned(step, sessions).filter(({ connections }) =>
        connections.some((connection) => connection.portal === portal),
      );
      return deleted ? told(users, (n) => `${many(n)} will stay until logged out`) : [];
    }
    case 'discovery_auth':
      return [];
  }
}
