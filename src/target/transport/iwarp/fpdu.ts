/**
 * Framed PDUs (RFC 5044 §4.1): two bytes length of the ULPDU, the ULPDU, zeros up to a multiple of
 * four, four bytes CRC32C over all that. The CRC field stands there even where CRC is off.
 */
import { crc32c } from '../../../util/crc32c.ts';

export const FPDU_LENGTH_FIELD = 2;
export const FPDU_CRC_FIELD = 4;
const ALIGNMENT = 4;
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
  /** Lent. Nothing of an FPDU whose CRC is wrong is handed up. */
  ulpdu(bytes: Buffer): void;
  /** The stream is lost; nothing more is parsed. */
  badCrc(): void;
}

/** Bytes to ULPDUs, at any cut of the stream. What lies whole in a chunk is not copied. */
export class FpduFramer {
  readonly #sink: FpduSink;
  #crc: boolean;
  #gathered = Buffer.allocUnsafe(0);
  #have = 0;
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
      const here = chunk.length - at;
      if (this.#have === 0 && here >= FPDU_LENGTH_FIELD) {
        const whole = fpduLengthOf(chunk.readUInt16BE(at));
        if (here >= whole) {
          this.#deliver(chunk.subarray(at, at + whole));
          at += whole;
          continue;
        }
      }
      at += this.#gather(chunk, at);
    }
  }

  /** Takes what is missing of the FPDU at hand; returns how many bytes. */
  #gather(chunk: Buffer, at: number): number {
    if (this.#have < FPDU_LENGTH_FIELD) return this.#take(chunk, at, FPDU_LENGTH_FIELD);
    const whole = fpduLengthOf(this.#gathered.readUInt16BE(0));
    const taken = this.#take(chunk, at, whole);
    if (this.#have === whole) {
      this.#have = 0;
      this.#deliver(this.#gathered.subarray(0, whole));
    }
    return taken;
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

  #deliver(fpdu: Buffer): void {
    const covered = fpdu.length - FPDU_CRC_FIELD;
    // RFC 5044 §4.4: least significant byte first, as iSCSI sends its digests.
    if (this.#crc && fpdu.readUInt32LE(covered) !== crc32c(fpdu.subarray(0, covered))) {
      this.stop();
      this.#sink.badCrc();
      return;
    }
    const length = fpdu.readUInt16BE(0);
    this.#sink.ulpdu(fpdu.subarray(FPDU_LENGTH_FIELD, FPDU_LENGTH_FIELD + length));
  }
}
