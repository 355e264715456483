/**
 * The first frames of an MPA connection, either role (RFC 5044 §7.1): bytes in, an agreement or the
 * end of the connection out. Nothing of the peer is kept beyond one frame.
 */
import {
  answerMpaRequest,
  mpaRequestOf,
  rejectionOf,
  takeMpaReply,
  type MpaAgreement,
  type MpaOffer,
} from './mpa_negotiation.ts';
import { parseMpaFrame, type MpaFrame } from './mpa_frame.ts';
import type { Fault } from './terminate.ts';

export interface ResponderOptions {
  readonly role: 'responder';
  /** What we offer to whom asks with this private data; a string: why it is refused. */
  readonly offerFor: (privateData: Buffer) => MpaOffer | string;
  /** Another data thread has sent the reply, and read what follows it. */
  readonly answered?: boolean;
}
export interface InitiatorOptions {
  readonly role: 'initiator';
  readonly offer: MpaOffer;
  /** False: as revision 1 does it. */
  readonly enhanced: boolean;
}
export type StartupOptions = ResponderOptions | InitiatorOptions;

export type StartupStep =
  | { readonly state: 'incomplete' }
  /** `reply`: to be sent first, or null. `rest`: what came behind the frame. */
  | {
      readonly state: 'agreed';
      readonly reply: Buffer | null;
      readonly agreement: MpaAgreement;
      readonly rest: Buffer;
    }
  /** `terminate`: the reply is in, and is answered by that. */
  | {
      readonly state: 'refused';
      readonly reply: Buffer | null;
      readonly why: string;
      readonly terminate?: { readonly fault: Fault; readonly crc: boolean } | null;
    };

const INCOMPLETE: StartupStep = { state: 'incomplete' };

export class Startup {
  readonly #options: StartupOptions;
  #gathered = Buffer.alloc(0);

  constructor(options: StartupOptions) {
    this.#options = options;
  }

  /** What this side says first; null: it waits. */
  opening(): Buffer | null {
    const options = this.#options;
    return options.role === 'initiator' ? mpaRequestOf(options.offer, options.enhanced) : null;
  }

  /** At most one frame is gathered: whatever is longer is refused by its first bytes. */
  take(chunk: Buffer): StartupStep {
    const bytes = this.#gathered.length === 0 ? chunk : Buffer.concat([this.#gathered, chunk]);
    const { role } = this.#options;
    const parsed = parseMpaFrame(bytes, role === 'responder' ? 'request' : 'reply');
    if (parsed.state === 'incomplete') {
      this.#gathered = Buffer.from(bytes);
      return INCOMPLETE;
    }
    this.#gathered = Buffer.alloc(0);
    if (parsed.state === 'invalid') return { state: 'refused', reply: null, why: parsed.why };
    const rest = bytes.subarray(parsed.length);
    return role === 'responder'
      ? this.#respond(parsed.frame, rest)
      : this.#conclude(parsed.frame, rest);
  }

  #respond(request: MpaFrame, rest: Buffer): StartupStep {
    const options = this.#options;
    if (options.role !== 'responder') return INCOMPLETE;
    const { answered = false } = options;
    // RFC 5044 §7.1: the initiator sends nothing more before it has the reply.
    if (rest.length > 0 && !answered) {
      return { state: 'refused', reply: null, why: 'bytes behind the MPA request' };
    }
    const offer = options.offerFor(request.privateData);
    if (typeof offer === 'string') {
      return { state: 'refused', reply: answered ? null : rejectionOf(request), why: offer };
    }
    const answer = answerMpaRequest(request, offer);
    if (!answer.ok) return { state: 'refused', reply: answer.reply, why: answer.why };
    const { reply, agreement } = answer;
    return { state: 'agreed', reply: answered ? null : reply, agreement, rest };
  }

  #conclude(reply: MpaFrame, rest: Buffer): StartupStep {
    const options = this.#options;
    if (options.role !== 'initiator') return INCOMPLETE;
    const outcome = takeMpaReply(reply, options.offer, options.enhanced);
    if (!outcome.ok) {
      const { why, terminate } = outcome;
      return { state: 'refused', reply: null, why, terminate };
    }
    return { state: 'agreed', reply: null, agreement: outcome.agreement, rest };
  }
}
