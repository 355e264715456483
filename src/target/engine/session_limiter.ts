/** Limits of rate as configured, on the sessions that they are for. */
import type { LimitInfo, SessionLimits } from '../../objects/engine_port.ts';
import { nameKey } from '../../objects/names.ts';
import type { Clock } from '../../util/clock.ts';
import type { Dues } from '../scsi/dues.ts';
import type { ItNexus } from '../scsi/nexus.ts';
import { isLimited, RateLimit, type Rates } from '../scsi/rate_limit.ts';
import { Throttle } from '../scsi/throttle.ts';
import type { TpgState } from './config_state.ts';

/** Of each session of the TPG alone. */
const sessionRates = ({ attributes }: TpgState): Rates => ({
  max_iops: attributes.session_max_iops,
  max_bandwidth: attributes.session_max_bandwidth,
  burst_time: attributes.session_burst_time,
});

interface Shared {
  readonly target: string;
  readonly tag: number;
  readonly initiator: string;
  readonly limit: RateLimit;
}

export class SessionLimiter {
  readonly #clock: Clock;
  readonly #duesOf: (name: string) => Dues | undefined;
  /** One for all sessions of an initiator in a TPG; only of node ACLs with a limit. */
  readonly #shared = new Map<string, Shared>();

  /** `duesOf`: with several data threads, of the limit of that name. */
  constructor(clock: Clock, duesOf: (name: string) => Dues | undefined = () => undefined) {
    this.#clock = clock;
    this.#duesOf = duesOf;
  }

  /** Holds at once, also for commands that wait already. */
  apply(nexus: ItNexus, tpg: TpgState | undefined): void {
    if (tpg === undefined) return;
    const session = this.#sessionLimit(nexus, sessionRates(tpg));
    const acl = this.#aclLimit(nexus, tpg);
    if (session === null && acl === null) {
      // Commands that wait find their way by it until they are through.
      nexus.throttle?.setLimits(null, null);
      nexus.throttle = null;
      return;
    }
    nexus.throttle ??= new Throttle();
    nexus.throttle.setLimits(session, acl);
  }

  /** Drops what no node ACL asks for any more. */
  forget(tpgOf: (target: string, tag: number) => TpgState | undefined): void {
    for (const [key, { target, tag, initiator }] of this.#shared) {
      const rates = tpgOf(target, tag)?.acls.get(initiator)?.attributes;
      if (rates === undefined || !isLimited(rates)) this.#shared.delete(key);
    }
  }

  #sessionLimit(nexus: ItNexus, rates: Rates): RateLimit | null {
    if (!isLimited(rates)) return null;
    const limit = nexus.throttle?.session ?? new RateLimit(this.#clock);
    limit.set(rates);
    return limit;
  }

  #aclLimit(nexus: ItNexus, tpg: TpgState): RateLimit | null {
    const initiator = nameKey(nexus.initiatorName);
    const rates = tpg.acls.get(initiator)?.attributes;
    if (rates === undefined || !isLimited(rates)) return null;
    const { targetName: target, tag } = tpg;
    const key = `${target} ${tag} ${initiator}`;
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { target, tag, initiator, limit: new RateLimit(this.#clock, this.#duesOf(key)) };
      this.#shared.set(key, shared);
    }
    shared.limit.set(rates);
    return shared.limit;
  }
}

function infoOf(limit: RateLimit, delayed: number): LimitInfo {
  const { max_iops, max_bandwidth } = limit.rates;
  return { maxIops: max_iops, maxBandwidth: max_bandwidth, delayed };
}

/** What holds a session back, as the shell shows it. */
export function limitsOf(nexus: ItNexus | undefined): SessionLimits | undefined {
  const throttle = nexus?.throttle;
  if (throttle === undefined || throttle === null) return undefined;
  const { session, acl, waiting, sessionDelays, aclDelays } = throttle;
  return {
    waiting,
    ...(session && { session: infoOf(session, sessionDelays) }),
    ...(acl && { acl: infoOf(acl, aclDelays) }),
  };
}
