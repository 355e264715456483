/**
 * Access states that initiators ask for by SET TARGET PORT GROUPS: told to the control plane, which
 * changes the configuration, or does not, and answers.
 */
import type { AluaStatesAsked } from '../../objects/engine_port.ts';
import type { Clock, Timer } from '../../util/clock.ts';
import type { StateAsk } from '../scsi/port_groups.ts';

/** Of all logical units of this thread; one more is told BUSY. */
const MAX_STATE_ASKS = 256;
/** Then the initiator is told that it failed. With the longest transition, under a minute. */
const ANSWER_WITHIN_MS = 12_000;

export interface StateAsksOptions {
  readonly clock: Clock;
  readonly tell: (event: AluaStatesAsked) => void;
  /** Numbers of data threads do not meet: this thread, of so many. */
  readonly self: number;
  readonly threads: number;
}

interface Waiting {
  readonly answer: (held: boolean) => void;
  readonly timer: Timer;
}

export class StateAsks {
  readonly #options: StateAsksOptions;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(options: StateAsksOptions) {
    this.#options = options;
  }

  /** As `AskStates` of a logical unit. */
  ask(
    storageObject: string,
    { itl, states }: StateAsk,
    answer: (held: boolean) => void,
  ): (() => void) | null {
    if (this.#waiting.size >= MAX_STATE_ASKS) return null;
    const { clock, tell, self, threads } = this.#options;
    const ask = ++this.#count * threads + self;
    const timer = clock.after(ANSWER_WITHIN_MS, () => this.answer(ask, false));
    this.#waiting.set(ask, { answer, timer });
    const { initiatorName: initiator } = itl.itNexus;
    tell({ type: 'aluaStatesAsked', ask, storageObject, initiator, states });
    return () => this.#take(ask);
  }

  /** That of another thread, or of a command that is over, is nothing. */
  answer(ask: number, held: boolean): void {
    this.#take(ask)?.answer(held);
  }

  #take(ask: number): Waiting | undefined {
    const waiting = this.#waiting.get(ask);
    waiting?.timer.cancel();
    this.#waiting.delete(ask);
    return waiting;
  }
}
