/**
 * The session tables of the other data threads (docs/ARCHITECTURE.md, "Data threads"), and what all
 * tables must agree on. `noOthers` where one thread serves all sessions.
 */

/** Whose commands must stop before a login is answered. */
export interface Settling {
  /** Calls back once, perhaps within the call. */
  whenIdle(idle: () => void): void;
  /** Why the login is refused after all; null: it is not. Final once idle. */
  refusal?(): LateRefusal | null;
}

export interface LateRefusal {
  readonly statusClass: number;
  readonly statusDetail: number;
  readonly rule: string;
}

/** What becomes of sessions of one nexus in the other tables. */
export interface EndedElsewhere extends Settling {
  /** There was one, which has ended. False as long as that is not known. */
  readonly found: boolean;
}

export interface OtherTables {
  /** Data threads in all; limits on what one table counts for itself are divided by it. */
  readonly threads: number;
  /** TSIHs of this table are `tsihOffset` modulo `threads`, so that a TSIH names its thread. */
  readonly tsihOffset: number;
  /** One session more or less here; gives those of all tables. */
  count(change: 1 | -1): number;
  /** Unique over all tables, and rising. */
  nextSid(): number;
  /**
   * Ends the session of that nexus in the other tables, if it is older than `sid`. Null: there are
   * no other tables.
   */
  endNexus(key: string, sid: number): EndedElsewhere | null;
  endAllOf(targetName: string, reason: string): void;
}

export function noOthers(): OtherTables {
  let sessions = 0;
  let lastSid = 0;
  return {
    threads: 1,
    tsihOffset: 0,
    count: (change) => (sessions += change),
    nextSid: () => ++lastSid,
    endNexus: () => null,
    endAllOf: () => {},
  };
}
