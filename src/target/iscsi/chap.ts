/**
 * CHAP on the target's side (RFC 7143 §12.1.3, RFC 1994): one exchange, of which the peer learns
 * nothing but that it failed.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeBinary, decodeNumber, shownText } from '../pdu/text.ts';
import type { TextPair, TextPairs } from '../pdu/text.ts';
import type { ChapCredentials } from './directory.ts';

/** RFC 7143 §12.1.3 and the IANA registry of CHAP algorithms. */
const ALGORITHMS = [
  { code: 5, label: 'MD5', hash: 'md5', digestLength: 16 },
  { code: 6, label: 'SHA1', hash: 'sha1', digestLength: 20 },
  { code: 7, label: 'SHA-256', hash: 'sha256', digestLength: 32 },
  { code: 8, label: 'SHA3-256', hash: 'sha3-256', digestLength: 32 },
] as const;
export type ChapAlgorithm = (typeof ALGORITHMS)[number];

/** RFC 7143 §12.1.3: challenges and responses decode to at most 1024 bytes. */
const BINARY_BYTES_MAX = 1024;
/** A hexadecimal value of that size, with its prefix. */
export const CHAP_VALUE_MAX = 2 + 2 * BINARY_BYTES_MAX;

export const CHAP_KEYS: ReadonlySet<string> = new Set([
  'CHAP_A',
  'CHAP_I',
  'CHAP_C',
  'CHAP_N',
  'CHAP_R',
]);

/** Hash of identifier, secret, challenge (RFC 1994 §4.1). */
export function chapResponse(
  algorithm: ChapAlgorithm,
  identifier: number,
  secret: string,
  challenge: Buffer,
): Buffer {
  return createHash(algorithm.hash)
    .update(Buffer.of(identifier))
    .update(Buffer.from(secret, 'utf8'))
    .update(challenge)
    .digest();
}

/** A build of OpenSSL may lack an algorithm (MD5 in FIPS mode): then it is not offered. */
function isServed(algorithm: ChapAlgorithm): boolean {
  try {
    createHash(algorithm.hash);
    return true;
  } catch {
    return false;
  }
}
const served = ALGORITHMS.filter(isServed);

/** RFC 7143 §12.1.3: the first of the initiator's list that we serve. */
export function chooseAlgorithm(list: string): ChapAlgorithm | undefined {
  for (const word of list.split(',')) {
    const code = decodeNumber(word);
    const algorithm = served.find((candidate) => candidate.code === code);
    if (algorithm) return algorithm;
  }
  return undefined;
}

export type ChapStep =
  | { readonly state: 'going'; readonly answer: readonly TextPair[] }
  | { readonly state: 'done'; readonly answer: readonly TextPair[]; readonly mutual: boolean }
  | { readonly state: 'failed'; readonly rule: string };

const failed = (rule: string): ChapStep => ({ state: 'failed', rule });

interface Sent {
  readonly algorithm: ChapAlgorithm;
  readonly identifier: number;
  readonly challenge: Buffer;
}

export class ChapExchange {
  readonly #credentials: ChapCredentials;
  /** Whose credentials, for rules: `node ACL`, `TPG`, `discovery_auth`. */
  readonly #owner: string;
  readonly #randomBytes: (n: number) => Buffer;
  #sent: Sent | undefined;

  constructor(credentials: ChapCredentials, owner: string, randomBytes: (n: number) => Buffer) {
    this.#credentials = credentials;
    this.#owner = owner;
    this.#randomBytes = randomBytes;
  }

  /** The CHAP keys of one login text; an empty one leaves the exchange where it is. */
  step(pairs: TextPairs): ChapStep {
    const keys = [...CHAP_KEYS].filter((key) => pairs.has(key));
    if (keys.length === 0) return { state: 'going', answer: [] };
    return this.#sent === undefined
      ? this.#challenge(pairs, keys)
      : this.#verify(pairs, this.#sent);
  }

