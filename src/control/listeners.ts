/** Who listens to which notification. One that throws does not keep the others from theirs. */
import type { Notifications } from './protocol.ts';

type Listener<N extends keyof Notifications> = (params: Notifications[N]) => void;

export class Listeners {
  readonly #sets = new Map<keyof Notifications, Set<Listener<never>>>();

  add<N extends keyof Notifications>(name: N, listener: Listener<N>): () => void {
    const set = this.#sets.get(name) ?? new Set();
    this.#sets.set(name, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  emit<N extends keyof Notifications>(name: N, params: Notifications[N]): void {
    for (const listener of [...(this.#sets.get(name) ?? [])] as Listener<N>[]) {
      try {
        listener(params);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
