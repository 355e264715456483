/** Stands for a daemon that is not running: an empty configuration, for completion. */
import { hostname } from 'node:os';
import type { ControlClient, Method, Methods } from '../control/protocol.ts';
import { EMPTY_DOCUMENT } from '../objects/document.ts';
import type { RuntimeState } from '../objects/engine_port.ts';
import { ConfigError } from '../objects/errors.ts';

const IDLE: RuntimeState = {
  storageObjects: {},
  portals: {},
  sessions: [],
  refusedLogins: [],
  io: {},
  accelerators: {},
};

type Answers = { readonly [M in Method]?: Methods[M]['result'] };

export function offlineClient(configFile: string): ControlClient {
  const answers: Answers = {
    hello: { version: '', pid: 0, configFile, hostname: hostname() },
    document: { revision: 0, document: EMPTY_DOCUMENT },
    runtime: IDLE,
  };
  return {
    call: (method) => {
      const answer = answers[method];
      if (answer === undefined) return Promise.reject(new ConfigError('No daemon is running'));
      return Promise.resolve(answer as Methods[typeof method]['result']);
    },
    on: () => () => undefined,
    close: () => undefined,
  };
}
