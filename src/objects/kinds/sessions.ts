/** The sessions of a TPG as nodes: they exist while initiators are logged in, and only there. */
import { pathNote } from '../alua_paths.ts';
import type { Document } from '../document.ts';
import { NO_IO, type IoCounters, type SessionInfo } from '../engine_port.ts';
import { limitLines } from '../explain_limits.ts';
import type { NodeKind, TreeNode, View } from '../node.ts';
import { count, makeNode, NO_ATTRIBUTES, NO_CHILDREN, numberAfter } from './kit.ts';

const NAME = /^sid/i;

/** What peers say of themselves must not steer a terminal. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '?');

/** How the initiator has proved itself. */
export function authenticationOf({ authenticated, dynamic }: SessionInfo): string {
  const how = authenticated === 'none' ? 'not authenticated' : authenticated;
  return dynamic ? `${how}, demo mode` : how;
}

/** `3h 12m`: the two largest units. */
export function ageText(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0s';
  let rest = seconds;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const n = Math.floor(rest / size);
    rest -= n * size;
    return n === 0 ? '' : `${n}${unit}`;
  });
  return parts.filter((part) => part !== '').join(' ');
}

/** The sum over the LUNs of a session. */
export function sessionIo({ mappedLuns }: SessionInfo): IoCounters {
  const sum = { ...NO_IO };
  for (const { io } of mappedLuns) {
    for (const key of Object.keys(sum) as (keyof IoCounters)[]) sum[key] += io[key];
  }
  return sum;
}

/** `9 commands, 4 reads (16384 bytes), 2 writes (1024 bytes), 0 errors`. */
function ioText(io: IoCounters): string {
  return (
    `${io.commands} commands, ${io.reads} reads (${io.readBytes} bytes), ` +
    `${io.writes} writes (${io.writtenBytes} bytes), ${io.errors} errors`
  );
}

/** Of the TPG that a node stands in. */
export function sessionsOf({ runtime }: View, { at }: TreeNode): readonly SessionInfo[] {
  const [, , target, , tag] = at;
  return runtime.sessions.filter((one) => one.target === target && String(one.tpgTag) === tag);
}

function sessionAt(view: View, node: TreeNode): SessionInfo | undefined {
  return sessionsOf(view, node).find((one) => String(one.sid) === node.at.at(-1));
}

function infoLines(document: Document, session: SessionInfo): readonly string[] {
  return [
    `sid: ${session.sid}`,
    `initiator: ${printable(session.initiator)}`,
    `alias: ${printable(session.initiatorAlias)}`,
    `authenticated: ${authenticationOf(session)}`,
    `state: ${session.state}`,
    `age: ${ageText(session.ageSeconds)}`,
    `isid: ${session.isid}`,
    `tsih: ${session.tsih}`,
    ...session.connections.map(
      ({ address, port, portal, transport, cid, state }) =>
        `connection ${cid}: ${address} port ${port} to ${portal} (${transport}) ${state}`,
    ),
    ...Object.entries(session.parameters).map(([key, value]) => `${key}: ${printable(value)}`),
    ...limitLines(session),
    ...session.mappedLuns.map(({ mappedLun, storageObject, writeProtect, io }) => {
      const path = pathNote(document, session, mappedLun);
      const access = `${writeProtect ? 'ro' : 'rw'}${path === '' ? '' : `, ${path}`}`;
      return `lun ${mappedLun}: ${storageObject} (${access}) ${ioText(io)}`;
    }),
  ];
}

export const SESSION: NodeKind = {
  id: 'session',
  help: 'One session: an initiator that is logged in.',
  ...NO_ATTRIBUTES,
  commands: {},
  ...NO_CHILDREN,
  summary: (view, node) => {
    const session = sessionAt(view, node);
    if (session === undefined) return { text: 'ENDED', healthy: false };
    const from = session.connections[0]?.address ?? 'no connection';
    const words = [printable(session.initiator), from, authenticationOf(session)];
    words.push(count('LUNs', session.mappedLuns.length));
    const waiting = session.limits?.waiting ?? 0;
    if (waiting > 0) words.push(`limited, ${waiting} commands wait`);
    return { text: words.join(', '), healthy: true };
  },
  info: (view, node) => {
    const session = sessionAt(view, node);
    return session === undefined ? ['The session has ended'] : infoLines(view.document, session);
  },
};

const sessionNode = (parent: TreeNode, sid: number) =>
  makeNode(SESSION, parent, `sid${sid}`, [...parent.at, String(sid)]);

export const SESSIONS: NodeKind = {
  id: 'sessions',
  help: 'The sessions of a TPG: initiators that are logged in now.',
  ...NO_ATTRIBUTES,
  commands: {},
  ...NO_CHILDREN,
  liveChildren: (view, node) => sessionsOf(view, node).map(({ sid }) => sessionNode(node, sid)),
  liveChild: (view, node, name) => {
    const sid = numberAfter(NAME, name);
    const known = sessionsOf(view, node).some((session) => session.sid === sid);
    return known && sid !== undefined ? sessionNode(node, sid) : undefined;
  },
  summary: (view, node) => ({
    text: count('Sessions', sessionsOf(view, node).length),
    healthy: null,
  }),
};
