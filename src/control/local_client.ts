/** The control client without a socket: `--embedded` runs all in one process. */
import { Listeners } from './listeners.ts';
import type { ControlClient, Handlers, Method, Methods, Notifications } from './protocol.ts';

export interface LocalControl {
  readonly client: ControlClient;
  readonly notify: <N extends keyof Notifications>(name: N, params: Notifications[N]) => void;
}

export function createLocalControl(handlers: Handlers): LocalControl {
  const listeners = new Listeners();
  // Requests of one client run in order, as on the socket.
  let last: Promise<unknown> = Promise.resolve();
  const client: ControlClient = {
    call<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
      const handler = handlers[method] as (p: typeof params) => Promise<Methods[M]['result']>;
      const answer = last.then(() => handler(params));
      last = answer.catch(() => {});
      return answer;
    },
    on: (name, listener) => listeners.add(name, listener),
    close: () => {},
  };
  return { client, notify: (name, params) => listeners.emit(name, params) };
}
