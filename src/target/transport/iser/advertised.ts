/**
 * Buffers that the initiator gave for its commands, by task tag, from the arrival of a command
 * until it is over. The initiator vouches for them; a wrong one only hurts itself.
 */
import type { PendingRead, RemoteBuffer } from '../rdma_connection.ts';

/**
 * Commands of one connection whose buffers are known. Far above what the window of a session lets
 * through: those beyond were rejected or ignored, and the oldest are forgotten.
 */
export const MAX_ADVERTISED_COMMANDS = 4096;

export interface Advertised {
  /** Where Data-In goes. */
  readonly read: RemoteBuffer | null;
  /** Where solicited Data-Out comes from. */
  readonly write: RemoteBuffer | null;
  /** Offset in the command's data at which `write` begins. */
  readonly writeFrom: number;
  /** RDMA Reads under way. */
  readonly reads: PendingRead[];
}

export class AdvertisedBuffers {
  readonly #byTag = new Map<number, Advertised>();

  get size(): number {
    return this.#byTag.size;
  }

  set(itt: number, buffers: Advertised): void {
    // A tag that is used again goes to the end: the map stays in order of arrival.
    this.#byTag.delete(itt);
    if (this.#byTag.size >= MAX_ADVERTISED_COMMANDS) {
      for (const [oldest] of this.#byTag) {
        this.#byTag.delete(oldest);
        break;
      }
    }
    this.#byTag.set(itt, buffers);
  }

  get(itt: number): Advertised | undefined {
    return this.#byTag.get(itt);
  }

  forget(itt: number): void {
    this.#byTag.delete(itt);
  }

  clear(): void {
    this.#byTag.clear();
  }
}
