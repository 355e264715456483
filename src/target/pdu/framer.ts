/**
 * Bytes to PDUs (RFC 7143 §11.1): header, additional header segments, header digest, data segment
 * with padding, data digest. Resumable at any byte; each length is checked before anything is kept
 * for it. PDUs that lie whole in a chunk are parsed in place; data is copied only to where it is
 * to go, or when the chunk ends within it.
 */
import { copyFew } from '../../util/big_endian.ts';
import { crc32c } from '../../util/crc32c.ts';
import { NO_BYTES } from '../../util/bytes.ts';
import { ahsLengthOf, BHS_LENGTH, dataSegmentLengthOf, DIGEST_LENGTH, padded } from './bhs.ts';
import { giveBackMemory, takeMemory } from './cut_data.ts';

export type FramerFault = 'headerDigest' | 'ahsTooLong' | 'dataSegmentTooLong';

/** Everything handed up is lent: `bhs` and `ahs` are reused, `data` until `turnOver` at most. */
export interface FramerSink {
  /** The header is whole and right: where its data goes, exactly `length` bytes, or null. */
  place(bhs: Buffer, length: number): Buffer | null;
  /**
   * A part of data that has a place, `at` bytes after its beginning, before it is copied there:
   * bytes from its front that need not be, since they are used up. Lent as all else.
   */
  take(data: Buffer, at: number): number;
  /** `data` is without padding: the buffer that `place` gave, or a lent view. */
  pdu(bhs: Buffer, ahs: Buffer, data: Buffer, dataDigestOk: boolean): void;
  /** The stream is lost; nothing more is parsed. */
  fault(fault: FramerFault, detail: string): void;
}

export interface FramerLimits {
  /** Bytes of additional header segments. */
  readonly ahs: number;
  /** Bytes of one data segment: the MaxRecvDataSegmentLength that we declared. */
  readonly dataSegment: number;
}

type State = 'bhs' | 'ahs' | 'headerDigest' | 'data' | 'dataDigest' | 'stopped';

export class Framer {
  limits: FramerLimits;
  /** Handed up so far. */
  pdus = 0;
  readonly #sink: FramerSink;
  #headerDigest = false;
  #dataDigest = false;
  #state: State = 'bhs';
  /** Bytes of the current state that are here already. */
  #have = 0;
  readonly #bhs = Buffer.alloc(BHS_LENGTH);
  #ahs = NO_BYTES;
  readonly #digest = Buffer.alloc(DIGEST_LENGTH);
  #dataLength = 0;
  /** Data segment with padding. */
  #paddedLength = 0;
  /** Where data is gathered; null: dropped. */
  #into: Buffer | null = null;
  #placed = false;
  /** Ours, in which `#into` lies. */
  #memory: Buffer | null = null;
  /** The same of a PDU that was handed up in this turn. */
  #lentMemory: Buffer | null = null;
  #crc = 0;

  constructor(sink: FramerSink, limits: FramerLimits) {
    this.#sink = sink;
    this.limits = limits;
  }

  /** Holds from the next PDU on. */
  setDigests(header: boolean, data: boolean): void {
    this.#headerDigest = header;
    this.#dataDigest = data;
  }

  /** Nothing is parsed or placed any more. */
  stop(): void {
    this.#state = 'stopped';
    this.#into = null;
    this.#memory = null;
  }

  /** True while a PDU is incomplete. */
  get midPdu(): boolean {
    return this.#state !== 'bhs' || this.#have > 0;
  }

