/**
 * Operational keys of one login (RFC 7143 §6.2, §13): each answered by the rule of its declaration
 * and by nothing else. Holds what both sides said, and ends as `NegotiatedKeys`.
 */
import { effective, format } from '../../objects/attribute.ts';
import type { AttributeValue } from '../../objects/attribute.ts';
import { keyDeclaration, TPG_PARAMETERS, WIRE_KEYS } from '../../objects/iscsi_keys.ts';
import type { KeyDeclaration, TpgParameterBag } from '../../objects/iscsi_keys.ts';
import { decodeNumber, TEXT_BYTES_MAX, VALUE_BYTES_MAX } from '../pdu/text.ts';
import type { TextPair } from '../pdu/text.ts';
import { CHAP_KEYS, CHAP_VALUE_MAX } from './chap.ts';
import type { IserSettings } from '../transport/datamover.ts';
import type { NegotiatedKeys } from './directory.ts';

/** RFC 7143 §13.12: what a receiver takes that has declared nothing. */
const SEGMENT_DEFAULT = TPG_PARAMETERS.MaxRecvDataSegmentLength.default;

/**
 * Data in one message of iSER to an initiator. The kernel's agrees on far more and then posts
 * buffers for this much; longer text goes in several messages.
 */
const ISER_SENT_SEGMENT = 128;
const DIGEST_KEYS: ReadonlySet<string> = new Set(['HeaderDigest', 'DataDigest']);

export const REJECT = 'Reject';
export const NOT_UNDERSTOOD = 'NotUnderstood';
export const IRRELEVANT = 'Irrelevant';
const REFUSALS: ReadonlySet<string> = new Set([REJECT, NOT_UNDERSTOOD, IRRELEVANT]);

/** Most bytes of a key's value: lists, binary values and keys that nobody knows may be long. */
export function valueLimitOf(key: string): number {
  if (CHAP_KEYS.has(key)) return key === 'CHAP_N' ? VALUE_BYTES_MAX : CHAP_VALUE_MAX;
  const declaration = keyDeclaration(key);
  if (declaration === undefined || declaration.rule === 'first-in-list') return TEXT_BYTES_MAX;
  return declaration.kind === 'text' ? declaration.lengthMax : VALUE_BYTES_MAX;
}

type Resolved =
  | { readonly ok: true; readonly value: AttributeValue; readonly text: string }
  | { readonly ok: false };
const NO_RESULT: Resolved = { ok: false };

function resolveNumber(key: KeyDeclaration, ours: AttributeValue, theirs: string): Resolved {
  if (key.kind !== 'uint') return NO_RESULT;
  const number = decodeNumber(theirs);
  const { min, max } = key.wire ?? key;
  if (number === undefined || number < min || number > max) return NO_RESULT;
  const own = Number(ours);
  const pick = { min: Math.min(own, number), max: Math.max(own, number) };
  const value = key.rule === 'min' || key.rule === 'max' ? pick[key.rule] : number;
  return { ok: true, value, text: String(value) };
}

function resolveBool(key: KeyDeclaration, ours: AttributeValue, theirs: string): Resolved {
  if (theirs !== 'Yes' && theirs !== 'No') return NO_RESULT;
  const yes = theirs === 'Yes';
  const value = key.rule === 'or' ? yes || ours === true : yes && ours === true;
  return { ok: true, value, text: value ? 'Yes' : 'No' };
}

/** RFC 7143 §6.2.1: the first of the offering side's list that the other side has. */
export function firstCommon(offered: string, accepted: readonly string[]): string | undefined {
  return offered.split(',').find((word) => accepted.includes(word));
}

function resolve(key: KeyDeclaration, ours: AttributeValue, theirs: string): Resolved {
  switch (key.kind) {
    case 'uint':
      return resolveNumber(key, ours, theirs);
    case 'bool':
      return resolveBool(key, ours, theirs);
    case 'choice': {
      // Obsolete keys have the one value `Reject`, which nobody can offer.
      if (key.rule !== 'first-in-list') return NO_RESULT;
      const value = firstCommon(theirs, String(ours).split(','));
      return value === undefined ? NO_RESULT : { ok: true, value, text: value };
    }
    case 'int':
    case 'text':
      return NO_RESULT;
  }
}

/** Keys whose login value this side may open by itself, in the table's order. */
const NEGOTIATED = WIRE_KEYS.flatMap((name): readonly (readonly [string, KeyDeclaration])[] => {
  const key = keyDeclaration(name);
  if (key === undefined || key.rule === 'declarative' || key.securityStage) return [];
  return [[name, key]];
});

