/** Who logs in to what: the keys that the first text of a login must declare. */
import { LOGIN_STATUS } from '../pdu/login.ts';
import { shownText } from '../pdu/text.ts';
import type { TextPair, TextPairs } from '../pdu/text.ts';
import type { Denied } from './access.ts';

const KEYS: ReadonlySet<string> = new Set([
  'InitiatorName',
  'InitiatorAlias',
  'TargetName',
  'SessionType',
]);

/** Blanks, control and format characters: no name holds them (RFC 3722 §5). */
const NOT_IN_NAMES = /[\p{C}\p{Z}]/u;

export class Parties {
  readonly initiatorName: string;
  readonly initiatorAlias: string;
  /** Empty in discovery sessions that name none. */
  readonly targetName: string;
  readonly sessionType: 'Normal' | 'Discovery';
  readonly #declared = new Map<string, string>();

  constructor(pairs: TextPairs, sessionType: 'Normal' | 'Discovery') {
    this.initiatorName = pairs.get('InitiatorName') ?? '';
    // Shown to administrators, so that nothing in it may steer their terminal.
    this.initiatorAlias = (pairs.get('InitiatorAlias') ?? '').replace(/\p{C}/gu, '');
    this.targetName = pairs.get('TargetName') ?? '';
    this.sessionType = sessionType;
    for (const key of KEYS) {
      const value = pairs.get(key);
      if (value !== undefined) this.#declared.set(key, value);
    }
  }

  /** A declaration repeated with the same value is forgiven: initiators do it. */
  contradicts(pairs: TextPairs): string | undefined {
    for (const key of KEYS) {
      const value = pairs.get(key);
      if (value === undefined) continue;
      const before = this.#declared.get(key);
      if (before === undefined && key === 'InitiatorAlias') this.#declared.set(key, value);
      else if (value !== before) return `${key} changed during login`;
    }
    return undefined;
  }

  /** The keys that remain to be negotiated. */
  without(pairs: TextPairs): TextPairs {
    return new Map([...pairs].filter(([key]: TextPair) => !KEYS.has(key)));
  }
}

function missing(rule: string): Denied {
  return { denied: true, status: LOGIN_STATUS.MISSING_PARAMETER, rule };
}

export function readParties(pairs: TextPairs): Parties | Denied {
  const initiator = pairs.get('InitiatorName') ?? '';
  // RFC 7143 §13.5, §13.4: both names stand in the first request.
  if (initiator === '') return missing('the first login request lacks InitiatorName');
  const sessionType = pairs.get('SessionType') ?? 'Normal';
  if (sessionType !== 'Normal' && sessionType !== 'Discovery') {
    const rule = `SessionType ${shownText(sessionType)} does not exist`;
    return { denied: true, status: LOGIN_STATUS.SESSION_TYPE_NOT_SUPPORTED, rule };
  }
  const target = pairs.get('TargetName') ?? '';
  if (target === '' && sessionType === 'Normal') {
    return missing('the first login request of a normal session lacks TargetName');
  }
  if (NOT_IN_NAMES.test(initiator) || NOT_IN_NAMES.test(target)) {
    const rule = 'a name holds blanks or control characters';
    return { denied: true, status: LOGIN_STATUS.INITIATOR_ERROR, rule };
  }
  return new Parties(pairs, sessionType);
}
