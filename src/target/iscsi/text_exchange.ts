/**
 * Text Requests in the full feature phase (RFC 7143 §6.4, §11.10): one exchange at a time, its
 * answer made and sent in pieces of what the initiator receives.
 */
import { keyDeclaration, TPG_PARAMETERS } from '../../objects/iscsi_keys.ts';
import { RESERVED_TAG } from '../pdu/bhs.ts';
import { invalidTextRequest, TextRequest } from '../pdu/text_request.ts';
import type { TextResponseFields } from '../pdu/text_request.ts';
import { decodeNumber, decodeText, encodePair, shownText, TEXT_BYTES_MAX } from '../pdu/text.ts';
import type { TextPair, TextPairs } from '../pdu/text.ts';
import { sendTargets } from './discovery.ts';
import { NOT_UNDERSTOOD, REJECT, valueLimitOf } from './negotiation.ts';
import type { Endpoint, LoginResult, TargetDirectory } from './directory.ts';

export interface TextServices {
  readonly directory: TargetDirectory;
  readonly endpoint: Endpoint;
  readonly result: LoginResult;
}
export type TextStep =
  | {
      /** For `encodeTextResponse`; the sequence numbers are the connection's to stamp. */
      readonly response: TextResponseFields;
      readonly text: Buffer;
      /** Limit of Data-In segments from now on, where the exchange that ends here changed it. */
      readonly newMaxSendDataSegmentLength?: number;
    }
  /** Reason of a Reject PDU (RFC 7143 §11.17.1), and why. */
  | { readonly reject: number; readonly rule: string };

const REASON = { PROTOCOL_ERROR: 0x04, INVALID_PDU_FIELD: 0x09 } as const;
/** Never more in one response, however much the initiator takes. */
const PIECE_MAX = 65_536;
const EMPTY = Buffer.alloc(0);
const SEGMENT_RANGE = TPG_PARAMETERS.MaxRecvDataSegmentLength;
const XMIT_DEFAULT = TPG_PARAMETERS.MaxXmitDataSegmentLength.default;
const ISCSI_NAME = /^(iqn|eui|naa)\./i;

interface Exchange {
  readonly itt: number;
  readonly ttt: number;
  /** Segments of a C-bit chain that is still coming in. */
  parts: Buffer[];
  partsLength: number;
  /** Pairs that are still to be made into text. */
  answers: Iterator<TextPair>[];
  /** Text made but not sent. */
  ready: Buffer;
  segment: number | undefined;
}

function isReject(step: unknown): step is { reject: number; rule: string } {
  return typeof step === 'object' && step !== null && 'reject' in step;
}

export class TextMachine {
  readonly #services: TextServices;
  readonly #maxXmit: number;
  #maxSend: number;
  #exchange: Exchange | undefined;
  #lastTtt = 0;

  constructor(services: TextServices) {
    this.#services = services;
    this.#maxSend = services.result.keys.maxSendDataSegmentLength;
    const xmit = services.result.tpg?.parameters.MaxXmitDataSegmentLength ?? XMIT_DEFAULT;
    // RFC 7145 §6.2: with RDMA a new MaxRecvDataSegmentLength changes nothing.
    this.#maxXmit = services.endpoint.transport === 'iSER' ? this.#maxSend : xmit;
  }

  /** One Text Request: header and complete data segment. Never throws. */
  step(bhs: Buffer, data: Buffer): TextStep {
    const request = new TextRequest(bhs);
    const outcome = this.#step(request, data);
    // RFC 7143 §6.2: a failed negotiation leaves the old values.
    if (isReject(outcome)) this.#exchange = undefined;
    return outcome;
  }

