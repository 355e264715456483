/**
 * Finds initiators that fell silent: pings by NOP-In (RFC 7143 §11.19), and commands whose data
 * does not come. One timer for each concern and connection, none per command.
 */
import { NODE_ACL_ATTRIBUTES } from '../../objects/declarations/node_acl.ts';
import type { Clock, Timer } from '../../util/clock.ts';
import { encodeNopInPing } from '../pdu/nop.ts';
import type { Connection } from './connection.ts';
import { nextTag, type Session } from './session.ts';

/** A discovery session asks and leaves; anyone may open one where discovery needs no secret. */
export const DISCOVERY_IDLE_SECONDS = 300;

export interface WatchdogOptions {
  readonly connection: Connection;
  readonly session: Session;
  readonly clock: Clock;
}

export class Watchdog {
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #pingAfterMs: number;
  readonly #answerWithinMs: number;
  readonly #dataOutMs: number;
  readonly #dataOutRetries: number;
  #pingTimer: Timer | null = null;
  #dataTimer: Timer | null = null;
  #ttt = 0;
  #pinged = false;

  constructor({ connection, session, clock }: WatchdogOptions) {
    this.#connection = connection;
    this.#session = session;
    this.#clock = clock;
    const acl = session.result.acl?.attributes;
    const seconds = (name: AclTime): number => acl?.[name] ?? NODE_ACL_ATTRIBUTES[name].default;
    this.#pingAfterMs = seconds('nopin_timeout') * 1000;
    this.#answerWithinMs = seconds('nopin_response_timeout') * 1000;
    this.#dataOutMs = seconds('dataout_timeout') * 1000;
    this.#dataOutRetries = seconds('dataout_timeout_retries');
    if (this.#pingAfterMs > 0 && !session.discovery) this.#watch(this.#pingAfterMs);
    if (session.discovery) this.#watchDiscovery(DISCOVERY_IDLE_SECONDS * 1000);
    else this.#watchData();
  }

  stop(): void {
    this.#pingTimer?.cancel();
    this.#dataTimer?.cancel();
  }

  answered(ttt: number): void {
    if (ttt === this.#ttt) this.#pinged = false;
  }

  #watch(delayMs: number): void {
    this.#pingTimer = this.#clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    const { mover } = this.#connection;
    const silentMs = this.#clock.nowMs() - mover.heardMs;
    if (this.#pinged) {
      // Whatever came since the ping shows that the initiator lives.
      if (silentMs >= this.#answerWithinMs) {
        const seconds = this.#answerWithinMs / 1000;
        return this.#connection.close(`no answer to NOP-In within ${seconds} seconds`, false);
      }
      this.#pinged = false;
    }
    if (silentMs < this.#pingAfterMs) return this.#watch(this.#pingAfterMs - silentMs);
    this.#ttt = nextTag(this.#ttt);
    this.#pinged = true;
    const bhs = mover.newHeader();
    encodeNopInPing(bhs, this.#ttt);
    this.#connection.sendUnnumbered(bhs);
    return this.#watch(this.#answerWithinMs);
  }

  #watchDiscovery(delayMs: number): void {
    this.#pingTimer = this.#clock.after(delayMs, () => {
      const idleMs = this.#clock.nowMs() - this.#connection.mover.heardMs;
      const left = DISCOVERY_IDLE_SECONDS * 1000 - idleMs;
      if (left > 0) return this.#watchDiscovery(left);
      const why = `no request in a discovery session for ${DISCOVERY_IDLE_SECONDS} seconds`;
      return this.#connection.close(why, true);
    });
  }

  #watchData(): void {
    this.#dataTimer = this.#clock.after(this.#dataOutMs, () => {
      if (this.#stalled()) {
        const seconds = (this.#dataOutMs / 1000) * this.#dataOutRetries;
        this.#connection.close(`no Data-Out within ${seconds} seconds`, false);
      } else {
        this.#watchData();
      }
    });
  }

  #stalled(): boolean {
    if (this.#session.tasks.size === 0) return false;
    for (const task of this.#session.tasks.all()) {
      const moved = !task.waitsForData || task.progress !== task.lastProgress;
      task.stalls = moved ? 0 : task.stalls + 1;
      task.lastProgress = task.progress;
      if (task.stalls >= this.#dataOutRetries) return true;
    }
    return false;
  }
}

type AclTime =
  'nopin_timeout' | 'nopin_response_timeout' | 'dataout_timeout' | 'dataout_timeout_retries';
