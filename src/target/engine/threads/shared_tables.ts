/** What the session tables of the data threads agree on, by shared counters and by asking. */
import type { EndedElsewhere, OtherTables } from '../../iscsi/other_tables.ts';
import type { SessionTable } from '../../iscsi/session_table.ts';
import type { Peers } from './peers.ts';
import { WORD } from './membership_words.ts';

interface Reinstated {
  readonly key: string;
  readonly sid: number;
}
interface EndOf {
  readonly targetName: string;
  readonly reason: string;
}

export class SharedTables implements OtherTables {
  readonly threads: number;
  readonly tsihOffset: number;
  readonly #peers: Peers;
  readonly #words: Int32Array;

  constructor(peers: Peers, words: Int32Array) {
    this.threads = peers.count;
    this.tsihOffset = peers.self;
    this.#peers = peers;
    this.#words = words;
  }

  /** This thread's table, which answers what the others ask. */
  bind(table: SessionTable): void {
    this.#peers.onAsked('session.end', ({ key, sid }: Reinstated, answer) => {
      const old = table.reinstated(key, sid);
      if (old === null) answer(false);
      else old.whenIdle(() => answer(true));
    });
    this.#peers.onAsked('session.endAll', ({ targetName, reason }: EndOf, answer) => {
      table.endOwnOf(targetName, reason);
      answer();
    });
  }

  count(change: 1 | -1): number {
    return Atomics.add(this.#words, WORD.SESSIONS, change) + change;
  }

  nextSid(): number {
    return Atomics.add(this.#words, WORD.LAST_SID, 1) + 1;
  }

  endNexus(key: string, sid: number): EndedElsewhere {
    let idle = false;
    let found = false;
    let waiting: (() => void)[] = [];
    this.#peers.askAll('session.end', { key, sid } satisfies Reinstated, (answers) => {
      found = answers.includes(true);
      idle = true;
      for (const tell of waiting) tell();
      waiting = [];
    });
    return {
      get found() {
        return found;
      },
      whenIdle(tell) {
        if (idle) tell();
        else waiting.push(tell);
      },
    };
  }

  endAllOf(targetName: string, reason: string): void {
    const what: EndOf = { targetName, reason };
    this.#peers.askAll('session.endAll', what, () => {});
  }
}
