/** The latest logins that were refused, for `sessions refused`: bounded, whatever peers do. */
import type { RefusedLoginInfo } from '../../objects/engine_port.ts';
import type { Clock } from '../../util/clock.ts';
import type { RefusedLogin } from '../iscsi/iscsi_host.ts';

/** Refusals kept; equal ones count as one, so an initiator that tries again fills nothing. */
export const MAX_REFUSED_LOGINS = 64;
/** Names come from peers. */
const MAX_TEXT_LENGTH = 256;

interface Kept {
  readonly what: RefusedLogin;
  count: number;
  lastMs: number;
}

const cut = (text: string): string => text.slice(0, MAX_TEXT_LENGTH);

export class RefusedLogins {
  /** In the order of the last refusal. */
  readonly #kept = new Map<string, Kept>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(event: RefusedLogin): void {
    const { initiator, target, address, rule, statusClass, statusDetail } = event;
    const what = {
      initiator: cut(initiator),
      target: cut(target),
      address: cut(address),
      rule: cut(rule),
      statusClass,
      statusDetail,
    };
    const key = JSON.stringify(Object.values(what));
    const count = (this.#kept.get(key)?.count ?? 0) + 1;
    this.#kept.delete(key);
    this.#kept.set(key, { what, count, lastMs: this.#clock.nowMs() });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_REFUSED_LOGINS && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Newest first. */
  list(): readonly RefusedLoginInfo[] {
    const now = this.#clock.nowMs();
    return [...this.#kept.values()].reverse().map(({ what, count, lastMs }) => ({
      ...what,
      count,
      ageSeconds: Math.floor((now - lastMs) / 1000),
    }));
  }
}
