/** `sessions`: who is logged in. */
import type { ConnectionInfo, SessionInfo } from '../../objects/engine_port.ts';
import { ConfigError } from '../../objects/errors.ts';
import { atRoot } from '../builtin.ts';
import type { Builtin } from '../builtin.ts';

const ACTIONS = ['list', 'detail'] as const;
const text = (help: string) => ({ kind: 'text', lengthMax: 64, default: '', help }) as const;

/** Names and aliases come from the peer: its escape sequences must not reach the terminal. */
// eslint-disable-next-line no-control-regex -- control characters are exactly what is replaced
const printable = (word: string) => word.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');

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

const sessions: Builtin = {
  help:
    'Shows the open sessions.\n' +
    '`list` is short, `detail` also names initiator, disks and connections. With a number only\n' +
    'that session is shown.',
  params: {
    action: { ...text('One of list, detail.'), default: 'list', suggest: () => ACTIONS },
    sid: {
      ...text('Number of one session.'),
      suggest: ({ view }) => view.runtime.sessions.map((session) => String(session.sid)),
    },
  },
  seeAlso: ['status'],
  at: atRoot,
  run: ({ shell, view, args }) => {
    const action = String(args['action'] ?? 'list');
    const sid = args['sid'];
    if (action !== 'list' && action !== 'detail') {
      throw new ConfigError('action must be one of: list, detail');
    }
    if (sid !== undefined && !/^\d+$/.test(String(sid))) {
      throw new ConfigError(`sid must be a number, '${sid}' given`);
    }
    const open = view.runtime.sessions.filter((s) => sid === undefined || s.sid === Number(sid));
    if (open.length === 0 && sid !== undefined) {
      throw new ConfigError(`no session found with sid ${sid}`);
    }
    if (open.length === 0) return shell.console.display('(no open sessions)');
    const lines = open.flatMap((s) => (action === 'list' ? [headline(s)] : detail(s)));
    return shell.console.display(lines.join('\n'));
  },
};

export const SESSIONS = { sessions } as const;
