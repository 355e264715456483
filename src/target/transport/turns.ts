/**
 * Who may take how long of one turn of the event loop. A session with a deep queue sends hundreds
 * of commands in one chunk, and one that waits for each answer would wait behind all of them each
 * time. While such a session is there, the deep ones serve a little of their chunk per turn.
 */

/** What a connection with more to do may take of a turn that it shares. */
export const SHARE_MS = 0.012;
/** A chunk of so few PDUs is that of a session that waits for its answers. */
const SHALLOW_PDUS = 4;
/** After this silence nobody waits any more. */
const RECENT_MS = 5;

export class Turns {
  /** The latest two connections that sent little, by when they did. */
  #last: object | null = null;
  #lastMs = -Infinity;
  #other: object | null = null;
  #otherMs = -Infinity;

  /** A connection has served all that it was sent, so many PDUs. True: it sends little. */
  served(connection: object, pdus: number, nowMs: number): boolean {
    if (pdus > SHALLOW_PDUS) return false;
    if (this.#last !== connection) {
      this.#other = this.#last;
      this.#otherMs = this.#lastMs;
      this.#last = connection;
    }
    this.#lastMs = nowMs;
    return true;
  }

  /** When the connection is to let others go on; Infinity while nobody waits. */
  deadline(connection: object, nowMs: number): number {
    const last = this.#last !== connection && nowMs - this.#lastMs < RECENT_MS;
    const other = this.#other !== connection && nowMs - this.#otherMs < RECENT_MS;
    return last || other ? nowMs + SHARE_MS : Infinity;
  }
}

/** Of this thread's event loop. */
export const TURNS = new Turns();
