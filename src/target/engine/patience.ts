/**
 * Calls into one data thread of several, which may hang: what is asked of all ends once that one
 * has fallen silent, so that shells and the other threads go on.
 */
import type { JointEngine } from './transfer.ts';
import type { EnginePort } from '../../objects/engine_port.ts';

type Calls = Pick<
  EnginePort & JointEngine,
  'prepare' | 'commit' | 'rollback' | 'runtime' | 'rescan' | 'kick' | 'answerStates'
>;

export class Patience {
  readonly #waiting = new Set<(silence: Error) => void>();
  #silence: Error | null = null;
  /** Changes that were given up and that the thread has still to take back. */
  #givenUp = 0;
  /** Why it could not be asked when it was left with such a change. */
  #why: Error | null = null;

  fellSilent(why: string): void {
    this.#silence = new Error(why);
    this.#why = this.#silence;
    for (const giveUp of [...this.#waiting]) giveUp(this.#silence);
  }

  answersAgain(): void {
    this.#silence = null;
  }

  /** Undefined: it may be asked. */
  get refusal(): Error | undefined {
    return this.#silence ?? (this.#givenUp > 0 ? (this.#why ?? undefined) : undefined);
  }

  /** What it answers; rejects once it is silent. */
  until<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#silence !== null) reject(this.#silence);
      this.#waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** It is not asked for anything else before that is over. */
  async giveUp(takenBack: Promise<unknown>): Promise<void> {
    this.#givenUp++;
    await takenBack.catch(() => {});
    this.#givenUp--;
  }
}

/** The same calls, which end once the thread is silent. */
export function patient(calls: Calls, patience: Patience): Calls {
  const asked = <T>(call: () => Promise<T>): Promise<T> => {
    const { refusal } = patience;
    return refusal === undefined ? patience.until(call()) : Promise.reject(refusal);
  };
  // Messages keep their order: it does that as soon as it wakes.
  const settled = (done: Promise<void>) =>
    patience.until(done).catch((error: unknown) => {
      if (patience.refusal === undefined) throw error;
    });
  return {
    prepare: (steps, options) =>
      asked(() => {
        const prepared = calls.prepare(steps, options);
        return patience.until(prepared).catch((error: unknown) => {
          void patience.giveUp(prepared.then(() => calls.rollback()));
          throw error;
        });
      }),
    commit: () => settled(calls.commit()),
    rollback: () => settled(calls.rollback()),
    runtime: () => asked(() => calls.runtime()),
    rescan: (storageObject) => asked(() => calls.rescan(storageObject)),
    kick: (sid) => asked(() => calls.kick(sid)),
    answerStates: (ask, held) => asked(() => calls.answerStates(ask, held)),
  };
}