export type Taken =
  /** `undefined`: a declaration, or the reply to our offer; nothing is to be sent. */
  | { readonly ok: true; readonly answer: string | undefined }
  /** The login cannot go on. */
  | { readonly ok: false; readonly rule: string };
const SILENT: Taken = { ok: true, answer: undefined };
const answer = (text: string): Taken => ({ ok: true, answer: text });

export class Negotiation {
  readonly #discovery: boolean;
  readonly #iser: boolean;
  readonly #ours: Readonly<Record<string, AttributeValue>>;
  readonly #alias: string;
  /** Results of negotiation; what is absent holds its RFC default. */
  readonly #results = new Map<string, AttributeValue>();
  readonly #said = new Set<string>();
  /** Keys that we opened and the initiator has still to answer. */
  readonly #offered = new Set<string>();
  readonly #maxXmit: number;
  readonly #receive: number;
  #declared = false;
  #opened = false;
  #initiatorSegment: number = SEGMENT_DEFAULT;

  /** `iser`: data moves by RDMA. */
  constructor(parameters: TpgParameterBag, discovery: boolean, iser = false) {
    this.#iser = iser;
    const ours = effective(TPG_PARAMETERS, parameters);
    this.#ours = ours;
    this.#discovery = discovery;
    this.#alias = ours.TargetAlias;
    this.#maxXmit = ours.MaxXmitDataSegmentLength;
    // LIO declares MaxXmitDataSegmentLength on the wire; a MaxRecvDataSegmentLength set on purpose
    // is what it says instead.
    this.#receive =
      ours.MaxRecvDataSegmentLength === SEGMENT_DEFAULT
        ? ours.MaxXmitDataSegmentLength
        : ours.MaxRecvDataSegmentLength;
    if (iser) this.#receive = SEGMENT_DEFAULT;
  }

