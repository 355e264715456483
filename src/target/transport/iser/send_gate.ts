/**
 * Holds back control PDUs until they may go, in their order: while RDMA Reads of aborted commands
 * are under way (the initiator must not take its memory back before they end), and while it has
 * declared that it takes no more PDUs that it does not expect.
 */

import { serialLess } from '../../../util/serial32.ts';

/** PDUs held back; the session's window and its few immediate requests stay far below. */
export const MAX_HELD_PDUS = 2048;

export interface HeldPdu {
  readonly bhs: Buffer;
  readonly data: Buffer | null;
  /** The tag of the initiator that goes back with it. */
  readonly invalidate: number | null;
  /** It counts against what the initiator takes without expecting it. */
  readonly unexpected: boolean;
  /** It must come after all reads that were given up. */
  readonly afterReads: boolean;
}

export class SendGate {
  /** RDMA Reads given up and not answered yet. */
  abandonedReads = 0;
  /** What the initiator declared, less the one ping that may always go; 0: no limit. */
  unexpectedLimit = 0;
  /** StatSN of each unexpected PDU that is not acknowledged. */
  readonly #unacknowledged: number[] = [];
  readonly #held: HeldPdu[] = [];

  get held(): number {
    return this.#held.length;
  }

  /** False: it must wait. */
  passes(pdu: HeldPdu): boolean {
    return this.#held.length === 0 && this.#mayGo(pdu);
  }

  /** False: too many. */
  hold(pdu: HeldPdu): boolean {
    if (this.#held.length >= MAX_HELD_PDUS) return false;
    this.#held.push(pdu);
    return true;
  }

  /** The next one that may go now. */
  next(): HeldPdu | null {
    const [first] = this.#held;
    if (first === undefined || !this.#mayGo(first)) return null;
    this.#held.shift();
    return first;
  }

  /** An unexpected PDU went out with this StatSN. */
  sentUnexpected(statSN: number): void {
    if (this.unexpectedLimit > 0) this.#unacknowledged.push(statSN);
  }

  /** The initiator has everything before `expStatSN`. */
  acknowledged(expStatSN: number): void {
    while (this.#unacknowledged.length > 0) {
      const [oldest = 0] = this.#unacknowledged;
      if (!serialLess(oldest, expStatSN)) return;
      this.#unacknowledged.shift();
    }
  }

  clear(): void {
    this.#held.length = 0;
    this.#unacknowledged.length = 0;
  }

  #mayGo(pdu: HeldPdu): boolean {
    if (pdu.afterReads && this.abandonedReads > 0) return false;
    return !pdu.unexpected || !this.#full();
  }

  #full(): boolean {
    return this.unexpectedLimit > 0 && this.#unacknowledged.length >= this.unexpectedLimit;
  }
}
