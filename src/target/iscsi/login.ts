/**
 * The login phase of one connection (RFC 7143 §6.3): a Login Request in, a Login Response out.
 * Knows no socket; whatever a peer sends ends as a response, never as an exception.
 */
import { randomBytes } from 'node:crypto';
import type { Log } from '../../util/log.ts';
import { invalidLoginRequest, LOGIN_STATUS, LoginRequest, STAGE, VERSION } from '../pdu/login.ts';
import type { LoginResponseFields, LoginStatus } from '../pdu/login.ts';
import { decodeText, encodeText, TEXT_SEGMENT_MAX } from '../pdu/text.ts';
import type { TextPair, TextPairs } from '../pdu/text.ts';
import { admit, admitDiscovery } from './access.ts';
import type { Admitted, Denied } from './access.ts';
import type { LateRefusal } from './other_tables.ts';
import { readParties } from './login_parties.ts';
import type { Parties } from './login_parties.ts';
import { LoginSecurity } from './login_security.ts';
import { Negotiation, valueLimitOf } from './negotiation.ts';
import type { Endpoint, LoginResult, TargetDirectory } from './directory.ts';

/** Limits of one login, whatever stage it is in. */
export const LOGIN_PDUS_MAX = 64;
export const LOGIN_BYTES_MAX = 65_536;

export interface LoginRefusal {
  readonly initiator: string;
  readonly target: string;
  /** One sentence for the administrator; the peer learns the status only. */
  readonly rule: string;
  readonly statusClass: number;
  readonly statusDetail: number;
}
export type Established = { readonly tsih: number } | LateRefusal;

export interface LoginServices {
  readonly directory: TargetDirectory;
  readonly endpoint: Endpoint;
  readonly log: Log;
  readonly randomBytes?: (n: number) => Buffer;
  /** Called with the finished negotiation before the last response; makes or reinstates the
   * session. */
  establish(result: LoginResult): Established;
  refused(event: LoginRefusal): void;
}

export interface LoginStep {
  /** For `encodeLoginResponse`; StatSN, ExpCmdSN and MaxCmdSN are the connection's to stamp. */
  readonly response: LoginResponseFields;
  /** Data segment of the response. */
  readonly text: Buffer;
  /** Present with the last response of a successful login. */
  readonly finished?: LoginResult;
  /** Close once the response is sent. */
  readonly close?: boolean;
}

/** What must not change from one request of a login to the next. */
interface Pinned {
  readonly itt: number;
  readonly isid: string;
  readonly cid: number;
  readonly tsih: number;
  readonly cmdSN: number;
}
/** Everything known once the first text is read. */
interface Opened {
  readonly parties: Parties;
  readonly negotiation: Negotiation;
  readonly security: LoginSecurity;
}
type Outcome = Denied | { readonly denied: false; readonly held: boolean };

const EMPTY = Buffer.alloc(0);
const GRANTED: Outcome = { denied: false, held: false };
const HELD: Outcome = { denied: false, held: true };

function deny(status: LoginStatus, rule: string): Denied {
  return { denied: true, status, rule };
}

export class LoginMachine {
  readonly #services: LoginServices;
  #pinned: Pinned | undefined;
  #stage: number | undefined;
  #pdus = 0;
  #bytes = 0;
  /** Segments of a C-bit chain that is still coming in. */
  #parts: Buffer[] = [];
  /** The end of an answer too long for one response. */
  #unsent: Buffer = EMPTY;
  /** Kept apart from `#opened`: a refusal names whom it refused. */
  #parties: Parties | undefined;
  #opened: Opened | undefined;
  #tagSent = false;
  #over = false;
  /** The last text left something open: no transition with its response. */
  #held = false;

  constructor(services: LoginServices) {
    this.#services = services;
  }