  /** One key of the initiator in the operational stage. */
  take(name: string, text: string): Taken {
    const key = keyDeclaration(name);
    if (this.#offered.delete(name) && key) return this.#takeReply(name, key, text);
    // RFC 7143 §6.2: a key is declared or negotiated once per login.
    if (this.#said.has(name)) return { ok: false, rule: `key ${name} is sent twice` };
    if (key === undefined || !this.#meaningful(key)) return answer(NOT_UNDERSTOOD);
    this.#said.add(name);
    if (key.securityStage) {
      return { ok: false, rule: `key ${name} after the security stage` };
    }
    if (key.sentBy === 'target' || key.use === 'FFPO') return answer(REJECT);
    if (this.#discovery && key.irrelevantInDiscovery) return answer(IRRELEVANT);
    if (name === 'MaxRecvDataSegmentLength') return this.#takeSegment(key, text);
    if (name === 'MaxOutstandingUnexpectedPDUs') return this.#takeNumber(name, key, text);
    if (key.rule === 'declarative') return key.kind === 'choice' ? answer(REJECT) : SILENT;
    const resolved = resolve(key, this.#own(name, key), text);
    if (!resolved.ok) return answer(REJECT);
    this.#results.set(name, resolved.value);
    return answer(resolved.text);
  }

  #takeReply(name: string, key: KeyDeclaration, text: string): Taken {
    this.#said.add(name);
    if (REFUSALS.has(text)) return SILENT;
    const resolved = resolve(key, this.#own(name, key), text);
    // RFC 7143 §6.2.2: the answer must follow the rule of the key.
    if (!resolved.ok || resolved.text !== text) {
      return { ok: false, rule: `the answer to our ${name} does not follow its rule` };
    }
    this.#results.set(name, resolved.value);
    return SILENT;
  }

  #takeSegment(key: KeyDeclaration, text: string): Taken {
    const resolved = resolveNumber(key, 0, text);
    if (!resolved.ok) return answer(REJECT);
    this.#initiatorSegment = Number(resolved.value);
    return SILENT;
  }

  #takeNumber(name: string, key: KeyDeclaration, text: string): Taken {
    const resolved = resolveNumber(key, 0, text);
    if (!resolved.ok) return answer(REJECT);
    this.#results.set(name, resolved.value);
    return SILENT;
  }

  #meaningful(key: KeyDeclaration): boolean {
    return this.#iser || key.iserOnly !== true;
  }

  /** Our side of a key. RFC 7143 §13.14: FirstBurstLength never above MaxBurstLength. */
  #own(name: string, key: KeyDeclaration): AttributeValue {
    if (name === 'RDMAExtensions') return this.#iser;
    // RFC 7145 §6.1: RDMA has checks of its own.
    if (this.#iser && DIGEST_KEYS.has(name)) return 'None';
    const own = this.#ours[name] ?? key.default;
    return name === 'FirstBurstLength'
      ? Math.min(Number(own), Number(this.#result('MaxBurstLength')))
      : own;
  }

  /** Result, else our own value where the key is to be capped by it, else the RFC's default. */
  #result(name: string): AttributeValue {
    const key = keyDeclaration(name);
    return this.#results.get(name) ?? key?.rfcDefault ?? key?.default ?? '';
  }

  /** What we say without being asked: once, in the first operational answer. */
  declarations(): readonly TextPair[] {
    if (this.#declared) return [];
    this.#declared = true;
    const alias: TextPair[] = this.#alias === '' ? [] : [['TargetAlias', this.#alias]];
    // RFC 7145 §6.2: it has no meaning where data moves by RDMA.
    if (this.#iser && !this.#discovery) return alias;
    return [...alias, ['MaxRecvDataSegmentLength', String(this.#receive)]];
  }

  /**
   * Keys that the initiator left out although silence would give another value than the
   * configured one. Once per login, so that no transition is held back for ever.
   */
  offers(): readonly TextPair[] {
    if (this.#opened) return [];
    this.#opened = true;
    const offers: TextPair[] = [];
    for (const [name, key] of NEGOTIATED) {
      if (this.#said.has(name) || !this.#applies(key)) continue;
      const own = this.#own(name, key);
      const silent = this.#result(name);
      // A list that holds the silent value is content with silence.
      if (own === silent || String(own).split(',').includes(String(silent))) continue;
      this.#offered.add(name);
      offers.push([name, format(key, own)]);
    }
    return offers;
  }

  #applies(key: KeyDeclaration): boolean {
    return this.#meaningful(key) && !(this.#discovery && key.irrelevantInDiscovery === true);
  }

  /** Why the session cannot begin with what was agreed on; null: it can. */
  refusal(): string | null {
    if (!this.#iser || this.#discovery || this.#result('RDMAExtensions') === true) return null;
    return 'RDMAExtensions=Yes was not agreed on, and this connection moves data by RDMA only';
  }

  /** The largest data segment of a PDU that we send, and of one that we receive. */
  #segments(): { send: number; receive: number } {
    const send = Math.min(this.#initiatorSegment, this.#maxXmit);
    const receive = this.#declared ? this.#receive : SEGMENT_DEFAULT;
    if (!this.#iser || this.#discovery) return { send, receive };
    const initiator = Number(this.#result('InitiatorRecvDataSegmentLength'));
    return {
      send: Math.min(initiator, ISER_SENT_SEGMENT),
      receive: Number(this.#result('TargetRecvDataSegmentLength')),
    };
  }

  keys(): NegotiatedKeys {
    const flag = (name: string) => this.#result(name) === true;
    const number = (name: string) => Number(this.#result(name));
    const maxBurstLength = number('MaxBurstLength');
    const { send, receive } = this.#segments();
    const iser: IserSettings = {
      helloRequired: flag('iSERHelloRequired'),
      solicitedOnly: flag('TaggedBufferForSolicitedDataOnly'),
      maxOutstandingUnexpectedPDUs: number('MaxOutstandingUnexpectedPDUs'),
    };
    return {
      headerDigest: this.#result('HeaderDigest') === 'CRC32C',
      dataDigest: this.#result('DataDigest') === 'CRC32C',
      maxSendDataSegmentLength: send,
      maxRecvDataSegmentLength: receive,
      maxBurstLength,
      firstBurstLength: Math.min(number('FirstBurstLength'), maxBurstLength),
      initialR2T: flag('InitialR2T'),
      immediateData: flag('ImmediateData'),
      maxOutstandingR2T: number('MaxOutstandingR2T'),
      defaultTime2Wait: number('DefaultTime2Wait'),
      defaultTime2Retain: number('DefaultTime2Retain'),
      shown: this.#shown(receive, send),
      ...(this.#iser && { iser }),
    };
  }

  #shown(receive: number, send: number): Readonly<Record<string, string>> {
    const shown: Record<string, string> = {};
    for (const [name, key] of NEGOTIATED) {
      if (!this.#applies(key)) continue;
      shown[name] = format(key, this.#result(name));
    }
    shown['MaxRecvDataSegmentLength'] = String(receive);
    shown['MaxXmitDataSegmentLength'] = String(send);
    return shown;
  }
}
