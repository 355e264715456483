/**
 * What one chunk of input brings is worked on together: while a turn is open, whoever does many
 * things at the price of one puts them off until it ends. Bytes of the chunk stay where they are
 * until then.
 */
export class InputTurn {
  #open = false;
  readonly #puttingOff: (() => void)[] = [];

  get open(): boolean {
    return this.#open;
  }

  begin(): void {
    this.#open = true;
  }

  /** To be called while a turn is open; `run` is called once, when it ends. */
  whenOver(run: () => void): void {
    this.#puttingOff.push(run);
  }

  /** What is done now may bring more, which is put off and done as well. */
  end(): void {
    let mistake: unknown;
    for (let run = this.#puttingOff.shift(); run !== undefined; run = this.#puttingOff.shift()) {
      try {
        run();
      } catch (error) {
        // One mistake must not keep the others waiting for ever.
        mistake ??= error;
      }
    }
    this.#open = false;
    if (mistake !== undefined) throw mistake as Error;
  }
}

/** Of this thread. */
export const INPUT_TURN = new InputTurn();
