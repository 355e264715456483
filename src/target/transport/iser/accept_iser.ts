/** An accepted TCP socket as an iSER connection over user-space iWARP. */
import type { Socket } from 'node:net';
import type { Clock } from '../../../util/clock.ts';
import type { MoverEvents } from '../datamover.ts';
import { IwarpConnection } from '../iwarp/iwarp_connection.ts';
import type { MpaOffer } from '../iwarp/mpa_negotiation.ts';
import { segmentSizeOf } from '../iwarp/segment_size.ts';
import { encodeConnectData, takesSendInvalidate } from './iser_header.ts';
import { IserMover } from './iser_mover.ts';

/** RDMA Reads of ours under way at a time, if the initiator serves as many. */
const OUTGOING_READS = 128;
/** RFC 7145 §8.1.2: an initiator has nothing to read from a target. */
const SERVED_READS = 1;

export interface AcceptIserOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly events: MoverEvents;
  readonly localAddress: string;
  /** Why the initiator is refused, or null. */
  readonly refuse: string | null;
  /** Another data thread has answered the MPA request. */
  readonly answered: boolean;
  /** It may go to another data thread still. */
  readonly record: boolean;
}

export interface AcceptedIser {
  readonly mover: IserMover;
  /** With `record`: all input so far, or null where it must stay here. Recording ends. */
  readonly takeInput: () => Buffer | null;
}

export function acceptIser(options: AcceptIserOptions): AcceptedIser {
  const { socket, clock, localAddress, refuse, answered, record, events } = options;
  let takeInput = (): Buffer | null => null;
  const offerFor = (privateData: Buffer): MpaOffer | string =>
    refuse ?? {
      crc: false,
      ird: SERVED_READS,
      ord: OUTGOING_READS,
      privateData: encodeConnectData(takesSendInvalidate(privateData)),
    };
  const mover = new IserMover({
    events,
    connect: (rdma) => {
      const connection = new IwarpConnection({
        socket,
        clock,
        events: rdma,
        startup: { role: 'responder', offerFor, answered },
        emss: segmentSizeOf(localAddress),
        record,
      });
      takeInput = () => connection.takeInput();
      return connection;
    },
  });
  return { mover, takeInput };
}
