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
import type { NegotiatedKeys } from './directory.ts';

/** RFC 7143 §13.12: what a receiver takes that has declared nothing. */
const SEGMENT_DEFAULT = TPG_PARAMETERS.MaxRecvDataSegmentLength.default;

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

  constructor(parameters: TpgParameterBag, discovery: boolean) {
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
  }

  /** One key of the initiator in the operational stage. */
  take(name: string, text: string): Taken {
    const key = keyDeclaration(name);
    if (this.#offered.delete(name) && key) return this.#takeReply(name, key, text);
    // RFC 7143 §6.2: a key is declared or negotiated once per login.
    if (this.#said.has(name)) return { ok: false, rule: `key ${name} is sent twice` };
    if (key === undefined) return answer(NOT_UNDERSTOOD);
    this.#said.add(name);
    if (key.securityStage) {
      return { ok: false, rule: `key ${name} after the security stage` };
    }
    if (key.sentBy === 'target' || key.use === 'FFPO') return answer(REJECT);
    if (this.#discovery && key.irrelevantInDiscovery) return answer(IRRELEVANT);
    if (name === 'MaxRecvDataSegmentLength') return this.#takeSegment(key, text);
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

  /** Our side of a key. RFC 7143 §13.14: FirstBurstLength never above MaxBurstLength. */
  #own(name: string, key: KeyDeclaration): AttributeValue {
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
      if (this.#said.has(name) || (this.#discovery && key.irrelevantInDiscovery)) continue;
      const own = this.#own(name, key);
      const silent = this.#result(name);
      // A list that holds the silent value is content with silence.
      if (own === silent || String(own).split(',').includes(String(silent))) continue;
      this.#offered.add(name);
      offers.push([name, format(key, own)]);
    }
    return offers;
  }

  keys(): NegotiatedKeys {
    const flag = (name: string) => this.#result(name) === true;
    const number = (name: string) => Number(this.#result(name));
    const maxBurstLength = number('MaxBurstLength');
    const receive = this.#declared ? this.#receive : SEGMENT_DEFAULT;
    const send = Math.min(this.#initiatorSegment, this.#maxXmit);
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
    };
  }

  #shown(receive: number, send: number): Readonly<Record<string, string>> {
    const shown: Record<string, string> = {};
    for (const [name, key] of NEGOTIATED) {
      if (this.#discovery && key.irrelevantInDiscovery) continue;
      shown[name] = format(key, this.#result(name));
    }
    shown['MaxRecvDataSegmentLength'] = String(receive);
    shown['MaxXmitDataSegmentLength'] = String(send);
    return shown;
  }
}