  /** One Login Request: header and complete data segment. Never throws. */
  step(bhs: Buffer, data: Buffer): LoginStep {
    const request = new LoginRequest(bhs);
    const wrong = this.#checkRequest(request, data);
    if (wrong) return this.#refuse(request, wrong);
    if (this.#unsent.length > 0) return this.#continueAnswer(request, data);
    if (request.continues) {
      // Lent bytes are copied: the rest of the chain comes with later requests.
      this.#parts.push(Buffer.from(data));
      return { response: this.#fields(request), text: EMPTY };
    }
    const text = this.#parts.length === 0 ? data : Buffer.concat([...this.#parts, data]);
    this.#parts = [];
    return this.#takeText(request, text);
  }

  /** The login that `step` grants is refused after all. */
  takeBack({ response }: LoginStep, refusal: LateRefusal): LoginStep {
    const { statusClass, statusDetail } = refusal;
    this.#tellRefused(refusal);
    const refused = { ...response, tsih: 0, transit: false, nsg: 0, statusClass, statusDetail };
    return { response: refused, text: EMPTY, close: true };
  }

  #checkRequest(request: LoginRequest, data: Buffer): Denied | undefined {
    const bad = (rule: string) => deny(LOGIN_STATUS.INITIATOR_ERROR, rule);
    if (this.#over) return deny(LOGIN_STATUS.INVALID_DURING_LOGIN, 'request after the login ended');
    this.#pdus += 1;
    this.#bytes += data.length;
    if (this.#pdus > LOGIN_PDUS_MAX) return bad(`login of more than ${LOGIN_PDUS_MAX} requests`);
    if (this.#bytes > LOGIN_BYTES_MAX) return bad(`login of more than ${LOGIN_BYTES_MAX} bytes`);
    // RFC 7143 §11.12.4: version 0 is the only one.
    if (request.versionMin > VERSION) {
      const rule = `the initiator demands protocol version ${request.versionMin}`;
      return deny(LOGIN_STATUS.UNSUPPORTED_VERSION, rule);
    }
    const invalid = invalidLoginRequest(request.bhs);
    if (invalid !== undefined) return bad(invalid);
    const { itt, isid, cid, tsih, cmdSN } = request;
    this.#pinned ??= { itt, isid, cid, tsih, cmdSN };
    const pinned = this.#pinned;
    // RFC 7143 §11.12: all requests of one login carry the same of each.
    if (pinned.itt !== itt) return bad('Initiator Task Tag changed during login');
    if (pinned.isid !== isid) return bad('ISID changed during login');
    if (pinned.cid !== cid) return bad('CID changed during login');
    if (pinned.tsih !== tsih) return bad('TSIH changed during login');
    if (pinned.cmdSN !== cmdSN) return bad('CmdSN changed during login');
    this.#stage ??= request.csg;
    if (this.#stage !== request.csg) {
      return bad(`request of stage ${request.csg} while the login is in stage ${this.#stage}`);
    }
    return undefined;
  }

  #continueAnswer(request: LoginRequest, data: Buffer): LoginStep {
    // RFC 7143 §11.13.2: while our answer has C set, requests are empty.
    if (data.length > 0 || request.continues) {
      const rule = 'keys sent before our answer was fetched';
      return this.#refuse(request, deny(LOGIN_STATUS.INITIATOR_ERROR, rule));
    }
    return this.#respond(request, this.#unsent);
  }

  #takeText(request: LoginRequest, text: Buffer): LoginStep {
    const decoded = decodeText(text, valueLimitOf);
    if (!decoded.ok) {
      return this.#refuse(request, deny(LOGIN_STATUS.INITIATOR_ERROR, decoded.reason));
    }
    const opened = this.#opened ?? this.#open(request, decoded.pairs);
    if ('denied' in opened) return this.#refuse(request, opened);
    this.#opened = opened;
    const repeated = opened.parties.contradicts(decoded.pairs);
    if (repeated !== undefined) {
      return this.#refuse(request, deny(LOGIN_STATUS.INITIATOR_ERROR, repeated));
    }
    const rest = opened.parties.without(decoded.pairs);
    const answer: TextPair[] = [];
    this.#addTag(opened, answer);
    const outcome =
      request.csg === STAGE.SECURITY
        ? opened.security.take(rest, request.transit, answer)
        : this.#negotiate(opened.negotiation, rest, answer);
    if (outcome.denied) return this.#refuse(request, outcome);
    this.#held = outcome.held;
    return this.#respond(request, encodeText(answer));
  }

  /** The first text: who wants what, and whether we let them go on. */
  #open(request: LoginRequest, pairs: TextPairs): Opened | Denied {
    const parties = readParties(pairs);
    if ('denied' in parties) return parties;
    this.#parties = parties;
    const admitted = this.#admit(parties);
    if (admitted.denied) return admitted;
    const discovery = parties.sessionType === 'Discovery';
    const security = new LoginSecurity(
      admitted.policy,
      this.#services.randomBytes ?? randomBytes,
      (message) => {
        const { initiatorName: initiator, targetName: target } = parties;
        this.#services.log.info(message, { initiator, target });
      },
    );
    // RFC 7143 §6.3.2: who must authenticate may not skip the security stage.
    if (request.csg !== STAGE.SECURITY && admitted.policy.required) {
      const rule = 'CHAP is required but the initiator skips the security stage';
      return deny(LOGIN_STATUS.AUTHENTICATION_FAILURE, rule);
    }
    const iser = this.#services.endpoint.transport === 'iSER';
    const negotiation = new Negotiation(admitted.tpg?.parameters ?? {}, discovery, iser);
    return { parties, negotiation, security };
  }

  #admit(parties: Parties): Admitted | Denied {
    const { directory, endpoint } = this.#services;
    if (parties.sessionType === 'Discovery') return admitDiscovery(directory);
    return admit(directory, endpoint, parties.targetName, parties.initiatorName);
  }

