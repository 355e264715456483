/**
 * What one chunk of input brings is worked on together: while a turn is open, whoever does many
 * things at the price of one puts them off until it ends. Bytes of the chunk stay where they are
 * until then.
 */
export class InputTurn {
  #open = false;
  #mistake: Error | null = null;
  readonly #puttingOff: (() => void)[] = [];

  get open(): boolean {
    return this.#open;
  }

  begin(): void {
    this.#open = true;
    this.#mistake = null;
  }

  /** To be called while a turn is open; `run` is called once, when it ends. */
  whenOver(run: () => void): void {
    this.#puttingOff.push(run);
  }

  /**
   * What one command of the turn threw: a mistake of ours, which must not keep the others waiting
   * for ever. It is thrown again when the turn is over.
   */
  mistake(error: unknown): void {
    if (!this.#open) throw error as Error;
    this.#mistake ??= error instanceof Error ? error : new Error(String(error));
  }

  /** What is done now may bring more, which is put off and done as well. */
  end(): void {
    for (let run = this.#puttingOff.shift(); run !== undefined; run = this.#puttingOff.shift()) {
      try {
        run();
      } catch (error) {
        this.mistake(error);
      }
    }
    this.#open = false;
    if (this.#mistake !== null) throw this.#mistake;
  }
}

/** Of this thread. */
export const INPUT_TURN = new InputTurn();
