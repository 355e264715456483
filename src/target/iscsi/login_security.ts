/** The security stage of a login (RFC 7143 §6.3.2): which method, and its exchange. */
import { keyDeclaration } from '../../objects/iscsi_keys.ts';
import { LOGIN_STATUS } from '../pdu/login.ts';
import { shownText } from '../pdu/text.ts';
import type { TextPair, TextPairs } from '../pdu/text.ts';
import { missingCredentials } from '../../objects/access_rules.ts';
import type { AuthPolicy } from '../../objects/access_rules.ts';
import type { Denied } from './access.ts';
import { CHAP_KEYS, ChapExchange } from './chap.ts';
import type { LoginResult } from './directory.ts';
import { firstCommon, NOT_UNDERSTOOD } from './negotiation.ts';

/** For the log; who logs in is known to the receiver. */
export type LoginNote = (message: string) => void;

/** `held`: the stage cannot be left yet. */
type Outcome = Denied | { readonly denied: false; readonly held: boolean };

function failed(rule: string): Denied {
  return { denied: true, status: LOGIN_STATUS.AUTHENTICATION_FAILURE, rule };
}
function violated(rule: string): Denied {
  return { denied: true, status: LOGIN_STATUS.INITIATOR_ERROR, rule };
}

export class LoginSecurity {
  readonly #policy: AuthPolicy;
  readonly #randomBytes: (n: number) => Buffer;
  readonly #note: LoginNote;
  #method: string | undefined;
  #methodOffered = false;
  #chap: ChapExchange | undefined;
  #authenticated: LoginResult['authenticated'] = 'none';

  constructor(policy: AuthPolicy, randomBytes: (n: number) => Buffer, note: LoginNote) {
    this.#policy = policy;
    this.#randomBytes = randomBytes;
    this.#note = note;
  }

  get authenticated(): LoginResult['authenticated'] {
    return this.#authenticated;
  }

  /** The keys of one request; what we say is added to `answer`. */
  take(pairs: TextPairs, transit: boolean, answer: TextPair[]): Outcome {
    for (const [name, value] of pairs) {
      const denied = this.#takeKey(name, value, answer);
      if (denied) return denied;
    }
    const denied = this.#takeChap(pairs, answer);
    if (denied) return denied;
    return this.#leave(transit, answer);
  }

  #takeKey(name: string, value: string, answer: TextPair[]): Denied | undefined {
    if (CHAP_KEYS.has(name)) return undefined;
    if (name === 'AuthMethod') return this.#takeMethod(value, answer);
    if (keyDeclaration(name) !== undefined) {
      return violated(`operational key ${name} in the security stage`);
    }
    answer.push([name, NOT_UNDERSTOOD]);
    return undefined;
  }

  #takeMethod(list: string, answer: TextPair[]): Denied | undefined {
    if (this.#method !== undefined) return violated('AuthMethod is sent twice');
    const { methods, required, credentials, owner } = this.#policy;
    const method = firstCommon(list, methods);
    if (method === undefined) {
      const offers = `the initiator offers AuthMethod=${shownText(list)}`;
      return failed(
        required
          ? `CHAP is required but ${offers}`
          : `no authentication method in common: ${offers}, we have ${methods.join(',')}`,
      );
    }
    const lacking = missingCredentials(this.#policy);
    if (lacking !== undefined) return failed(lacking);
    this.#method = method;
    // The reply to our own offer is not answered again (RFC 7143 §6.2).
    if (!this.#methodOffered) answer.push(['AuthMethod', method]);
    if (method === 'CHAP') this.#chap = new ChapExchange(credentials, owner, this.#randomBytes);
    return undefined;
  }

  #takeChap(pairs: TextPairs, answer: TextPair[]): Denied | undefined {
    const present = [...CHAP_KEYS].some((key) => pairs.has(key));
    if (!present) return undefined;
    if (!this.#chap) return failed('CHAP keys without AuthMethod=CHAP');
    if (this.#authenticated !== 'none') return failed('CHAP keys after the end of the exchange');
    const step = this.#chap.step(pairs);
    if (step.state === 'failed') return failed(step.rule);
    answer.push(...step.answer);
    if (step.state === 'going') return undefined;
    this.#authenticated = step.mutual ? 'mutual CHAP' : 'CHAP';
    const { mutual_userid: userid, mutual_password: secret } = this.#policy.credentials;
    if (!step.mutual && userid !== '' && secret !== '') {
      // RFC 7143 §12.1.3: whether the target proves itself too is the initiator's choice.
      this.#note('mutual CHAP is configured but the initiator did not ask for it');
    }
    return undefined;
  }

  #leave(transit: boolean, answer: TextPair[]): Outcome {
    if (this.#method === 'CHAP') return { denied: false, held: this.#authenticated === 'none' };
    if (this.#method !== undefined || !this.#policy.required) return { denied: false, held: false };
    if (!transit) return { denied: false, held: true };
    if (this.#methodOffered)
      return failed('CHAP is required but the initiator sends no AuthMethod');
    const lacking = missingCredentials(this.#policy);
    if (lacking !== undefined) return failed(lacking);
    // Silence about AuthMethod: we open the negotiation ourselves, once.
    this.#methodOffered = true;
    answer.push(['AuthMethod', this.#policy.methods.join(',')]);
    return { denied: false, held: true };
  }
}