  #step(request: TextRequest, data: Buffer): TextStep {
    const invalid = invalidTextRequest(request.bhs);
    if (invalid !== undefined) return { reject: REASON.PROTOCOL_ERROR, rule: invalid };
    const exchange = this.#exchangeOf(request);
    if (isReject(exchange)) return exchange;
    this.#exchange = exchange;
    if (exchange.partsLength + data.length > TEXT_BYTES_MAX) {
      const rule = `text longer than ${TEXT_BYTES_MAX} bytes`;
      return { reject: REASON.PROTOCOL_ERROR, rule };
    }
    const sending = exchange.ready.length > 0 || exchange.answers.length > 0;
    if (sending && (data.length > 0 || request.continues)) {
      const rule = 'keys sent before our answer was fetched';
      return { reject: REASON.PROTOCOL_ERROR, rule };
    }
    if (request.continues) {
      // Lent bytes are copied: the rest of the chain comes with later requests.
      exchange.parts.push(Buffer.from(data));
      exchange.partsLength += data.length;
      return this.#going(exchange, false, EMPTY);
    }
    if (!sending) {
      const refused = this.#take(exchange, Buffer.concat([...exchange.parts, data]));
      if (refused) return refused;
    }
    return this.#respond(exchange, request.final);
  }

  /** RFC 7143 §11.10.4: the reserved tag begins anew and forgets an exchange that is open. */
  #exchangeOf(request: TextRequest): Exchange | { reject: number; rule: string } {
    if (request.ttt === RESERVED_TAG) {
      this.#lastTtt = (this.#lastTtt + 1) % RESERVED_TAG;
      return {
        itt: request.itt,
        ttt: this.#lastTtt,
        parts: [],
        partsLength: 0,
        answers: [],
        ready: EMPTY,
        segment: undefined,
      };
    }
    const open = this.#exchange;
    if (open?.ttt !== request.ttt || open.itt !== request.itt) {
      const rule = 'Text Request continues an exchange that is not open';
      return { reject: REASON.INVALID_PDU_FIELD, rule };
    }
    return open;
  }

  #take(exchange: Exchange, text: Buffer): { reject: number; rule: string } | undefined {
    exchange.parts = [];
    exchange.partsLength = 0;
    const decoded = decodeText(text, valueLimitOf);
    if (!decoded.ok) return { reject: REASON.PROTOCOL_ERROR, rule: decoded.reason };
    return this.#takeKeys(exchange, decoded.pairs);
  }

  #takeKeys(exchange: Exchange, pairs: TextPairs): { reject: number; rule: string } | undefined {
    if (isForeign(pairs)) {
      return { reject: REASON.PROTOCOL_ERROR, rule: 'Text Request of keys that do not exist' };
    }
    const plain: TextPair[] = [];
    let targets: Iterator<TextPair> | undefined;
    for (const [name, value] of pairs) {
      if (name === 'SendTargets') {
        const found = this.#sendTargets(value);
        if (isReject(found)) return found;
        targets = found;
      } else if (name === 'MaxRecvDataSegmentLength') {
        if (exchange.segment !== undefined) {
          return { reject: REASON.PROTOCOL_ERROR, rule: `key ${name} is sent twice` };
        }
        if (!this.#takeSegment(exchange, value)) plain.push([name, REJECT]);
      } else {
        const text = answerTo(name);
        if (text !== undefined) plain.push([name, text]);
      }
    }
    if (plain.length > 0) exchange.answers.push(plain[Symbol.iterator]());
    if (targets) exchange.answers.push(targets);
    return undefined;
  }

  #takeSegment(exchange: Exchange, value: string): boolean {
    const number = decodeNumber(value);
    const { min, max } = SEGMENT_RANGE;
    if (number === undefined || number < min || number > max) return false;
    exchange.segment = number;
    return true;
  }

  /** RFC 7143 Appendix C: what each kind of session may ask. */
  #sendTargets(value: string): Iterator<TextPair> | { reject: number; rule: string } {
    const { directory, endpoint, result } = this.#services;
    const own = result.tpg?.targetName;
    const valid = value === 'All' || ISCSI_NAME.test(value) || (value === '' && own !== undefined);
    if (!valid) {
      const rule = `SendTargets=${shownText(value)} is not possible in this session`;
      return { reject: REASON.PROTOCOL_ERROR, rule };
    }
    if (own === undefined) return sendTargets(directory, endpoint, result.initiatorName, value);
    // A normal session learns of its own target only; All means no more than that there.
    const which = value === '' || value === 'All' ? own : value;
    const foreign = which.toLowerCase() !== own.toLowerCase();
    if (foreign) return [][Symbol.iterator]();
    return sendTargets(directory, endpoint, result.initiatorName, own);
  }

  #respond(exchange: Exchange, final: boolean): TextStep {
    const piece = this.#piece(exchange);
    if (exchange.ready.length > 0 || exchange.answers.length > 0) {
      return this.#going(exchange, true, piece);
    }
    // RFC 7143 §11.11.1: F only in answer to F.
    if (!final) return this.#going(exchange, false, piece);
    this.#exchange = undefined;
    const { itt, segment } = exchange;
    const response = { itt, ttt: RESERVED_TAG, final: true, continues: false };
    if (segment === undefined) return { response, text: piece };
    // RFC 7143 §13.12: the new length holds once the exchange is complete.
    this.#maxSend = Math.min(segment, this.#maxXmit);
    return { response, text: piece, newMaxSendDataSegmentLength: this.#maxSend };
  }

  #going(exchange: Exchange, continues: boolean, text: Buffer): TextStep {
    const { itt, ttt } = exchange;
    return { response: { itt, ttt, final: false, continues }, text };
  }

  /** The next bytes of the answer, as many as fit; makes no more text than that needs. */
  #piece(exchange: Exchange): Buffer {
    const limit = Math.min(this.#maxSend, PIECE_MAX);
    const made: Buffer[] = [exchange.ready];
    let length = exchange.ready.length;
    // One byte beyond the limit tells that there is more.
    while (length <= limit && exchange.answers.length > 0) {
      const next = exchange.answers[0]?.next();
      if (next === undefined || next.done === true) {
        exchange.answers.shift();
        continue;
      }
      const bytes = Buffer.from(encodePair(next.value), 'utf8');
      made.push(bytes);
      length += bytes.length;
    }
    const all = Buffer.concat(made);
    exchange.ready = all.subarray(limit);
    return all.subarray(0, limit);
  }
}

/**
 * Nothing but names that are neither keys of iSCSI nor private ones (`X-`, `X#`): a mistake rather
 * than a negotiation. LIO and libiscsi's suite want a Reject then; one known or private key in the
 * text is enough for RFC 7143's `NotUnderstood`.
 */
function isForeign(pairs: TextPairs): boolean {
  if (pairs.size === 0) return false;
  return ![...pairs.keys()].some((name) => keyDeclaration(name) || /^X[-#]/.test(name));
}

/** What to say to a key that is not served in the full feature phase; undefined: nothing. */
function answerTo(name: string): string | undefined {
  const key = keyDeclaration(name);
  if (key === undefined) return NOT_UNDERSTOOD;
  // RFC 7143 §13: keys of the login phase may not be negotiated later.
  return key.use === 'ALL' && key.sentBy !== 'target' ? undefined : REJECT;
}