  /** RFC 7143 §13.9: the tag stands in the first response to a normal session's login. */
  #addTag(opened: Opened, answer: TextPair[]): void {
    if (this.#tagSent || opened.parties.sessionType === 'Discovery') return;
    this.#tagSent = true;
    const admitted = this.#admit(opened.parties);
    if (admitted.denied || !admitted.tpg) return;
    answer.push(['TargetPortalGroupTag', String(admitted.tpg.tag)]);
  }

  #negotiate(negotiation: Negotiation, pairs: TextPairs, answer: TextPair[]): Outcome {
    for (const [name, value] of burstLimitFirst(pairs)) {
      const taken = negotiation.take(name, value);
      if (!taken.ok) return deny(LOGIN_STATUS.INITIATOR_ERROR, taken.rule);
      if (taken.answer !== undefined) answer.push([name, taken.answer]);
    }
    answer.push(...negotiation.declarations());
    const offers = negotiation.offers();
    answer.push(...offers);
    // Our own offers want an answer first, once: afterwards the transition is granted.
    return offers.length > 0 ? HELD : GRANTED;
  }

  /** `text` as far as one response holds it; the transition goes with its end. */
  #respond(request: LoginRequest, text: Buffer): LoginStep {
    const piece = text.subarray(0, TEXT_SEGMENT_MAX);
    this.#unsent = text.subarray(TEXT_SEGMENT_MAX);
    if (this.#unsent.length > 0) {
      return { response: { ...this.#fields(request), continues: true }, text: piece };
    }
    // RFC 7143 §11.13.3: T only in answer to T, to the stage asked for.
    if (!request.transit || this.#held) return { response: this.#fields(request), text: piece };
    if (request.nsg === STAGE.FULL_FEATURE) return this.#finish(request, piece);
    this.#stage = request.nsg;
    const response = { ...this.#fields(request), transit: true, nsg: request.nsg };
    return { response, text: piece };
  }

  #finish(request: LoginRequest, text: Buffer): LoginStep {
    const result = this.#result(request);
    if ('denied' in result) return this.#refuse(request, result);
    const made = this.#services.establish(result);
    if ('rule' in made) return this.#refuseWith(request, made);
    this.#over = true;
    const response = {
      ...this.#fields(request),
      tsih: made.tsih,
      transit: true,
      nsg: STAGE.FULL_FEATURE,
    };
    return { response, text, finished: result };
  }

  /** Admission is asked again: the configuration may have changed since the first request. */
  #result(request: LoginRequest): LoginResult | Denied {
    const opened = this.#opened;
    if (!opened) return deny(LOGIN_STATUS.TARGET_ERROR, 'login ended before it began');
    const { parties, security, negotiation } = opened;
    const admitted = this.#admit(parties);
    if (admitted.denied) return admitted;
    if (admitted.policy.required && security.authenticated === 'none') {
      const rule = 'CHAP became required during the login';
      return deny(LOGIN_STATUS.AUTHENTICATION_FAILURE, rule);
    }
    const refusal = negotiation.refusal();
    if (refusal !== null) return deny(LOGIN_STATUS.MISSING_PARAMETER, refusal);
    return {
      sessionType: parties.sessionType,
      initiatorName: parties.initiatorName,
      initiatorAlias: parties.initiatorAlias,
      isid: request.isid,
      cid: request.cid,
      tsih: request.tsih,
      cmdSN: request.cmdSN,
      tpg: admitted.tpg,
      acl: admitted.acl,
      authenticated: security.authenticated,
      keys: negotiation.keys(),
    };
  }

  #fields(request: LoginRequest): LoginResponseFields {
    return {
      itt: request.itt,
      isid: request.isid,
      tsih: request.tsih,
      transit: false,
      continues: false,
      csg: request.csg,
      nsg: 0,
      statusClass: 0,
      statusDetail: 0,
    };
  }

  #refuse(request: LoginRequest, denied: Denied): LoginStep {
    const { status, rule } = denied;
    return this.#refuseWith(request, {
      statusClass: status >> 8,
      statusDetail: status & 0xff,
      rule,
    });
  }

  #refuseWith(request: LoginRequest, refusal: LateRefusal): LoginStep {
    if (!this.#over) this.#tellRefused(refusal);
    this.#over = true;
    this.#parts = [];
    this.#unsent = EMPTY;
    const { statusClass, statusDetail } = refusal;
    const response = { ...this.#fields(request), statusClass, statusDetail };
    return { response, text: EMPTY, close: true };
  }

  #tellRefused(refusal: LateRefusal): void {
    const parties = this.#parties;
    this.#services.refused({
      initiator: parties?.initiatorName ?? '',
      target: parties?.targetName ?? '',
      ...refusal,
    });
  }
}

/** RFC 7143 §13.14: FirstBurstLength is bounded by MaxBurstLength, which so comes first. */
function burstLimitFirst(pairs: TextPairs): Iterable<TextPair> {
  const limit = pairs.get('MaxBurstLength');
  if (limit === undefined || !pairs.has('FirstBurstLength')) return pairs;
  return new Map([['MaxBurstLength', limit], ...pairs]);
}
