/** What makes an engine one of several data threads; absent where it is the only one. */
import type { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../../../util/clock.ts';
import type { Elsewhere } from '../../iscsi/accept.ts';
import { SCSI_SERVICES, type ScsiServices } from '../../iscsi/scsi_services.ts';
import type { Dues } from '../../scsi/dues.ts';
import { STAGING } from '../../scsi/staging.ts';
import { IO_SLOTS } from '../../storage/io_slots.ts';
import { HandOver } from './hand_over.ts';
import { Peers } from './peers.ts';
import { keepHolds } from './remote_holds.ts';
import { DUES_BYTES, SharedDues } from './shared_dues.ts';
import { SharedTables } from './shared_tables.ts';
import { SharedUnits } from './shared_units.ts';

/** Sent to a thread when it starts. */
export interface MemberData {
  readonly self: number;
  /** By thread; null at `self`. */
  readonly ports: readonly (MessagePort | null)[];
  readonly flags: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
}

type Accept = (socket: Socket, portal: string, bytes: Buffer | undefined) => void;

export class Membership {
  readonly self: number;
  readonly threads: number;
  readonly units: SharedUnits;
  readonly tables: SharedTables;
  /** Each command first learns what the other threads have told. */
  readonly scsi: ScsiServices;
  readonly #peers: Peers;
  readonly #words: Int32Array;
  #handOver: HandOver | undefined;
  /** In thread 0: of limits that node ACLs have had since the start. */
  readonly #dues = new Map<string, SharedArrayBuffer>();

  constructor({ self, ports, flags, words }: MemberData) {
    const peers = new Peers({ self, ports, flags: new Int32Array(flags) });
    this.self = self;
    this.threads = peers.count;
    this.#peers = peers;
    this.#words = new Int32Array(words);
    this.units = new SharedUnits(peers);
    this.tables = new SharedTables(peers, this.#words);
    this.scsi = {
      ...SCSI_SERVICES,
      submit(task) {
        peers.sync();
        SCSI_SERVICES.submit(task);
      },
    };
    if (self === 0) keepHolds(peers);
    peers.onAsked('dues', (name: string, answer) => answer(this.#duesOf(name)));
  }

  handOver(accept: Accept): HandOver {
    this.#handOver = new HandOver(this.#peers, this.#words, accept);
    return this.#handOver;
  }

  /** Logins go to the thread whose session they want to join. */
  elsewhere(portal: string): Elsewhere {
    return (socket, tsih, bytes) => {
      const owner = tsih % this.threads;
      if (tsih === 0 || owner === this.self) return false;
      return this.#handOver?.pass(socket, portal, owner, bytes) === true;
    };
  }

  /** Of a limit of rate of that name, which holds for the sessions of all threads together. */
  dues(name: string, clock: Clock): Dues {
    if (this.self === 0) return new SharedDues(clock, this.#duesOf(name));
    const dues = new SharedDues(clock);
    this.#peers.ask(0, 'dues', name, (memory: SharedArrayBuffer) => dues.adopt(memory));
    return dues;
  }

  #duesOf(name: string): SharedArrayBuffer {
    const known = this.#dues.get(name) ?? new SharedArrayBuffer(DUES_BYTES);
    this.#dues.set(name, known);
    return known;
  }

  close(): void {
    this.#peers.close();
  }
}

/** What the process has once is divided among its data threads. */
export function divideResources(threads: number): void {
  IO_SLOTS.divide(threads);
  STAGING.divide(threads);
}
