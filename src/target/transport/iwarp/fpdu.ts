/**
 * Framed PDUs (RFC 5044 §4.1): two bytes length of the ULPDU, the ULPDU, zeros up to a multiple of
 * four, four bytes CRC32C over all that. The CRC field stands there even where CRC is off.
 */
import { crc32c } from '../../../util/crc32c.ts';
import { TAGGED_LENGTH } from './ddp.ts';

export const FPDU_LENGTH_FIELD = 2;
export const FPDU_CRC_FIELD = 4;
const ALIGNMENT = 4;
/** Of a ULPDU, before its payload may go up in parts: the header of tagged data. */
const HEAD_LENGTH = TAGGED_LENGTH;
/** Shorter ones are gathered. */
const IN_PARTS_FROM = 2048;
/** What the length field can say, framed: the most that is ever gathered. */
export const MAX_FPDU_LENGTH = fpduLengthOf(0xffff);
/** Gathering starts with this much and grows at need, never beyond the above. */
const FIRST_GATHERING = 2048;

/** Bytes between ULPDU and CRC. */
export function fpduPadding(ulpduLength: number): number {
  return -(FPDU_LENGTH_FIELD + ulpduLength) & (ALIGNMENT - 1);
}

export function fpduLengthOf(ulpduLength: number): number {
  return FPDU_LENGTH_FIELD + ulpduLength + fpduPadding(ulpduLength) + FPDU_CRC_FIELD;
}

/** The longest ULPDU whose FPDU fits in one TCP segment of `emss` bytes (RFC 5044 §4.5). */
export function ulpduWithin(emss: number): number {
  return emss - (emss % ALIGNMENT) - FPDU_LENGTH_FIELD - FPDU_CRC_FIELD;
}

export interface FpduSink {
  /** `length` bytes from `at` on, lent. Nothing of an FPDU whose CRC is wrong is handed up. */
  ulpdu(bytes: Buffer, at: number, length: number): void;
  /**
   * Of a long ULPDU, `HEAD_LENGTH` bytes are here. True: what follows them goes to `part` as it
   * comes, then `ends`. False: the ULPDU is gathered.
   */
  begins(bytes: Buffer, at: number, length: number): boolean;
  part(bytes: Buffer, from: number, to: number): void;
  ends(): void;
  /** The stream is lost; nothing more is parsed. */
  badCrc(): void;
}

/** Bytes to ULPDUs, at any cut of the stream. What lies whole in a chunk is not copied. */
export class FpduFramer {
  readonly #sink: FpduSink;
  #crc: boolean;
  #gathered = Buffer.allocUnsafe(0);
  #have = 0;
  /** Of an FPDU that goes up in parts: payload, and what follows it. */
  #payloadLeft = 0;
  #trailerLeft = 0;
  #stopped = false;

  constructor(sink: FpduSink, crc: boolean) {
    this.#sink = sink;
    this.#crc = crc;
  }

  stop(): void {
    this.#stopped = true;
    this.#have = 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#trailerLeft > 0) {
        at = this.#goOn(chunk, at);
        continue;
      }
      const here = chunk.length - at;
      if (this.#have === 0 && here >= FPDU_LENGTH_FIELD) {
        const length = chunk.readUInt16BE(at);
        const whole = fpduLengthOf(length);
        if (here >= whole) {
          this.#deliver(chunk, at, length);
          at += whole;
          continue;
        }
        if (here >= FPDU_LENGTH_FIELD + HEAD_LENGTH && this.#begins(chunk, at, length)) {
          at += FPDU_LENGTH_FIELD + HEAD_LENGTH;
          continue;
        }
      }
      at += this.#gather(chunk, at);
    }
  }

  /** Takes what is missing of the FPDU at hand; returns how many bytes. */
  #gather(chunk: Buffer, at: number): number {
    if (this.#have < FPDU_LENGTH_FIELD) return this.#take(chunk, at, FPDU_LENGTH_FIELD);
    const length = this.#gathered.readUInt16BE(0);
    const head = FPDU_LENGTH_FIELD + HEAD_LENGTH;
    if (this.#have < head && length >= IN_PARTS_FROM) {
      const taken = this.#take(chunk, at, head);
      if (this.#have === head && this.#begins(this.#gathered, 0, length)) this.#have = 0;
      return taken;
    }
    const whole = fpduLengthOf(length);
    const taken = this.#take(chunk, at, whole);
    if (this.#have === whole) {
      this.#have = 0;
      this.#deliver(this.#gathered, 0, length);
    }
    return taken;
  }

  /** The FPDU at `at` has its head here; true: the rest goes up in parts. */
  #begins(bytes: Buffer, at: number, length: number): boolean {
    // RFC 5044 §4.4: with CRC on nothing goes up before it is checked.
    if (this.#crc || length < IN_PARTS_FROM) return false;
    if (!this.#sink.begins(bytes, at + FPDU_LENGTH_FIELD, length)) return false;
    this.#payloadLeft = length - HEAD_LENGTH;
    this.#trailerLeft = fpduPadding(length) + FPDU_CRC_FIELD;
    return true;
  }

  /** Takes what is there of the FPDU that goes up in parts; returns where the next bytes are. */
  #goOn(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#payloadLeft, chunk.length);
    if (end > at) this.#sink.part(chunk, at, end);
    this.#payloadLeft -= end - at;
    if (this.#payloadLeft > 0) return end;
    const passed = Math.min(this.#trailerLeft, chunk.length - end);
    this.#trailerLeft -= passed;
    if (this.#trailerLeft === 0) this.#sink.ends();
    return end + passed;
  }

  #take(chunk: Buffer, at: number, upTo: number): number {
    if (this.#gathered.length < upTo) this.#grow(upTo);
    const taken = Math.min(upTo - this.#have, chunk.length - at);
    chunk.copy(this.#gathered, this.#have, at, at + taken);
    this.#have += taken;
    return taken;
  }

  #grow(upTo: number): void {
    const wanted = upTo <= FIRST_GATHERING ? FIRST_GATHERING : MAX_FPDU_LENGTH;
    const larger = Buffer.allocUnsafeSlow(wanted);
    this.#gathered.copy(larger, 0, 0, this.#have);
    this.#gathered = larger;
  }

  #deliver(bytes: Buffer, at: number, length: number): void {
    if (this.#crc && !crcFits(bytes, at, length)) {
      this.stop();
      this.#sink.badCrc();
      return;
    }
    this.#sink.ulpdu(bytes, at + FPDU_LENGTH_FIELD, length);
  }
}

function crcFits(bytes: Buffer, at: number, length: number): boolean {
  const end = at + FPDU_LENGTH_FIELD + length + fpduPadding(length);
  // RFC 5044 §4.4: least significant byte first, as iSCSI sends its digests.
  return bytes.readUInt32LE(end) === crc32c(bytes.subarray(at, end));
}
