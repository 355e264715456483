/**
 * The mover of a connection that has not said yet what it speaks. An MPA request and an iSCSI login
 * differ in their first byte; whoever says nothing is ended by the login's time limit.
 */
import type { Socket } from 'node:net';
import { NO_BYTES, ownedCopy } from '../../util/bytes.ts';
import type { Clock } from '../../util/clock.ts';
import { BHS_LENGTH } from '../pdu/bhs.ts';
import type { DataDone, DataMover, MoverEvents, Transfer } from './datamover.ts';
import { offInput, onInput } from './lent_socket.ts';
import { opensWithMpa } from './iwarp/mpa_frame.ts';

export type Spoken = 'iSCSI' | 'MPA';

export interface FirstBytesOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly events: MoverEvents;
  /** Bytes wanted of what is not MPA before it is decided; at least 1. */
  readonly atLeast: number;
  /** Called once; the mover that serves the connection from now on is handed `bytes`. */
  readonly decided: (spoken: Spoken, bytes: Buffer) => void;
}

export class FirstBytes implements DataMover {
  readonly transport = 'TCP';
  readonly heardMs: number;
  readonly #options: FirstBytesOptions;
  #gathered: Buffer = NO_BYTES;
  #why = 'connection closed by the initiator';

  constructor(options: FirstBytesOptions) {
    this.#options = options;
    this.heardMs = options.clock.nowMs();
    const { socket } = options;
    onInput(socket, this.#take);
    socket.on('error', this.#failed);
    socket.once('close', this.#closed);
  }

  readonly #take = (chunk: Buffer): void => {
    // Never more than a key or a header: more than that is decided.
    const bytes = this.#gathered.length === 0 ? chunk : Buffer.concat([this.#gathered, chunk]);
    const mpa = opensWithMpa(bytes);
    if (mpa === 'maybe' || (mpa === 'no' && bytes.length < this.#options.atLeast)) {
      this.#gathered = ownedCopy(bytes);
      return;
    }
    this.#letGo();
    this.#options.decided(mpa === 'yes' ? 'MPA' : 'iSCSI', bytes);
  };
  readonly #failed = (error: Error): void => {
    this.#why = `connection lost: ${error.message}`;
  };
  readonly #closed = (): void => this.#options.events.connectionTerminateNotify(this.#why);

  #letGo(): void {
    const { socket } = this.#options;
    offInput(socket, this.#take);
    socket.off('error', this.#failed);
    socket.off('close', this.#closed);
  }

  connectionTerminate(): void {
    this.#why = 'connection closed by the target';
    this.#options.socket.destroy();
  }

  // Nothing moves before it is known how.

  newHeader(): Buffer {
    return Buffer.alloc(BHS_LENGTH);
  }
  sendControl(): void {}
  putData(
    _transfer: Transfer,
    _data: Buffer,
    _offset: number,
    _last: boolean,
    sent: () => void,
  ): void {
    sent();
  }
  putStatus(): boolean {
    return false;
  }
  getData(_transfer: Transfer, _into: Buffer, _offset: number, _done: DataDone): void {}
  deallocateTaskResources(): void {}
  enableDatamover(): void {}
  noticeMaxSendDataSegmentLength(): void {}
}
