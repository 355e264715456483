/**
 * What two sides of an MPA connection agree on (RFC 5044 §7.1, RFC 6581 §4): CRC or not, and how
 * many RDMA Reads may be under way each way. Markers are never sent: who wants them is refused.
 */
import { NO_BYTES } from '../../../util/bytes.ts';
import {
  DEPTH_OPEN,
  encodeMpaFrame,
  MPA_REVISIONS,
  type MpaDepths,
  type MpaFrame,
} from './mpa_frame.ts';
import { FAULT, type Fault } from './terminate.ts';

export interface MpaOffer {
  /** We want CRC; the other side may want it too. */
  readonly crc: boolean;
  /** RDMA Reads of the peer that we serve at a time. */
  readonly ird: number;
  /** RDMA Reads of ours that we want under way at a time. */
  readonly ord: number;
  readonly privateData: Buffer;
}

/** The empty frame that an initiator sends first when the responder asks to begin. */
export type ReadyToReceive = 'none' | 'empty' | 'write' | 'read';

export interface MpaAgreement {
  readonly crc: boolean;
  readonly ird: number;
  readonly ord: number;
  readonly rtr: ReadyToReceive;
  /** What the peer said. */
  readonly privateData: Buffer;
}

export type MpaAnswer =
  | { readonly ok: true; readonly reply: Buffer; readonly agreement: MpaAgreement }
  /** `reply`: to be sent before closing; null: to be closed at once (RFC 5044 §7.1). */
  | { readonly ok: false; readonly reply: Buffer | null; readonly why: string };

/** Without enhanced startup nobody says how many reads the peer takes: one is always taken. */
const ORD_UNTOLD = 1;

const PLAIN_DEPTHS = { peerToPeer: false, rtrEmpty: false, rtrWrite: false, rtrRead: false };

/** An answer that refuses, in the peer's own revision. */
export function rejectionOf(request: MpaFrame): Buffer {
  const depths = request.depths === null ? null : { ...PLAIN_DEPTHS, ird: 0, ord: 0 };
  return encodeMpaFrame('reply', {
    markers: false,
    crc: false,
    reject: true,
    revision: request.revision,
    depths,
    privateData: NO_BYTES,
  });
}

/** Why a request cannot be served whatever is offered; null: it can. */
function refusalOf(request: MpaFrame): MpaAnswer | null {
  const { revision } = request;
  if (revision !== MPA_REVISIONS.BASIC && revision !== MPA_REVISIONS.ENHANCED) {
    return { ok: false, reply: null, why: `MPA revision ${revision} is not served` };
  }
  if (request.markers) {
    const why = 'the initiator wants MPA markers, which are not served';
    return { ok: false, reply: rejectionOf(request), why };
  }
  return null;
}

/** The responder's side. */
export function answerMpaRequest(request: MpaFrame, offer: MpaOffer): MpaAnswer {
  const refusal = refusalOf(request);
  if (refusal !== null) return refusal;
  const { depths } = request;
  // RFC 5044 §7.1: one side that wants CRC is enough.
  const crc = request.crc || offer.crc;
  const rtr = depths === null ? 'none' : readyToReceiveOf(depths);
  if (rtr === null) {
    const why = 'the initiator names no frame to be ready by';
    return { ok: false, reply: rejectionOf(request), why };
  }
  const ird = depths === null ? offer.ird : depthWithin(depths.ord, offer.ird);
  const ord =
    depths === null ? Math.min(offer.ord, ORD_UNTOLD) : depthWithin(depths.ird, offer.ord);
  const reply = encodeMpaFrame('reply', {
    markers: false,
    crc,
    reject: false,
    revision: request.revision,
    depths: depths === null ? null : { ...rtrFlags(rtr), ird, ord },
    privateData: offer.privateData,
  });
  const { privateData } = request;
  return { ok: true, reply, agreement: { crc, ird, ord, rtr, privateData } };
}

/** Of what the initiator can send, one; null: it asks for the exchange and names nothing. */
function readyToReceiveOf(depths: MpaDepths): ReadyToReceive | null {
  if (!depths.peerToPeer) return 'none';
  if (depths.rtrWrite) return 'write';
  if (depths.rtrRead) return 'read';
  return depths.rtrEmpty ? 'empty' : null;
}

function rtrFlags(rtr: ReadyToReceive): Omit<MpaDepths, 'ird' | 'ord'> {
  return {
    peerToPeer: rtr !== 'none',
    rtrEmpty: rtr === 'empty',
    rtrWrite: rtr === 'write',
    rtrRead: rtr === 'read',
  };
}

function depthWithin(theirs: number, ours: number): number {
  return theirs === DEPTH_OPEN ? ours : Math.min(theirs, ours);
}

/** The initiator's request, with enhanced startup or without. */
export function mpaRequestOf(offer: MpaOffer, enhanced: boolean): Buffer {
  return encodeMpaFrame('request', {
    markers: false,
    crc: offer.crc,
    reject: false,
    revision: enhanced ? MPA_REVISIONS.ENHANCED : MPA_REVISIONS.BASIC,
    depths: enhanced ? { ...PLAIN_DEPTHS, ird: offer.ird, ord: offer.ord } : null,
    privateData: offer.privateData,
  });
}

export type MpaOutcome =
  | { readonly ok: true; readonly agreement: MpaAgreement }
  /** `terminate`: to be sent before closing, with CRC or without; null: to be closed at once. */
  | {
      readonly ok: false;
      readonly why: string;
      readonly terminate: { readonly fault: Fault; readonly crc: boolean } | null;
    };

/** The initiator's side: what the reply makes of its request. */
export function takeMpaReply(reply: MpaFrame, offer: MpaOffer, enhanced: boolean): MpaOutcome {
  const refused = (why: string): MpaOutcome => ({ ok: false, why, terminate: null });
  const ended = (fault: Fault, why: string): MpaOutcome => {
    return { ok: false, why, terminate: { fault, crc: reply.crc } };
  };
  const asked = enhanced ? MPA_REVISIONS.ENHANCED : MPA_REVISIONS.BASIC;
  if (reply.reject) return refused('the target rejected the MPA connection');
  if (reply.revision !== asked) return refused(`MPA reply of revision ${reply.revision}`);
  if (reply.markers) return refused('the target wants MPA markers, which are not served');
  // RFC 5044 §7.1: the reply may add CRC, never take it back.
  if (offer.crc && !reply.crc) return refused('the target took back the CRC that was asked for');
  const { crc, depths, privateData } = reply;
  if (!enhanced) {
    const ord = Math.min(offer.ord, ORD_UNTOLD);
    return { ok: true, agreement: { crc, ird: offer.ird, ord, rtr: 'none', privateData } };
  }
  if (depths === null) return refused('MPA reply without enhanced startup');
  // RFC 6581 §9: no frame to be ready by was offered, so that none can fit.
  if (depths.peerToPeer) {
    return ended(FAULT.noMatchingRtr, 'the target asks to send first, unasked');
  }
  // RFC 6581 §4: the responder may not read more at a time than the initiator serves.
  if (depths.ord !== DEPTH_OPEN && depths.ord > offer.ird) {
    const why = `the target wants ${depths.ord} reads under way, ${offer.ird} are served`;
    return ended(FAULT.insufficientIrd, why);
  }
  const ord = depthWithin(depths.ird, offer.ord);
  return { ok: true, agreement: { crc, ird: offer.ird, ord, rtr: 'none', privateData } };
}
