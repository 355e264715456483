/**
 * Listening sockets. Several targets may name the same address: one socket serves them all and
 * stays until the last lets go.
 */
import type { Socket } from 'node:net';
import type { Health } from '../../objects/engine_port.ts';
import { isWildcard, parsePortal } from '../../objects/portal_address.ts';
import { ChangingRecord } from '../../util/changing_record.ts';
import type { Clock, Timer } from '../../util/clock.ts';
import type { Log } from '../../util/log.ts';
import { Portal } from '../transport/portal.ts';

/** An address that cannot be bound at boot is tried again: the interface may still come up. */
const RETRY_MS = 2_000;

interface Listener {
  /** `<target>/<tag>` of each TPG with this portal. */
  readonly users: Set<string>;
  portal: Portal | undefined;
  reason: string | undefined;
  retry: Timer | undefined;
}

export interface PortalsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly accept: (socket: Socket, portal: string) => void;
  /** With several data threads: who places connections, see `PortalOptions`. */
  readonly place?: ((accepted: Socket, portal: string, gone: () => void) => void) | undefined;
}

export class Portals {
  /** Key `<target>/<tag>/<portal>`. */
  readonly health = new ChangingRecord<Health>();
  readonly #listeners = new Map<string, Listener>();
  readonly #options: PortalsOptions;

  constructor(options: PortalsOptions) {
    this.#options = options;
  }

  /** Rejects when the address cannot be bound, unless `tolerant`: then it is tried again. */
  async add(key: string, user: string, tolerant: boolean): Promise<string | undefined> {
    const existing = this.#listeners.get(key);
    if (existing !== undefined) {
      existing.users.add(user);
      this.#tell(key, existing, user);
      return existing.reason;
    }
    const listener: Listener = {
      users: new Set([user]),
      portal: undefined,
      reason: undefined,
      retry: undefined,
    };
    try {
      await this.#listen(key, listener);
    } catch (error) {
      const why = this.#ownConflict(key, error) ?? reasonOf(error);
      const reason = `portal ${key} cannot listen: ${why}`;
      if (!tolerant) throw new Error(reason, { cause: error });
      listener.reason = reason;
      this.#retryLater(key, listener);
    }
    this.#listeners.set(key, listener);
    this.#tell(key, listener, user);
    return listener.reason;
  }

  async remove(key: string, user: string): Promise<void> {
    const listener = this.#listeners.get(key);
    if (listener === undefined) return;
    listener.users.delete(user);
    this.health.delete(`${user}/${key}`);
    if (listener.users.size > 0) return;
    this.#listeners.delete(key);
    listener.retry?.cancel();
    await listener.portal?.close();
  }

  async closeAll(): Promise<void> {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    this.health.clear();
    for (const listener of listeners) listener.retry?.cancel();
    await Promise.all(listeners.map(async (listener) => listener.portal?.close()));
  }

  #tell(key: string, { reason }: Listener, user: string): void {
    this.health.set(`${user}/${key}`, reason === undefined ? { ok: true } : { ok: false, reason });
  }

  async #listen(key: string, listener: Listener): Promise<void> {
    const parsed = parsePortal(key);
    if (!parsed.ok) throw new Error(parsed.reason);
    const { address, port } = parsed.portal;
    const { accept, log, place } = this.#options;
    const portal = new Portal({
      address,
      port,
      log,
      onSocket: (socket) => accept(socket, key),
      place: place && ((accepted, gone) => place(accepted, key, gone)),
    });
    await portal.listen();
    listener.portal = portal;
    listener.reason = undefined;
  }

  /** A wildcard and one of its addresses cannot both listen: when both are ours, say so. */
  #ownConflict(key: string, error: unknown): string | undefined {
    const wanted = parsePortal(key);
    if ((error as { code?: string }).code !== 'EADDRINUSE' || !wanted.ok) return undefined;
    for (const [other, { users, portal }] of this.#listeners) {
      const parsed = parsePortal(other);
      if (!parsed.ok || parsed.portal.port !== wanted.portal.port || portal === undefined) continue;
      const all = isWildcard(parsed.portal.address);
      if (!all && !isWildcard(wanted.portal.address)) continue;
      const [user = ''] = users;
      const owner = user.replace(/\/(\d+)$/, ' tpg$1');
      const what = all ? 'all addresses' : 'one of them';
      return `portal ${other} of ${owner} listens on ${what} already; delete that first`;
    }
    return undefined;
  }

  #retryLater(key: string, listener: Listener): void {
    listener.retry = this.#options.clock.after(RETRY_MS, () => {
      this.#listen(key, listener).then(
        () => {
          // Removed while it was binding: nobody wants it any more.
          if (this.#listeners.get(key) !== listener) void listener.portal?.close();
          else {
            for (const user of listener.users) this.#tell(key, listener, user);
            this.#options.log.info('portal listens now', { portal: key });
          }
        },
        () => {
          if (this.#listeners.get(key) === listener) this.#retryLater(key, listener);
        },
      );
    });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address and port are in use by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied (ports below 1024 need privileges)',
};

function reasonOf(error: unknown): string {
  const { code, message } = error as Error & { code?: string };
  return (code !== undefined ? REASONS[code] : undefined) ?? message;
}
