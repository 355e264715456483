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
  /** The last one. */
  #silence: Error | undefined;
  #silent = false;
  /** Changes that were given up and that the thread has still to take back. */
  #givenUp = 0;

  fellSilent(why: string): void {
    const silence = new Error(why);
    this.#silence = silence;
    this.#silent = true;
    for (const giveUp of [...this.#waiting]) giveUp(silence);
  }

  answersAgain(): void {
    this.#silent = false;
  }

  /** Undefined: it may be asked. */
  get refusal(): Error | undefined {
    return this.#silent || this.#givenUp > 0 ? this.#silence : undefined;
  }

  /** What it answers; rejects once it is silent. */
  until<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#silent && this.#silence !== undefined) reject(this.#silence);
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
  /** `late` is called with the answer that nobody waits for any more. */
  const asked = async <T>(call: () => Promise<T>, late?: (answer: Promise<T>) => void) => {
    const { refusal } = patience;
    if (refusal !== undefined) throw refusal;
    const answer = call();
    try {
      return await patience.until(answer);
    } catch (error) {
      late?.(answer);
      throw error;
    }
  };
  // Messages keep their order: it does that as soon as it wakes.
  const settled = (done: Promise<void>) =>
    patience.until(done).catch((error: unknown) => {
      if (patience.refusal === undefined) throw error;
    });
  return {
    prepare: (steps, options) =>
      asked(
        () => calls.prepare(steps, options),
        (prepared) => void patience.giveUp(prepared.then(() => calls.rollback())),
      ),
    commit: () => settled(calls.commit()),
    rollback: () => settled(calls.rollback()),
    runtime: () => asked(() => calls.runtime()),
    rescan: (storageObject) => asked(() => calls.rescan(storageObject)),
    kick: (sid) => asked(() => calls.kick(sid)),
    answerStates: (ask, held) => asked(() => calls.answerStates(ask, held)),
  };
}
