/** A configuration store of files and journal with a fake engine, without a socket. */
import { createHandlers } from '../../src/control/handlers.ts';
import { ConfigStore, type BootReport } from '../../src/control/config_store.ts';
import { createLocalControl } from '../../src/control/local_client.ts';
import type { ControlClient, Notifications } from '../../src/control/protocol.ts';
import type { EnginePort } from '../../src/objects/engine_port.ts';
import { createLog, type LogRecord } from '../../src/util/log.ts';

export interface StoreClient {
  readonly client: ControlClient;
  readonly store: ConfigStore;
  readonly report: BootReport;
  readonly log: readonly LogRecord[];
}

/** As a daemon starts on that configuration file, which may be missing. */
export async function storeClient(file: string, engine: EnginePort): Promise<StoreClient> {
  const log: LogRecord[] = [];
  let notify: (change: Notifications['changed']) => void = () => {};
  const store = new ConfigStore({
    engine,
    log: createLog((record) => log.push(record), 'control', 'info'),
    file,
    identity: 'test',
    onChanged: (change) => notify(change),
  });
  const info = { version: '0.1.0', pid: 1, configFile: file, hostname: 'san01' };
  const preferences = () => ({ busy_poll: 'auto' });
  const handlers = createHandlers({ info, store, engine, shutdown: () => {}, preferences });
  const local = createLocalControl(handlers);
  notify = (change) => local.notify('changed', change);
  return { client: local.client, store, report: await store.boot(), log };
}
