/**
 * Connections go to the data thread with the fewest. A descriptor is duplicated, its number sent,
 * and the own one closed: at each moment one thread owns the one that it may close.
 */
import { Socket } from 'node:net';
import { THREAD_CALLS, type ThreadCalls } from '../../storage/thread_calls.ts';
import { LentSocket } from '../../transport/lent_socket.ts';
import { WORD } from './membership_words.ts';
import type { Peers } from './peers.ts';

interface Handed {
  readonly fd: number;
  readonly portal: string;
  /** What was read of it already. */
  readonly bytes: Uint8Array | undefined;
}
type Accept = (socket: Socket, portal: string, bytes: Buffer | undefined) => void;

/** What of Node's sockets is not in its types. */
type WithHandle = { readonly _handle?: { readonly fd?: number } | null };
type SocketOptions = ConstructorParameters<typeof Socket>[0];

export class HandOver {
  readonly #peers: Peers;
  readonly #words: Int32Array;
  readonly #calls: ThreadCalls | null;
  readonly #accept: Accept;
  /** While the configuration changes: a thread may not know yet what the connection is for. */
  #waiting: (() => void)[] | null = null;
  #last = 0;

  constructor(peers: Peers, words: Int32Array, accept: Accept, calls = THREAD_CALLS) {
    this.#peers = peers;
    this.#words = words;
    this.#accept = accept;
    this.#calls = calls;
    peers.onAsked('connection', (handed: Handed, answer) => this.#receive(handed, answer));
  }

  /** Connections that come now wait for `resume`. */
  suspend(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const go of waiting) go();
  }

  /** A new connection, paused, of which nothing was read. `gone`: when it has ended. */
  take(accepted: Socket, portal: string, gone: () => void): void {
    if (this.#waiting !== null) {
      this.#waiting.push(() => this.#place(accepted, portal, gone));
    } else {
      this.#place(accepted, portal, gone);
    }
  }

  /** `bytes` are lent. False: it stays. */
  pass(socket: Socket, portal: string, to: number, bytes: Buffer): boolean {
    return this.#send(socket, portal, to, Uint8Array.from(bytes), () => {});
  }

  #place(accepted: Socket, portal: string, gone: () => void): void {
    const to = this.#fewest();
    if (to === this.#peers.self || !this.#send(accepted, portal, to, undefined, gone)) {
      this.#count(this.#peers.self, 1);
      return this.#serve(accepted, portal, undefined, gone);
    }
    return void accepted.destroy();
  }

  /** Of equals each in its turn. */
  #fewest(): number {
    const { count } = this.#peers;
    let best = -1;
    let least = Infinity;
    for (let step = 1; step <= count; step++) {
      const thread = (this.#last + step) % count;
      const connections = Atomics.load(this.#words, WORD.CONNECTIONS + thread);
      if (connections >= least) continue;
      least = connections;
      best = thread;
    }
    this.#last = best;
    return best;
  }

  #send(
    socket: Socket,
    portal: string,
    to: number,
    bytes: Uint8Array | undefined,
    gone: () => void,
  ): boolean {
    const own = (socket as unknown as WithHandle)._handle?.fd ?? -1;
    const fd = own < 0 ? -1 : (this.#calls?.duplicate(own) ?? -1);
    if (fd < 0) return false;
    // At once: the next one that comes is not to go there as well.
    this.#count(to, 1);
    this.#peers.ask(to, 'connection', { fd, portal, bytes } satisfies Handed, gone);
    return true;
  }

  #receive({ fd, portal, bytes }: Handed, answer: () => void): void {
    const options = { fd, pauseOnCreate: true } as SocketOptions;
    this.#serve(new Socket(options), portal, bytes && Buffer.from(bytes), answer);
  }

  #serve(accepted: Socket, portal: string, bytes: Buffer | undefined, gone: () => void): void {
    const socket = LentSocket.takeOver(accepted);
    socket.once('close', () => {
      this.#count(this.#peers.self, -1);
      gone();
    });
    this.#accept(socket, portal, bytes);
    socket.resume();
  }

  #count(thread: number, change: 1 | -1): void {
    Atomics.add(this.#words, WORD.CONNECTIONS + thread, change);
  }
}
