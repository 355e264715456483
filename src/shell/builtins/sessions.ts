/** `sessions` and `kick`: who is logged in, who was refused, and ending a session. */
import type { AttributeValue } from '../../objects/attribute.ts';
import type { ConnectionInfo, RefusedLoginInfo, SessionInfo } from '../../objects/engine_port.ts';
import { ConfigError } from '../../objects/errors.ts';
import { ageText, authenticationOf, printable, sessionsOf } from '../../objects/kinds/sessions.ts';
import type { CommandContext, TreeNode } from '../../objects/node.ts';
import { atRoot, JSON_FLAG } from '../builtin.ts';
import type { Builtin, Call, ShellContext } from '../builtin.ts';
import { renderTable } from '../table.ts';

const ACTIONS = ['list', 'detail', 'refused', 'kick'] as const;
const text = (help: string) => ({ kind: 'text', lengthMax: 64, default: '', help }) as const;

const headline = (session: SessionInfo) =>
  `alias: ${printable(session.initiatorAlias)}\tsid: ${session.sid} type: ${session.type} ` +
  `session-state: ${session.state}\ttarget: ${session.target}/tpg${session.tpgTag}`;

function authWord(session: SessionInfo): string {
  return session.authenticated === 'none' ? 'NOT AUTHENTICATED' : 'authenticated';
}

function connectionLine(connection: ConnectionInfo): string {
  const { address, transport, cid, state } = connection;
  return `    address: ${address} (${transport})  cid: ${cid} connection-state: ${state}`;
}

function detail(session: SessionInfo): readonly string[] {
  const kind = session.dynamic ? ', dynamic' : '';
  return [
    headline(session),
    `    name: ${printable(session.initiator)} (${authWord(session)}${kind})`,
    ...session.mappedLuns.map(
      (lun) =>
        `    mapped-lun: ${lun.mappedLun} backstore: ${lun.storageObject} ` +
        `mode: ${lun.writeProtect ? 'r' : 'rw'}`,
    ),
    ...session.connections.map(connectionLine),
  ];
}

const SESSION_COLUMNS = ['SID', 'INITIATOR', 'ADDRESS', 'TARGET', 'AUTH', 'AGE', 'LUNS'];

function sessionRow(session: SessionInfo): readonly string[] {
  return [
    String(session.sid),
    printable(session.initiator),
    session.connections[0]?.address ?? '',
    session.type === 'Discovery' ? '(discovery)' : `${session.target}/tpg${session.tpgTag}`,
    authenticationOf(session),
    ageText(session.ageSeconds),
    String(session.mappedLuns.length),
  ];
}

/** A table for a person; for programs the lines that they know. */
function list({ console }: ShellContext, open: readonly SessionInfo[]): string {
  const { columns, painter } = console;
  if (columns === undefined) return open.map(headline).join('\n');
  return renderTable(SESSION_COLUMNS, open.map(sessionRow), { columns, painter });
}

const REFUSED_COLUMNS = ['AGE', 'TIMES', 'INITIATOR', 'ADDRESS', 'TARGET', 'REASON'];

function refusedRow(refused: RefusedLoginInfo): readonly string[] {
  const { ageSeconds, count, initiator, address, target, rule } = refused;
  const names = [printable(initiator), address, printable(target)];
  return [ageText(ageSeconds), String(count), ...names, printable(rule)];
}

function refusedText(shell: ShellContext, refused: readonly RefusedLoginInfo[]): string {
  if (refused.length === 0) return '(no refused logins)';
  const { columns, painter } = shell.console;
  const rows = refused.map(refusedRow);
  if (columns !== undefined) return renderTable(REFUSED_COLUMNS, rows, { columns, painter });
  return refused
    .map(
      ({ initiator, address, target, rule, count, ageSeconds }) =>
        `initiator: ${printable(initiator)} address: ${address} target: ${printable(target)} ` +
        `times: ${count} last: ${ageText(ageSeconds)} ago reason: ${printable(rule)}`,
    )
    .join('\n');
}

