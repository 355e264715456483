/** A client that outlives its daemon: after a restart the next call attaches to the new one. */
import type { SocketControl } from './client.ts';
import { Listeners } from './listeners.ts';
import {
  ConflictError,
  ControlError,
  type ControlClient,
  type Method,
  type Methods,
  type Notifications,
} from './protocol.ts';

/** What is passed on; `attached` is this client's own. */
const FORWARDED = ['changed', 'engine'] as const;

const GONE =
  'The lunsmith daemon is not running any more: exit and start lunsmith again, that starts one too';

export class LastingClient implements ControlClient {
  readonly #attach: () => Promise<SocketControl | undefined>;
  readonly #listeners = new Listeners();
  #client: SocketControl;
  #attaching: Promise<void> | undefined;
  #ended = false;

  /** `attach` looks for a daemon again; undefined when there is none. */
  constructor(client: SocketControl, attach: () => Promise<SocketControl | undefined>) {
    this.#client = client;
    this.#attach = attach;
    this.#forward();
  }

  async call<M extends Method>(
    method: M,
    params: Methods[M]['params'],
  ): Promise<Methods[M]['result']> {
    if (this.#client.closed && !this.#ended) {
      this.#attaching ??= this.#attachAnew().finally(() => (this.#attaching = undefined));
      await this.#attaching;
      // Revisions of the former daemon mean nothing to this one, even where the numbers agree.
      if ('revision' in params) throw new ConflictError('The lunsmith daemon was restarted');
    }
    return this.#client.call(method, params);
  }

  on<N extends keyof Notifications>(
    name: N,
    listener: (params: Notifications[N]) => void,
  ): () => void {
    return this.#listeners.add(name, listener);
  }

  close(): void {
    this.#ended = true;
    this.#client.close();
  }

  async #attachAnew(): Promise<void> {
    const client = await this.#attach();
    if (client === undefined) throw new ControlError(GONE);
    this.#client = client;
    this.#forward();
    this.#listeners.emit('attached', {});
  }

  #forward(): void {
    for (const name of FORWARDED) {
      this.#client.on(name, (params) => this.#listeners.emit(name, params));
    }
  }
}