  #challenge(pairs: TextPairs, keys: readonly string[]): ChapStep {
    const list = pairs.get('CHAP_A');
    if (list === undefined || keys.length !== 1) {
      return failed('CHAP does not begin with CHAP_A alone');
    }
    const algorithm = chooseAlgorithm(list);
    if (algorithm === undefined) {
      return failed(`no CHAP algorithm in common: the initiator offers ${shownText(list)}`);
    }
    const random = this.#randomBytes(1 + algorithm.digestLength);
    const challenge = Buffer.from(random.subarray(1));
    const identifier = random.readUInt8(0);
    this.#sent = { algorithm, identifier, challenge };
    return {
      state: 'going',
      answer: [
        ['CHAP_A', String(algorithm.code)],
        ['CHAP_I', String(identifier)],
        ['CHAP_C', `0x${challenge.toString('hex')}`],
      ],
    };
  }

  #verify(pairs: TextPairs, sent: Sent): ChapStep {
    // A name that begins with 0x is a name all the same: it is never decoded.
    const name = pairs.get('CHAP_N');
    const response = pairs.get('CHAP_R');
    if (pairs.has('CHAP_A')) return failed('CHAP_A is sent twice');
    if (name === undefined || response === undefined) {
      return failed('CHAP answer lacks CHAP_N or CHAP_R');
    }
    const bytes = decodeBinary(response, BINARY_BYTES_MAX);
    if (bytes === undefined) return failed('CHAP_R is no binary value of at most 1024 bytes');
    const { label, digestLength } = sent.algorithm;
    if (bytes.length !== digestLength) {
      return failed(`CHAP_R has ${bytes.length} bytes where ${label} has ${digestLength}`);
    }
    // Both are always computed, so that an unknown user takes as long as a wrong password.
    const { userid, password } = this.#credentials;
    const expected = chapResponse(sent.algorithm, sent.identifier, password, sent.challenge);
    const proven = timingSafeEqual(expected, bytes);
    const known = name === userid;
    if (!known) return failed(`CHAP user ${shownText(name)} is not the ${this.#owner}'s userid`);
    if (!proven) {
      return failed(
        `CHAP response of ${shownText(name)} does not fit the ${this.#owner}'s password`,
      );
    }
    return this.#answerMutual(pairs, sent);
  }

  #answerMutual(pairs: TextPairs, sent: Sent): ChapStep {
    const identifierText = pairs.get('CHAP_I');
    const challengeText = pairs.get('CHAP_C');
    if (identifierText === undefined && challengeText === undefined) {
      return { state: 'done', answer: [], mutual: false };
    }
    if (identifierText === undefined || challengeText === undefined) {
      return failed('mutual CHAP needs both CHAP_I and CHAP_C');
    }
    const identifier = decodeNumber(identifierText);
    if (identifier === undefined || identifier > 255) return failed('CHAP_I is not 0..255');
    const challenge = decodeBinary(challengeText, BINARY_BYTES_MAX);
    if (challenge === undefined) {
      return failed('CHAP_C is no binary value of at most 1024 bytes');
    }
    // RFC 7143 §12.1.3: our own challenge sent back would make us compute its answer.
    if (challenge.equals(sent.challenge))
      return failed('the initiator reflects our CHAP challenge');
    const { password, mutual_userid: userid, mutual_password: secret } = this.#credentials;
    if (userid === '' || secret === '') {
      return failed(
        `the initiator asks for mutual CHAP but the ${this.#owner} ` +
          'has no mutual_userid/mutual_password',
      );
    }
    // RFC 7143 §12.1.3: the secrets of the two directions must differ.
    if (secret === password) {
      return failed(`password and mutual_password of the ${this.#owner} are the same`);
    }
    const response = chapResponse(sent.algorithm, identifier, secret, challenge);
    return {
      state: 'done',
      mutual: true,
      answer: [
        ['CHAP_N', userid],
        ['CHAP_R', `0x${response.toString('hex')}`],
      ],
    };
  }
}
