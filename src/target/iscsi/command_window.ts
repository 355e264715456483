/**
 * Command numbering of a session (RFC 7143 §4.2.2.1): which CmdSN is next, how far the initiator
 * may go, and the commands that came early and wait for a gap to close.
 */
import { ittOf } from '../pdu/bhs.ts';
import { serialAdd, serialDistance, serialLess } from '../../util/serial32.ts';

/** Bytes of early commands and their immediate data kept for one session. */
export const MAX_HELD_BYTES = 4 * 1024 * 1024;

export interface HeldCommand {
  readonly bhs: Buffer;
  readonly ahs: Buffer;
  readonly data: Buffer;
  /** Unsolicited Data-Out PDUs that came meanwhile. */
  readonly dataOut: HeldDataOut[];
}
export interface HeldDataOut {
  readonly bhs: Buffer;
  readonly data: Buffer;
}

export type Arrival =
  /** Its turn: deliver, then `takeNext` until there is none. */
  | 'next'
  /** Inside the window, but others are missing before it. */
  | 'early'
  /** Outside the window, or there already. */
  | 'ignore';

/** What may slow a session down: the initiator then keeps its commands to itself. */
export interface Slowed {
  readonly throttle: { room(): number } | null;
}
const NEVER_SLOWED: Slowed = { throttle: null };

export class CommandWindow {
  readonly #depth: number;
  readonly #slowed: Slowed;
  #expCmdSN: number;
  #maxCmdSN: number;
  /** Numbered commands between delivery and response. */
  inProgress = 0;
  /** null: declared over by ABORT TASK before it came. */
  readonly #held = new Map<number, HeldCommand | null>();
  #heldBytes = 0;

  constructor(depth: number, firstCmdSN: number, slowed: Slowed = NEVER_SLOWED) {
    this.#depth = depth;
    this.#slowed = slowed;
    this.#expCmdSN = firstCmdSN;
    // Closed: what it opens to is decided when it is told.
    this.#maxCmdSN = serialAdd(firstCmdSN, -1);
  }

  get expCmdSN(): number {
    return this.#expCmdSN;
  }

  /** RFC 7143 §4.2.2.1: closes as commands pile up, and never goes back. */
  get maxCmdSN(): number {
    let open = this.#depth - this.inProgress;
    const { throttle } = this.#slowed;
    if (throttle !== null) open = Math.min(open, throttle.room());
    const wanted = serialAdd(this.#expCmdSN, open - 1);
    if (serialLess(this.#maxCmdSN, wanted)) this.#maxCmdSN = wanted;
    return this.#maxCmdSN;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  arrival(cmdSN: number): Arrival {
    if (cmdSN === this.#expCmdSN) return this.#windowOpen() ? 'next' : 'ignore';
    if (!this.#inside(cmdSN) || this.#held.has(cmdSN)) return 'ignore';
    return 'early';
  }

  /** The command with ExpCmdSN is delivered. */
  advance(): void {
    this.#expCmdSN = serialAdd(this.#expCmdSN, 1);
  }

  hold(cmdSN: number, command: HeldCommand): void {
    this.#held.set(cmdSN, command);
    this.#heldBytes += sizeOf(command);
  }

  /** Data of a command that waits: kept with it. False: no such command. */
  holdData(itt: number, dataOut: HeldDataOut): boolean {
    for (const command of this.#held.values()) {
      if (command === null || ittOf(command.bhs) !== itt) continue;
      command.dataOut.push(dataOut);
      this.#heldBytes += dataOut.bhs.length + dataOut.data.length;
      return true;
    }
    return false;
  }

  /** The held command whose turn it is now; those declared over are passed by. */
  takeNext(): HeldCommand | undefined {
    for (;;) {
      if (this.#held.size === 0) return undefined;
      const command = this.#held.get(this.#expCmdSN);
      if (command === undefined) return undefined;
      this.#held.delete(this.#expCmdSN);
      if (command !== null) {
        this.#heldBytes -= sizeOf(command);
        return command;
      }
      this.advance();
    }
  }

  /**
   * RFC 7143 §11.5.5, ABORT TASK of a command that never came: if `refCmdSN` is inside the window
   * it counts as received from now on. False: outside, so there was never such a task.
   */
  declareReceived(refCmdSN: number): boolean {
    if (!this.#inside(refCmdSN)) return false;
    const held = this.#held.get(refCmdSN);
    if (held) this.#heldBytes -= sizeOf(held);
    this.#held.set(refCmdSN, null);
    return true;
  }

  /** Nothing that waits is delivered any more. */
  clear(): void {
    this.#held.clear();
    this.#heldBytes = 0;
  }

  #windowOpen(): boolean {
    return !serialLess(this.maxCmdSN, this.#expCmdSN);
  }

  #inside(cmdSN: number): boolean {
    const ahead = serialDistance(this.#expCmdSN, cmdSN);
    return ahead >= 0 && ahead <= serialDistance(this.#expCmdSN, this.maxCmdSN);
  }
}

function sizeOf(command: HeldCommand): number {
  let bytes = command.bhs.length + command.ahs.length + command.data.length;
  for (const { bhs, data } of command.dataOut) bytes += bhs.length + data.length;
  return bytes;
}