  /** Nobody looks any more at data that was handed up. */
  turnOver(): void {
    if (this.#lentMemory === null) return;
    giveBackMemory(this.#lentMemory);
    this.#lentMemory = null;
  }

  /** Bytes to the end of the data segment under way and of the header after it; 0: none is. */
  get toNextData(): number {
    if (this.#state !== 'data') return 0;
    const digests =
      (this.#dataDigest ? DIGEST_LENGTH : 0) + (this.#headerDigest ? DIGEST_LENGTH : 0);
    return this.#paddedLength - this.#have + BHS_LENGTH + digests;
  }

  /** `buffer`, which `place` gave, is no longer ours to write to: further data is dropped. */
  withdraw(buffer: Buffer): void {
    if (this.#into === buffer) this.#into = null;
  }

  /**
   * Parses the chunk, and returns how many bytes of it: all, unless `mayGoOn`, which is asked after
   * each PDU, says no.
   */
  push(chunk: Buffer, mayGoOn: (() => boolean) | null = null): number {
    let at = 0;
    let { pdus } = this;
    while (at < chunk.length) {
      if (this.pdus !== pdus) {
        if (mayGoOn !== null && !mayGoOn()) return at;
        ({ pdus } = this);
      }
      switch (this.#state) {
        case 'bhs':
          if (this.#have === 0 && chunk.length - at >= BHS_LENGTH) {
            copyFew(chunk, at, this.#bhs, 0, BHS_LENGTH);
            at += BHS_LENGTH;
            this.#afterBhs();
            break;
          }
          at += this.#gather(this.#bhs, BHS_LENGTH, chunk, at);
          if (this.#have === BHS_LENGTH) this.#afterBhs();
          break;
        case 'ahs':
          at += this.#gather(this.#ahs, this.#ahs.length, chunk, at);
          if (this.#have === this.#ahs.length) this.#afterAhs();
          break;
        case 'headerDigest':
          at += this.#gather(this.#digest, DIGEST_LENGTH, chunk, at);
          if (this.#have === DIGEST_LENGTH) this.#afterHeaderDigest();
          break;
        case 'data':
          at += this.#takeData(chunk, at);
          break;
        case 'dataDigest':
          at += this.#gather(this.#digest, DIGEST_LENGTH, chunk, at);
          if (this.#have === DIGEST_LENGTH) this.#deliver(this.#into ?? NO_BYTES);
          break;
        case 'stopped':
          return chunk.length;
      }
    }
    return at;
  }

  #gather(into: Buffer, length: number, chunk: Buffer, at: number): number {
    const taken = Math.min(length - this.#have, chunk.length - at);
    chunk.copy(into, this.#have, at, at + taken);
    this.#have += taken;
    return taken;
  }

  #enter(state: State): void {
    this.#state = state;
    this.#have = 0;
  }

  #afterBhs(): void {
    const ahsLength = ahsLengthOf(this.#bhs);
    this.#dataLength = dataSegmentLengthOf(this.#bhs);
    this.#ahs = NO_BYTES;
    // With a header digest a wrong length is more likely a wrong bit: either way the stream ends.
    if (ahsLength > this.limits.ahs) {
      return this.#fail('ahsTooLong', `${ahsLength} bytes of ${this.limits.ahs}`);
    }
    if (this.#dataLength > this.limits.dataSegment) {
      const detail = `${this.#dataLength} bytes of ${this.limits.dataSegment}`;
      return this.#fail('dataSegmentTooLong', detail);
    }
    if (ahsLength > 0) {
      this.#ahs = Buffer.alloc(ahsLength);
      return this.#enter('ahs');
    }
    return this.#afterAhs();
  }

  #afterAhs(): void {
    if (this.#headerDigest) return this.#enter('headerDigest');
    return this.#beginData();
  }

  #afterHeaderDigest(): void {
    const computed = crc32c(this.#ahs, crc32c(this.#bhs));
    // RFC 7143 §13.1: the digest goes over the wire least significant byte first.
    if (this.#digest.readUInt32LE(0) !== computed) {
      return this.#fail('headerDigest', 'the header does not match its digest');
    }
    return this.#beginData();
  }

  #beginData(): void {
    this.#into = null;
    this.#placed = false;
    if (this.#dataLength === 0) return this.#finish(NO_BYTES, true);
    this.#paddedLength = padded(this.#dataLength);
    this.#crc = 0;
    this.#enter('data');
    this.#into = this.#sink.place(this.#bhs, this.#dataLength);
    this.#placed = this.#into !== null;
    return undefined;
  }

  /** Takes what the chunk holds of the data segment; returns how many bytes. */
  #takeData(chunk: Buffer, at: number): number {
    const available = chunk.length - at;
    if (this.#have === 0 && !this.#placed) {
      const whole = this.#paddedLength + (this.#dataDigest ? DIGEST_LENGTH : 0);
      if (available >= whole) {
        this.#lend(chunk, at);
        return whole;
      }
      this.#memory = takeMemory(this.#dataLength);
      this.#into = this.#memory.subarray(0, this.#dataLength);
    }
    const taken = Math.min(this.#paddedLength - this.#have, available);
    const wanted = Math.min(taken, Math.max(0, this.#dataLength - this.#have));
    if (wanted > 0) this.#fill(chunk.subarray(at, at + wanted));
    if (this.#dataDigest) {
      // RFC 7143 §11.2.4: padding is covered too.
      this.#crc = crc32c(chunk.subarray(at, at + taken), this.#crc);
    }
    this.#have += taken;
    if (this.#have === this.#paddedLength) {
      if (this.#dataDigest) this.#enter('dataDigest');
      else this.#finish(this.#into ?? NO_BYTES, true);
    }
    return taken;
  }

  #fill(data: Buffer): void {
    // With a data digest nothing is used before it was found right.
    const used = this.#placed && !this.#dataDigest && this.#into !== null;
    const taken = used ? this.#sink.take(data, this.#have) : 0;
    if (taken === data.length) return;
    this.#into?.set(taken === 0 ? data : data.subarray(taken), this.#have + taken);
  }

  /** The whole data segment, and its digest, lie in the chunk. */
  #lend(chunk: Buffer, at: number): void {
    const end = at + this.#paddedLength;
    const ok = !this.#dataDigest || chunk.readUInt32LE(end) === crc32c(chunk.subarray(at, end));
    this.#finish(chunk.subarray(at, at + this.#dataLength), ok);
  }

  #deliver(data: Buffer): void {
    this.#finish(data, this.#digest.readUInt32LE(0) === this.#crc);
  }

  #finish(data: Buffer, dataDigestOk: boolean): void {
    // First the state: the handler may stop us or change the digests for the next PDU.
    this.#enter('bhs');
    this.pdus++;
    this.#into = null;
    if (this.#memory !== null) {
      this.#lentMemory = this.#memory;
      this.#memory = null;
    }
    this.#sink.pdu(this.#bhs, this.#ahs, data, dataDigestOk);
  }

  #fail(fault: FramerFault, detail: string): void {
    this.stop();
    this.#sink.fault(fault, detail);
  }
}