function sidOf(value: AttributeValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  const word = String(value);
  if (!/^\d{1,15}$/.test(word)) throw new ConfigError(`sid must be a number, '${word}' given`);
  return Number(word);
}

async function endSession(shell: ShellContext, session: SessionInfo): Promise<void> {
  await shell.client.call('kick', { sid: session.sid });
  const name = printable(session.initiator);
  shell.console.say('info', `Ended session ${session.sid} of ${name}.`);
  const remedy = session.dynamic
    ? 'set attribute generate_node_acls=0 at its TPG'
    : 'delete its node ACL';
  shell.console.say('warning', `It may log in again; to keep it out, ${remedy}.`);
}

/** Beside a number that nobody knows by heart. */
function initiatorOf({ view }: CommandContext, sid: string): string | undefined {
  const session = view.runtime.sessions.find((one) => String(one.sid) === sid);
  return session && printable(session.initiator);
}

const sessions: Builtin = {
  help:
    'Shows the open sessions, and those that could not open.\n' +
    '`list` is short, `detail` also names initiator, disks and connections. With a number only\n' +
    'that session is shown. `refused` shows the latest logins that were refused, with the\n' +
    'rule that refused each. `kick sid=N` ends a session: its initiator may log in again.',
  params: {
    action: {
      ...text('One of list, detail, refused, kick.'),
      default: 'list',
      suggest: () => ACTIONS,
    },
    sid: {
      ...text('Number of one session.'),
      suggest: ({ view }) => view.runtime.sessions.map((session) => String(session.sid)),
      note: initiatorOf,
    },
    json: JSON_FLAG,
  },
  seeAlso: ['status', 'why', 'top'],
  at: atRoot,
  run: async ({ shell, view, args }) => {
    const action = String(args['action'] ?? 'list');
    if (!ACTIONS.some((known) => known === action)) {
      throw new ConfigError('action must be one of: list, detail, refused, kick');
    }
    const sid = sidOf(args['sid']);
    const json = args['json'] === true;
    const print = (value: unknown) => shell.console.json(value);
    if (action === 'refused' && json) return print({ refused: view.runtime.refusedLogins });
    if (action === 'refused') {
      return shell.console.display(refusedText(shell, view.runtime.refusedLogins));
    }
    const open = view.runtime.sessions.filter((s) => sid === undefined || s.sid === sid);
    const [first] = open;
    if (first === undefined && sid !== undefined) {
      throw new ConfigError(`no session found with sid ${sid}`);
    }
    if (action === 'kick') {
      if (sid === undefined) throw new ConfigError('Missing required parameter sid');
      return first === undefined ? undefined : endSession(shell, first);
    }
    if (json) return print({ sessions: open });
    if (open.length === 0) return shell.console.display('(no open sessions)');
    const shown = action === 'list' ? list(shell, open) : open.flatMap(detail).join('\n');
    return shell.console.display(shown);
  },
};

const isSession = (node: TreeNode) => node.kind.id === 'session';
const hasSessions = (node: TreeNode) => isSession(node) || node.kind.id === 'sessions';

function kicked({ node, view, args }: Call): SessionInfo {
  const own = isSession(node) ? Number(node.at.at(-1)) : undefined;
  const sid = sidOf(args['sid']) ?? own;
  if (sid === undefined) throw new ConfigError('Missing required parameter sid');
  const session = sessionsOf(view, node).find((one) => one.sid === sid);
  if (session === undefined) throw new ConfigError(`no session found with sid ${sid}`);
  return session;
}

const kick: Builtin = {
  help:
    'Ends a session.\n' +
    'Its commands are aborted and its connections closed; the initiator may log in again.',
  params: {
    sid: {
      ...text('Number of the session; at a session, that one.'),
      suggest: ({ node, view }) => sessionsOf(view, node).map(({ sid }) => String(sid)),
      note: initiatorOf,
    },
  },
  seeAlso: ['info'],
  only: hasSessions,
  run: async (call) => endSession(call.shell, kicked(call)),
};

export const SESSIONS = { kick, sessions } as const;
