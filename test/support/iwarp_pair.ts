/** Two ends of an iWARP connection in one process, in memory, with everything that they report. */
import { SYSTEM_CLOCK } from '../../src/util/clock.ts';
import { IwarpConnection } from '../../src/target/transport/iwarp/iwarp_connection.ts';
import type { MpaOffer } from '../../src/target/transport/iwarp/mpa_negotiation.ts';
import type { RdmaEvents } from '../../src/target/transport/rdma_connection.ts';
import { settled, socketPair, type PairOptions, type SocketPair } from './memory_sockets.ts';

export interface Heard {
  readonly messages: Buffer[];
  readonly invalidated: (number | null)[];
  readonly solicited: boolean[];
  privateData: Buffer | null;
  ended: string | null;
}

export interface IwarpEnd {
  readonly connection: IwarpConnection;
  readonly heard: Heard;
}

export interface IwarpPair {
  readonly initiator: IwarpEnd;
  readonly responder: IwarpEnd;
  readonly sockets: SocketPair;
}

export interface IwarpPairOptions extends PairOptions {
  readonly crc?: boolean;
  readonly enhanced?: boolean;
  readonly emss?: number;
  readonly initiator?: Partial<MpaOffer>;
  readonly responder?: Partial<MpaOffer>;
  /** The responder rejects whoever comes. */
  readonly refuse?: string;
}

const USUAL: MpaOffer = { crc: false, ird: 16, ord: 16, privateData: Buffer.from('hello') };

export function eventsInto(heard: Heard): RdmaEvents {
  return {
    established: (privateData) => void (heard.privateData = privateData),
    received: (buffer, length, invalidated, solicited) => {
      heard.solicited.push(solicited);
      heard.messages.push(Buffer.from(buffer.subarray(0, length)));
      heard.invalidated.push(invalidated);
    },
    internalError: (error) => {
      throw error;
    },
    disconnected: (why) => void (heard.ended = why),
  };
}

export const newHeard = (): Heard => ({
  messages: [],
  invalidated: [],
  solicited: [],
  privateData: null,
  ended: null,
});

export async function iwarpPair(options: IwarpPairOptions = {}): Promise<IwarpPair> {
  const { crc = false, enhanced = true, emss = 1448 } = options;
  const sockets = socketPair(options);
  const clock = SYSTEM_CLOCK;
  const heard = { initiator: newHeard(), responder: newHeard() };
  const theirs = { ...USUAL, ...options.responder };
  const responder = new IwarpConnection({
    socket: sockets.far,
    clock,
    emss,
    events: eventsInto(heard.responder),
    startup: { role: 'responder', offerFor: () => options.refuse ?? theirs },
  });
  const offer = { ...USUAL, crc, ...options.initiator };
  const initiator = new IwarpConnection({
    socket: sockets.near,
    clock,
    emss,
    events: eventsInto(heard.initiator),
    startup: { role: 'initiator', offer, enhanced },
  });
  await settled();
  return {
    initiator: { connection: initiator, heard: heard.initiator },
    responder: { connection: responder, heard: heard.responder },
    sockets,
  };
}

/** Opens the responder's mouth: it may not send before the initiator has. */
export async function greet(pair: IwarpPair): Promise<void> {
  pair.responder.connection.postReceive(Buffer.alloc(16));
  pair.initiator.connection.send(Buffer.from('first'), null);
  await settled();
  pair.responder.heard.messages.length = 0;
  pair.responder.heard.invalidated.length = 0;
  pair.responder.heard.solicited.length = 0;
}
