/**
 * Text of Login and Text PDUs (RFC 7143 §6.1): `key=value` pairs, each ended by a NUL. Whoever
 * calls joins the segments of a C-bit chain first.
 */
/** RFC 7143 §6.1: a key name has at most 63 bytes. */
export const KEY_BYTES_MAX = 63;
/** RFC 7143 §6.1: a value has at most 255 bytes unless its key says otherwise. */
export const VALUE_BYTES_MAX = 255;
/** Of one joined text. RFC 7143 §6.2 asks for at least 8192; more is refused unstored. */
export const TEXT_BYTES_MAX = 16_384;
/** What a receiver takes in one PDU before it has declared anything (RFC 7143 §13.12). */
export const TEXT_SEGMENT_MAX = 8192;

export type TextPair = readonly [key: string, value: string];
/** In order of arrival. */
export type TextPairs = ReadonlyMap<string, string>;
export type DecodedText =
  | { readonly ok: true; readonly pairs: TextPairs }
  | { readonly ok: false; readonly reason: string };

const NUL = 0x00;
const EQUALS = 0x3d;
const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9.\-+@_#/]*$/;

/** Control, format and separator characters, which would let a peer draw in our log. */
const UNPRINTABLE = /[\p{C}\u2028\u2029]/gu;

/** A peer's text as it may stand in a log line: printable, quoted, short. */
export function shownText(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(cut).replace(
    UNPRINTABLE,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Adds one pair, or says what is wrong with it. */
function decodePair(
  pair: Buffer,
  pairs: Map<string, string>,
  valueLimit: (key: string) => number,
): string | undefined {
  const equals = pair.indexOf(EQUALS);
  if (equals === -1) return `text without "=": ${shownText(pair.toString('latin1'))}`;
  if (equals === 0) return 'a value without a key';
  const key = pair.toString('latin1', 0, equals);
  if (equals > KEY_BYTES_MAX) return `key longer than ${KEY_BYTES_MAX} bytes: ${shownText(key)}`;
  if (!KEY_NAME.test(key)) return `impossible key name ${shownText(key)}`;
  const limit = valueLimit(key);
  if (pair.length - equals - 1 > limit) return `value of ${key} is longer than ${limit} bytes`;
  // RFC 7143 §6.2: no key may be declared or negotiated twice.
  if (pairs.has(key)) return `key ${key} is sent twice`;
  pairs.set(key, pair.toString('utf8', equals + 1));
  return undefined;
}

/**
 * All pairs, or the first thing wrong. A missing last NUL and empty pairs are forgiven.
 * `valueLimit` gives the most bytes that a key's value may have.
 */
export function decodeText(
  text: Buffer,
  valueLimit: (key: string) => number = () => VALUE_BYTES_MAX,
): DecodedText {
  if (text.length > TEXT_BYTES_MAX) {
    return { ok: false, reason: `text longer than ${TEXT_BYTES_MAX} bytes` };
  }
  const pairs = new Map<string, string>();
  let start = 0;
  while (start < text.length) {
    const found = text.indexOf(NUL, start);
    const end = found === -1 ? text.length : found;
    if (end > start) {
      const reason = decodePair(text.subarray(start, end), pairs, valueLimit);
      if (reason !== undefined) return { ok: false, reason };
    }
    start = end + 1;
  }
  return { ok: true, pairs };
}

export function encodePair(pair: TextPair): string {
  return `${pair[0]}=${pair[1]}\0`;
}

export function encodeText(pairs: Iterable<TextPair>): Buffer {
  let text = '';
  for (const pair of pairs) text += encodePair(pair);
  return Buffer.from(text, 'utf8');
}

/**
 * A numerical value (RFC 7143 §6.1: decimal or `0x` hexadecimal constant of at most 64 bits).
 * Undefined where it is none, or too large to be any key's.
 */
export function decodeNumber(text: string): number | undefined {
  if (!/^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * A binary value: `0x` and an even number of hex digits, or `0b` and canonical base64. Undefined
 * where it is neither or decodes to more than `bytesMax`.
 */
export function decodeBinary(text: string, bytesMax: number): Buffer | undefined {
  const body = text.slice(2);
  if (/^0[xX]/.test(text)) {
    if (body.length > bytesMax * 2 || !/^(?:[0-9a-fA-F]{2})+$/.test(body)) return undefined;
    return Buffer.from(body, 'hex');
  }
  if (/^0[bB]/.test(text)) {
    if (body.length === 0 || body.length > Math.ceil(bytesMax / 3) * 4) return undefined;
    const bytes = Buffer.from(body, 'base64');
    return bytes.length <= bytesMax && bytes.toString('base64') === body ? bytes : undefined;
  }
  return undefined;
}
